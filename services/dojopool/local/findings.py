"""What `dojo doctor` thinks of the facts: one finding a check, with what was found and what to do.

Values in, findings out; who asks the servers is `local/doctor.py`. A problem is what will not work, or works and will
lose something; a warning is what somebody should know and may have wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from dojopool.adapters.redis_probe import OLDEST_REDIS, RedisFacts, has_functions
from dojopool.local.topics import TopicReport

Level = Literal["ok", "warning", "problem"]

OLDEST_PYTHON: Final = (3, 11)

RECORD_BYTES_NEEDED: Final = 512 * 1024
"""Twice a writer's batch of 256 KiB: the largest that is sent unless a single letter is larger."""

CLOCK_OFF_MS_MAX: Final = 1_000
"""A mark is written once a second: a clock that is further off shows in every staleness and in who wins a tie."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    level: Level
    found: str
    fix: str = ""
    """What to do; empty when nothing is."""
    region: str | None = None
    """None for what is of this machine."""


def judge_python(version: tuple[int, ...]) -> Finding:
    """The interpreter that runs this."""
    text = ".".join(map(str, version[:3]))
    if version < OLDEST_PYTHON:
        return Finding("python", "problem", text, f"use {'.'.join(map(str, OLDEST_PYTHON))} or newer")
    return Finding("python", "ok", text)


def judge_clock(region: str, ahead_ms: int) -> Finding:
    """The clock of the region's Redis beside this machine's."""
    found = f"Redis is {abs(ahead_ms)} ms {'ahead of' if ahead_ms >= 0 else 'behind'} this machine"
    if abs(ahead_ms) > CLOCK_OFF_MS_MAX:
        return Finding(
            "clock", "problem", found, "let NTP keep both: stamps, staleness and ties follow the clock", region
        )
    return Finding("clock", "ok", found, region=region)


def judge_session_timeout(region: str, settings: Mapping[str, str] | None, *, wanted_ms: int) -> Finding:
    """DOJO_SESSION_TIMEOUT_MS against what the broker lets a group ask for."""
    name = "session timeout"
    limits = None if settings is None else [settings.get(f"group.{end}.session.timeout.ms") for end in ("min", "max")]
    if limits is None or None in limits:
        return Finding(
            name,
            "warning",
            "not known: the broker does not tell this user",
            "ask as an operator (`dojo topics acls`), or see group.min.session.timeout.ms",
            region,
        )
    least, most = (int(limit or 0) for limit in limits)
    found = f"DOJO_SESSION_TIMEOUT_MS is {wanted_ms}, the broker takes {least} to {most}"
    if least <= wanted_ms <= most:
        return Finding(name, "ok", found, region=region)
    limit = min(max(wanted_ms, least), most)
    fix = f"set DOJO_SESSION_TIMEOUT_MS={limit}: a replica is refused otherwise"
    return Finding(name, "problem", found, fix, region)


def judge_broker(region: str, settings: Mapping[str, str] | None, *, brokers: int) -> list[Finding]:
    """What a broker does to topics that say nothing else themselves; nothing when it does not tell this user."""
    if settings is None:
        return []
    found = []
    if settings.get("unclean.leader.election.enable") == "true":
        fix = "set unclean.leader.election.enable=false: a log could lose its tail, and is refused by its readers then"
        found.append(Finding("broker elections", "problem", "may choose a leader that lacks records", fix, region))
    if settings.get("auto.create.topics.enable") == "true":
        fix = "set auto.create.topics.enable=false: a mistyped DOJO_PREFIX makes topics instead of an error"
        found.append(Finding("broker topics", "warning", "are made by whoever names them", fix, region))
    in_sync = int(settings.get("min.insync.replicas", "1"))
    copies = int(settings.get("default.replication.factor", "1"))
    if brokers > 1 and in_sync < 2:
        fix = "set min.insync.replicas=2 with three copies: what was accepted may be lost with one broker otherwise"
        found.append(Finding("broker copies", "warning", "an accepted event may be on one broker alone", fix, region))
    elif in_sync > copies:
        text = f"min.insync.replicas is {in_sync}, default.replication.factor {copies}: no write is ever accepted"
        found.append(Finding("broker copies", "problem", text, "make as many copies as must be in sync", region))
    largest = int(settings.get("message.max.bytes", str(RECORD_BYTES_NEEDED)))
    if largest < RECORD_BYTES_NEEDED:
        text = f"message.max.bytes is {largest}, below the {RECORD_BYTES_NEEDED} that a batch of events takes"
        found.append(Finding("broker sizes", "problem", text, "set message.max.bytes to Kafka's default", region))
    return found or [Finding("broker settings", "ok", "elections, copies and sizes as needed", region=region)]


def judge_topic(report: TopicReport, *, would_be_seen: bool) -> Finding:
    """One topic against what `dojo topics` wants. `would_be_seen` says that this user ought to see it if it is there:
    Kafka does not tell a topic that is hidden from one that is missing.
    """
    name = f"topic {report.topic}"
    if report.outcome == "missing" and not would_be_seen:
        found = "not shown to this user, or missing"
        return Finding(name, "warning", found, "ask as an operator, by `dojo topics check`", report.region)
    if report.outcome == "missing":
        return Finding(name, "problem", "missing", "run `dojo topics create`", report.region)
    if report.problems:
        fix = "set it so by Kafka's own tools; a number of partitions cannot be changed: use another DOJO_PREFIX"
        return Finding(name, "problem", "; ".join(report.problems), fix, report.region)
    return Finding(name, "ok", f"{report.partitions} partitions, settings as needed", region=report.region)


def judge_transport(region: str, server: str, *, host: str, is_encrypted: bool, fix: str) -> Finding:
    """Whether what goes to a server can be read on its way."""
    name = f"{server} TLS"
    if is_encrypted:
        return Finding(name, "ok", "on", region=region)
    if host.strip("[]") in ("127.0.0.1", "::1", "localhost"):
        return Finding(name, "ok", "off, on this machine's loopback", region=region)
    return Finding(name, "warning", "off: events and passwords can be read on their way", fix, region)


def judge_redis(region: str, facts: RedisFacts, *, url: str, partitions: int) -> list[Finding]:
    """Everything about a Redis but its clock."""
    if not has_functions(facts.version):
        return [_redis_version(region, facts.version)]  # the rest was not, or need not be asked
    host = urlsplit(url).hostname or ""
    is_encrypted = url.startswith("rediss://")
    return [
        _redis_version(region, facts.version),
        _persistence(region, is_append_only=facts.is_append_only),
        _eviction(region, facts.policy),
        judge_transport(
            region, "redis", host=host, is_encrypted=is_encrypted, fix="write DOJO_REDIS with rediss:// to use TLS"
        ),
        judge_roles(region, "redis", facts.refused, fix="load deploy/redis.acl (docs/security.md)"),
        _stored_partitions(region, facts.partitions, partitions),
    ]


def judge_roles(region: str, server: str, missing: Mapping[str, tuple[str, ...]], *, fix: str) -> Finding:
    """Which programs' work the user may do; a problem only when it is nobody's."""
    name = f"{server} permissions"
    able = [program for program, lacks in missing.items() if not lacks]
    if able:
        return Finding(name, "ok", f"this user may do the work of: {', '.join(able)}", region=region)
    lacking = "; ".join(f"{program} lacks {', '.join(lacks)}" for program, lacks in missing.items())
    return Finding(name, "problem", f"this user may do no program's work: {lacking}", fix, region)


def _redis_version(region: str, version: str) -> Finding:
    if not has_functions(version):
        return Finding("redis version", "problem", version, f"use Redis {OLDEST_REDIS} or newer, or Valkey", region)
    return Finding("redis version", "ok", version, region=region)


def _persistence(region: str, *, is_append_only: bool) -> Finding:
    if is_append_only:
        return Finding("redis persistence", "ok", "append-only file", region=region)
    return Finding(
        "redis persistence",
        "warning",
        "no append-only file: after a restart every partition is folded again from the logs",
        "set appendonly yes, with appendfsync everysec",
        region,
    )


def _eviction(region: str, policy: str) -> Finding:
    if policy == "noeviction":
        return Finding("redis eviction", "ok", policy, region=region)
    fix = "set maxmemory-policy noeviction: state would be dropped silently when memory is short"
    return Finding("redis eviction", "problem", policy, fix, region)


def _stored_partitions(region: str, stored: int | None, wanted: int) -> Finding:
    if stored is None:
        return Finding("redis state", "ok", "none yet", region=region)
    if stored != wanted:
        fix = f"set DOJO_PARTITIONS={stored}, or use another DOJO_PREFIX to start a new deployment"
        found = f"of {stored} partitions, DOJO_PARTITIONS is {wanted}"
        return Finding("redis state", "problem", found, fix, region)
    return Finding("redis state", "ok", f"of {stored} partitions", region=region)
