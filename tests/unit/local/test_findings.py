"""Each check says ok, or what was found and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dojopool.adapters.redis_probe import RedisFacts
from dojopool.local.findings import (
    Finding,
    judge_broker,
    judge_clock,
    judge_python,
    judge_redis,
    judge_roles,
    judge_session_timeout,
    judge_topic,
    judge_transport,
)
from dojopool.local.topics import TopicReport

GOOD = RedisFacts(
    version="7.2.4",
    policy="noeviction",
    is_append_only=True,
    ahead_ms=3,
    partitions=4,
    refused={"replica": (), "sdk": ("ZREVRANGE x",)},
)


def redis(facts: RedisFacts, *, url: str = "rediss://cache.example:6380") -> dict[str, Finding]:
    """The findings by check."""
    return {finding.check: finding for finding in judge_redis("eu", facts, url=url, partitions=4)}


def test_a_good_redis_is_ok_in_every_line() -> None:
    """Six checks, all ok, none with a fix, all of the region."""
    found = redis(GOOD)

    assert list(found) == [
        "redis version",
        "redis persistence",
        "redis eviction",
        "redis TLS",
        "redis permissions",
        "redis state",
    ]
    assert {(finding.level, finding.fix, finding.region) for finding in found.values()} == {("ok", "", "eu")}


@pytest.mark.parametrize(
    ("facts", "check", "level", "fix"),
    [
        (replace(GOOD, policy="allkeys-lru"), "redis eviction", "problem", "maxmemory-policy noeviction"),
        (replace(GOOD, is_append_only=False), "redis persistence", "warning", "appendonly yes"),
        (replace(GOOD, refused={"replica": ("ZADD x",)}), "redis permissions", "problem", "deploy/redis.acl"),
        (replace(GOOD, partitions=16), "redis state", "problem", "DOJO_PARTITIONS=16"),
    ],
)
def test_each_fault_of_a_redis_is_one_line_with_its_fix(facts: RedisFacts, check: str, level: str, fix: str) -> None:
    """The other lines stay ok."""
    found = redis(facts)

    assert found[check].level == level
    assert fix in found[check].fix
    assert {finding.level for name, finding in found.items() if name != check} == {"ok"}


def test_a_redis_without_state_is_new() -> None:
    """Before the first replica there is nothing that could contradict."""
    assert redis(replace(GOOD, partitions=None))["redis state"].level == "ok"


@pytest.mark.parametrize(("ahead_ms", "level"), [(0, "ok"), (-1_000, "ok"), (1_001, "problem"), (-1_001, "problem")])
def test_a_clock_may_be_a_second_off(ahead_ms: int, level: str) -> None:
    """In either direction."""
    assert judge_clock("eu", ahead_ms).level == level


@pytest.mark.parametrize(
    ("least", "most", "level", "fix"),
    [("1000", "300000", "ok", ""), ("3000", "3000", "ok", ""), ("6000", "300000", "problem", "=6000"),
     ("100", "2000", "problem", "=2000")],
)  # fmt: skip
def test_a_session_timeout_lies_within_the_brokers_limits(least: str, most: str, level: str, fix: str) -> None:
    """Managed brokers ask for 6 s at least, and the fix is the nearest value that is taken."""
    settings = {"group.min.session.timeout.ms": least, "group.max.session.timeout.ms": most}
    found = judge_session_timeout("eu", settings, wanted_ms=3000)

    assert found.level == level
    assert fix in found.fix


def test_limits_that_cannot_be_read_are_not_guessed() -> None:
    """It is no problem that is known, and no ok."""
    assert judge_session_timeout("eu", None, wanted_ms=3000).level == "warning"
    assert judge_session_timeout("eu", {"min.insync.replicas": "2"}, wanted_ms=3000).level == "warning"


def test_an_old_python_is_a_problem() -> None:
    """The oldest supported one is not."""
    assert judge_python((3, 11, 0)).level == "ok"
    assert judge_python((3, 10, 9)).level == "problem"


def test_a_topic_is_ok_missing_or_wrong() -> None:
    """Every difference is named on the topic's line."""
    good = TopicReport("eu", "dojo.modes", 1, "exists")
    wrong = replace(good, outcome="differs", problems=("has 2 partitions, 1 partition needed", "has x"))

    assert judge_topic(good, would_be_seen=True).level == "ok"
    assert "dojo topics create" in judge_topic(replace(good, outcome="missing"), would_be_seen=True).fix
    assert judge_topic(wrong, would_be_seen=False).found == "has 2 partitions, 1 partition needed; has x"
    assert judge_topic(wrong, would_be_seen=False).level == "problem"


def test_a_topic_that_may_be_hidden_is_not_called_missing() -> None:
    """A replica's user does not see the topics that replicas do not use."""
    missing = TopicReport("eu", "dojo.modes", 1, "missing")

    assert judge_topic(missing, would_be_seen=False).level == "warning"
    assert judge_topic(missing, would_be_seen=True).level == "problem"


@pytest.mark.parametrize(
    ("host", "is_encrypted", "level"),
    [
        ("kafka.example", True, "ok"),
        ("127.0.0.1", False, "ok"),
        ("[::1]", False, "ok"),
        ("kafka.example", False, "warning"),
    ],
)
def test_plain_text_over_a_network_is_a_warning(host: str, is_encrypted: bool, level: str) -> None:
    """On loopback nobody listens."""
    assert judge_transport("eu", "kafka", host=host, is_encrypted=is_encrypted, fix="do").level == level


@pytest.mark.parametrize(
    ("name", "value", "brokers", "check", "level"),
    [
        ("unclean.leader.election.enable", "true", 3, "broker elections", "problem"),
        ("auto.create.topics.enable", "true", 3, "broker topics", "warning"),
        ("min.insync.replicas", "1", 3, "broker copies", "warning"),
        ("min.insync.replicas", "4", 3, "broker copies", "problem"),
        ("message.max.bytes", "100000", 3, "broker sizes", "problem"),
        ("min.insync.replicas", "1", 1, "broker settings", "ok"),
        ("log.dirs", "x", 3, "broker settings", "ok"),
    ],
)
def test_settings_of_a_broker_that_lose_events_are_told(
    name: str, value: str, brokers: int, check: str, level: str
) -> None:
    """Each by itself, with what it would do; of one broker no second copy is asked."""
    good = {
        "unclean.leader.election.enable": "false",
        "auto.create.topics.enable": "false",
        "min.insync.replicas": "2",
        "default.replication.factor": "3",
        "message.max.bytes": "1048588",
    }
    [found] = judge_broker("eu", good | {name: value}, brokers=brokers)

    assert (found.check, found.level, bool(found.fix)) == (check, level, level != "ok")


def test_settings_that_are_not_told_are_not_judged() -> None:
    """The session timeout's line says already that the broker tells this user nothing."""
    assert judge_broker("eu", None, brokers=3) == []


@pytest.mark.parametrize("version", ["6.2.14", "strange"])
def test_of_a_redis_without_functions_only_that_is_said(version: str) -> None:
    """Its permissions could not be asked, and would not help."""
    [found] = judge_redis("eu", replace(GOOD, version=version, refused={}), url="redis://a", partitions=4)

    assert (found.check, found.level, found.found) == ("redis version", "problem", version)
    assert "Redis 7" in found.fix


def test_a_user_is_somebodys() -> None:
    """Whoever can do one program's work is that program's user; who can do none's is told what each lacks."""
    able = judge_roles("eu", "kafka", {"replica": ("writing",), "sdk": ()}, fix="do")
    nobody = judge_roles("eu", "kafka", {"replica": ("writing", "x"), "sdk": ("writing",)}, fix="do")

    assert (able.level, able.found) == ("ok", "this user may do the work of: sdk")
    assert nobody.level == "problem"
    assert "replica lacks writing, x; sdk lacks writing" in nobody.found
