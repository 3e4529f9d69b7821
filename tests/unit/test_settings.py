"""Settings: what the environment may say, and what is said about it when it is wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from dojopool.errors import ConfigError
from dojopool.settings import (
    PROGRAMS,
    ClientSettings,
    ClusterSettings,
    KafkaSecurity,
    RaftSettings,
    ReplicaSettings,
    Settings,
    description,
    variable_names,
)
from dojopool.settings_values import Address, MemberAddress

REPLICA = {"DOJO_REGION": "eu", "DOJO_KAFKA": "kafka:9092", "DOJO_REDIS": "redis://redis"}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of whoever runs it."""
    for name in list(os.environ):
        if name.upper().startswith("DOJO_"):
            monkeypatch.delenv(name)


def set_all(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Set variables of the environment."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_a_replica_needs_a_region_a_kafka_and_a_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """With these three a replica starts; everything else has a default."""
    set_all(monkeypatch, **REPLICA)
    settings = ReplicaSettings.load()

    assert (settings.region, settings.regions) == ("eu", ("eu",))
    assert (settings.kafka_for("eu"), settings.redis_for("eu")) == ("kafka:9092", "redis://redis")
    assert (settings.prefix, settings.game, settings.partitions) == ("dojo", "pool", 16)
    assert (settings.metrics, settings.session_timeout_ms) == (None, 3000)
    assert settings.kafka_security() == KafkaSecurity()


@pytest.mark.parametrize("missing", list(REPLICA))
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Without one of the three a replica does not start, and the error names the variable."""
    set_all(monkeypatch, **{name: value for name, value in REPLICA.items() if name != missing})

    with pytest.raises(ConfigError, match=missing):
        ReplicaSettings.load()


def test_of_several_regions_one_must_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What works in one region does not guess which; the error names those there are, and an example."""
    set_all(monkeypatch, DOJO_REGIONS="eu,us")

    with pytest.raises(ConfigError, match=r"DOJO_REGION is not set: say which of eu, us to work in, as in .*=eu"):
        ClientSettings.load()


def test_an_unknown_name_is_refused_with_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable is an error, whichever program starts."""
    monkeypatch.setenv("DOJO_PARTITONS", "8")

    with pytest.raises(ConfigError, match=r"DOJO_PARTITONS .*did you mean DOJO_PARTITIONS\?"):
        Settings.load()


def test_a_name_like_no_other_points_to_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is near, the error says how to see what exists."""
    monkeypatch.setenv("DOJO_XYZZY", "8")

    with pytest.raises(ConfigError, match="dojo settings"):
        Settings.load()


def test_names_of_other_programs_and_of_the_build_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One environment may serve all programs."""
    set_all(monkeypatch, **REPLICA, DOJO_METRICS="7402", DOJO_COMPILE="1")

    assert Settings.load().prefix == "dojo"


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """`DOJO_METRICS=` in a compose file means not set."""
    set_all(monkeypatch, **REPLICA, DOJO_METRICS="", DOJO_PARTITIONS="")

    assert (ReplicaSettings.load().metrics, ReplicaSettings.load().partitions) == (None, 16)


def test_overrides_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line says counts; what it does not say is None and left to the environment."""
    set_all(monkeypatch, **REPLICA, DOJO_PARTITIONS="8", DOJO_PREFIX="staging")
    settings = ClientSettings.load(partitions=4, prefix=None, regions="eu,us")

    assert (settings.partitions, settings.prefix, settings.regions) == (4, "staging", ("eu", "us"))


def test_settings_cannot_be_changed() -> None:
    """Settings are read once."""
    settings = Settings.load()

    with pytest.raises(ValueError, match="frozen"):
        settings.prefix = "other"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("DOJO_PARTITIONS", "0", "greater than or equal to 1"),
        ("DOJO_PARTITIONS", "many", "integer"),
        ("DOJO_SESSION_TIMEOUT_MS", "10", "300"),
        ("DOJO_METRICS", "99999", "port"),
        ("DOJO_REGION", "EU", "small letters"),
        ("DOJO_PREFIX", "-x", "a-z"),
        ("DOJO_LOG", "yaml", "'json' or 'pretty'"),
        ("DOJO_KAFKA_SASL", "GSSAPI", "SCRAM-SHA-512"),
    ],
)
def test_a_wrong_value_is_shown_with_its_rule(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, rule: str
) -> None:
    """The error names the variable, what was found and what would be right."""
    set_all(monkeypatch, **{**REPLICA, name: value})

    with pytest.raises(ConfigError, match=f"{name} is '{value}': .*{rule}"):
        ReplicaSettings.load()


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to start a program five times to find five mistakes."""
    set_all(monkeypatch, **REPLICA, DOJO_PARTITIONS="0", DOJO_LOG="yaml")

    with pytest.raises(ConfigError, match=r"DOJO_LOG.*DOJO_PARTITIONS"):
        ReplicaSettings.load()


def test_values_per_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs name a region's servers; a bootstrap list may itself hold commas."""
    set_all(monkeypatch, DOJO_REGIONS="eu,us", DOJO_KAFKA="eu=a:1,b:2,us=c:3", DOJO_REDIS="eu=redis://a,us=redis://c")
    settings = ClusterSettings.load()

    assert (settings.kafka_for("eu"), settings.kafka_for("us")) == ("a:1,b:2", "c:3")
    assert (settings.redis_for("eu"), settings.redis_for("us")) == ("redis://a", "redis://c")


@pytest.mark.parametrize(
    ("kafka", "found"), [("", "is not set"), ("a:1", "one value"), ("us=a:1", "names only us")], ids=str
)
def test_a_region_without_a_server_is_named(monkeypatch: pytest.MonkeyPatch, kafka: str, found: str) -> None:
    """Asking for a region's Kafka that is not set says what is set and how to write it."""
    set_all(monkeypatch, DOJO_REGIONS="ap,eu,us", DOJO_REGION="eu", DOJO_KAFKA=kafka)

    with pytest.raises(ConfigError, match=f"DOJO_KAFKA .*{found}.*ap=value"):
        ClusterSettings.load().kafka_for("ap")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"DOJO_REGIONS": "us,ap"}, "DOJO_REGION is eu"),
        ({"DOJO_KAFKA": "eu=a:1,mars=b:1"}, "DOJO_KAFKA names mars"),
        ({"DOJO_REDIS": "http://redis"}, "DOJO_REDIS .*rediss://"),
        ({"DOJO_REDIS_CA": "/ca.pem"}, "DOJO_REDIS_CA .*rediss://"),
        ({"DOJO_KAFKA_CA": "/ca.pem"}, "DOJO_KAFKA_CA .*DOJO_KAFKA_TLS"),
        ({"DOJO_KAFKA_TLS": "true", "DOJO_KAFKA_CERT": "/c.pem"}, "DOJO_KAFKA_CERT and DOJO_KAFKA_KEY"),
        ({"DOJO_KAFKA_SASL": "PLAIN"}, "DOJO_KAFKA_USER"),
        ({"DOJO_KAFKA_SASL": "PLAIN", "DOJO_KAFKA_USER": "app"}, "DOJO_KAFKA_PASSWORD"),
        ({"DOJO_KAFKA_USER": "app", "DOJO_KAFKA_PASSWORD": "x"}, "DOJO_KAFKA_SASL is not"),
        ({"DOJO_KAFKA_PASSWORD": "x", "DOJO_KAFKA_PASSWORD_FILE": "/x"}, "keep one"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], named: str
) -> None:
    """Each check over several variables names them."""
    set_all(monkeypatch, **{**REPLICA, **values})

    with pytest.raises(ConfigError, match=named):
        ReplicaSettings.load()


def test_secrets_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings' repr nor an error about them, with all it carries, holds a password."""
    login = {"DOJO_KAFKA_SASL": "PLAIN", "DOJO_KAFKA_USER": "app", "DOJO_KAFKA_PASSWORD": "hidden"}
    set_all(monkeypatch, **{**REPLICA, **login, "DOJO_REDIS": "redis://:hidden@redis"})
    settings = ReplicaSettings.load()
    assert "hidden" not in repr(settings) + repr(settings.kafka_security())
    assert settings.kafka_security().password is not None

    for wrong in ("eu=redis://:hidden@a,eu=redis://:hidden@b", "http://:hidden@a"):
        monkeypatch.setenv("DOJO_REDIS", wrong)
        with pytest.raises(ConfigError) as refused:
            ReplicaSettings.load()
        assert "DOJO_REDIS" in str(refused.value)
        assert "hidden" not in str(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None


def test_a_password_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The line end that editors leave is no part of the password; a file that is not there is named."""
    (tmp_path / "password").write_text("pass word\n")
    login = {"DOJO_KAFKA_SASL": "SCRAM-SHA-256", "DOJO_KAFKA_USER": "app"}
    set_all(monkeypatch, **REPLICA, **login, DOJO_KAFKA_PASSWORD_FILE=str(tmp_path / "password"))
    password = ReplicaSettings.load().kafka_security().password

    assert password is not None
    assert password.get_secret_value() == "pass word"
    monkeypatch.setenv("DOJO_KAFKA_PASSWORD_FILE", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match="DOJO_KAFKA_PASSWORD_FILE"):
        ReplicaSettings.load().kafka_security()


def test_metrics_listen_where_they_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare port is on loopback, so that nothing is open to the network unless someone asks."""
    set_all(monkeypatch, **REPLICA, DOJO_METRICS="7402")

    assert ReplicaSettings.load().metrics == Address("127.0.0.1", 7402)


def test_every_variable_has_a_sentence() -> None:
    """Whoever reads the reference finds a meaning for each."""
    for name, program in variable_names().items():
        assert description(program, name.removeprefix("DOJO_").lower()).endswith("."), name


def test_every_settings_class_is_known_to_the_check_of_names() -> None:
    """A class that is missing in PROGRAMS would have its variables refused."""
    found: set[type[Settings]] = set()
    left = [Settings]
    while left:
        program = left.pop()
        found.add(program)
        left += program.__subclasses__()

    assert set(PROGRAMS) == found


def test_a_failpoint_is_refused_outside_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica that would stand still on purpose starts only where it is said to be a test."""
    set_all(monkeypatch, **REPLICA, DOJO_FAILPOINT="written:reached")
    with pytest.raises(ConfigError, match=r"DOJO_FAILPOINT is written:reached.*DOJO_TESTING"):
        ReplicaSettings.load()
    set_all(monkeypatch, DOJO_TESTING="true")

    assert ReplicaSettings.load().failpoint == "written:reached"


def test_nothing_is_armed_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it is a test makes nothing fail by itself."""
    set_all(monkeypatch, **REPLICA, DOJO_TESTING="true")

    assert ReplicaSettings.load().failpoint is None


RAFT = {
    "DOJO_RAFT_PEERS": "eu-1=1@10.0.0.1:7420, us-1=2@[::1]:7420",
    "DOJO_RAFT_NODE": "us-1",
    "DOJO_RAFT_CA": "ca.pem",
    "DOJO_RAFT_CERT": "us-1.pem",
    "DOJO_RAFT_KEY": "us-1.key",
}


def test_a_member_needs_its_group_and_its_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """With these a member starts; the rest has defaults."""
    set_all(monkeypatch, **RAFT)
    settings = RaftSettings.load()

    assert settings.raft_peers == {
        "eu-1": MemberAddress(1, "10.0.0.1", 7420),
        "us-1": MemberAddress(2, "::1", 7420),
    }
    assert (settings.raft_listen, settings.raft_join, settings.raft_prefer) == (None, False, ())
    assert (settings.raft_tick_ms, settings.raft_election_ticks) == (100, 10)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"DOJO_RAFT_NODE": "ap-1"}, "DOJO_RAFT_NODE is ap-1, not one of DOJO_RAFT_PEERS"),
        ({"DOJO_RAFT_NODE": ""}, "DOJO_RAFT_NODE is not set"),
        ({"DOJO_RAFT_PEERS": ""}, "DOJO_RAFT_PEERS is not set"),
        ({"DOJO_RAFT_PEERS": "us-1=1@a:1,eu-1=1@b:1"}, "gives two members one id"),
        ({"DOJO_RAFT_PEERS": "us-1=1@a:1,us-1=2@b:1"}, "names member us-1 twice"),
        ({"DOJO_RAFT_PEERS": "us-1@a:1"}, "must be name=id@host:port"),
        ({"DOJO_RAFT_PEERS": "us-1=0@a:1"}, "must be name=id@host:port"),
        ({"DOJO_RAFT_PEERS": "us-1=1@a:0"}, "must be name=id@host:port"),
        ({"DOJO_RAFT_PREFER": "eu-1,ap-1"}, "DOJO_RAFT_PREFER names ap-1"),
        ({"DOJO_RAFT_PREFER": "eu-1,eu-1"}, "DOJO_RAFT_PREFER names a member twice"),
        ({"DOJO_RAFT_KEY": ""}, "DOJO_RAFT_KEY is not set"),
        ({"DOJO_RAFT_PLAINTEXT": "true"}, "DOJO_RAFT_CA is set, and DOJO_RAFT_PLAINTEXT=true turns TLS off"),
        ({"DOJO_RAFT_TICK_MS": "1"}, "DOJO_RAFT_TICK_MS is '1'"),
        ({"DOJO_RAFT_ELECTION_TICKS": "2"}, "DOJO_RAFT_ELECTION_TICKS is '2'"),
    ],
)
def test_a_wrong_member_is_refused(monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], reason: str) -> None:
    """What contradicts itself in the settings of a member is named, with the rule."""
    set_all(monkeypatch, **(RAFT | changed))

    with pytest.raises(ConfigError, match=re.escape(reason)):
        RaftSettings.load()


def test_a_member_without_tls_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain TCP is had by name only."""
    bare = {name: value for name, value in RAFT.items() if not name.endswith(("CA", "CERT", "KEY"))}
    set_all(monkeypatch, **bare, DOJO_RAFT_PLAINTEXT="true", DOJO_RAFT_LISTEN="0.0.0.0:7420")

    assert RaftSettings.load().raft_listen == Address("0.0.0.0", 7420)  # noqa: S104 - what is set, not what is done
