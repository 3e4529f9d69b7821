"""Everything that can be wrong around the programs, looked at from here, in one go. Nothing is changed.

Each server is asked by itself, so that one that is down hides nothing of the others. The order of findings is: this
machine, then region by region Kafka and Redis.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

from dojopool.adapters.event_logs import event_log
from dojopool.adapters.kafka_probe import KafkaFacts, probe_kafka
from dojopool.adapters.redis_probe import probe_redis
from dojopool.errors import CallerError, ConfigError, DojoError
from dojopool.games.loading import load_game
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
from dojopool.local.servers import event_topics, reached_regions
from dojopool.local.topics import check_topics
from dojopool.ports import EventLog, LogReader
from dojopool.settings import ClusterSettings, ReplicaSettings

READ_MS: Final = 500
"""For one fetch: a broker that refuses says so at once, one that does not may wait for records."""


async def examine() -> Sequence[Finding]:
    """Look at this machine and at the servers of every region that DOJO_KAFKA and DOJO_REDIS name.

    Raises ConfigError when the settings themselves are wrong; what is wrong with a server is a finding.
    """
    regions = reached_regions(ClusterSettings.load())
    settings = [ReplicaSettings.load(region=region) for region in regions]
    found = [judge_python(sys.version_info[:3]), _game(settings[0].game)]
    for each in await asyncio.gather(*(_region(one) for one in settings)):
        found += each
    return found


def _game(name: str) -> Finding:
    try:
        loaded = load_game(name)
    except DojoError as error:
        return Finding("game", "problem", str(error), "set DOJO_GAME to `pool` or module:object of your own")
    return Finding("game", "ok", f"{name}, fold version {loaded.version}")


async def _region(settings: ReplicaSettings) -> list[Finding]:
    kafka, redis = await asyncio.gather(_kafka(settings), _redis(settings))
    return [*kafka, *redis]


async def _kafka(settings: ReplicaSettings) -> list[Finding]:
    region, bootstrap = settings.region, settings.kafka_for(settings.region)
    group = f"{settings.prefix}.replica.{region}"
    try:
        facts = await probe_kafka(bootstrap, security=settings.kafka_security(), group=group)
    except DojoError as error:
        return [Finding("kafka", "problem", str(error), "check DOJO_KAFKA, and the login and TLS settings", region)]
    host = bootstrap.split(",")[0].rpartition(":")[0]
    fix = "set DOJO_KAFKA_TLS=true"
    log = event_log(settings, region)
    return [
        Finding("kafka", "ok", f"{bootstrap} answers, {facts.brokers} in its cluster", region=region),
        judge_transport(region, "kafka", host=host, is_encrypted=settings.kafka_tls, fix=fix),
        judge_session_timeout(region, facts.settings, wanted_ms=settings.session_timeout_ms),
        *judge_broker(region, facts.settings, brokers=facts.brokers),
        *await _topics(settings, log, is_operator=facts.settings is not None),
        await _kafka_roles(settings, log, facts),
    ]


async def _topics(settings: ReplicaSettings, log: EventLog, *, is_operator: bool) -> list[Finding]:
    region = settings.region
    used = {*event_topics(settings).values(), f"{settings.prefix}.dead-letters"}  # by every replica
    try:
        async with log.admin() as admin:
            reports = await check_topics(
                {region: admin}, regions=settings.regions, partitions=settings.partitions, prefix=settings.prefix
            )
    except ConfigError as error:
        fix = "ask as an operator or a replica (`dojo topics acls`)"
        return [Finding("topics", "warning", f"not known: {error}", fix, region)]
    except DojoError as error:
        return [Finding("topics", "problem", str(error), "try again", region)]
    return [judge_topic(report, would_be_seen=is_operator or report.topic in used) for report in reports]


async def _kafka_roles(settings: ReplicaSettings, log: EventLog, facts: KafkaFacts) -> Finding:
    """What the user may do, as far as it shows without writing a record or joining a group."""
    reads = await _lack(log, settings, reading=True)
    writes = await _lack(log, settings, reading=False)
    group = "" if facts.sees_group else "the replicas' group"
    broker = "" if facts.settings is not None else "the broker's settings"
    lacks = {"replica": (reads, writes, group), "sdk": (writes,), "operator": (group, broker)}
    missing = {program: tuple(filter(None, parts)) for program, parts in lacks.items()}
    return judge_roles(settings.region, "kafka", missing, fix="run the commands of `dojo topics acls`")


async def _lack(log: EventLog, settings: ReplicaSettings, *, reading: bool) -> str:
    """What the user may not do, empty when it may: reading all events, or writing to some topic."""
    try:
        if reading:
            async with log.reader() as reader:
                for topic in event_topics(settings).values():
                    await _fetch(reader, (topic, 0))
        else:
            async with log.writer():  # gets a producer's identity, which takes the right to write to some topic
                pass
    except (ConfigError, CallerError):
        return "reading events" if reading else "writing"
    except DojoError as error:
        return str(error)
    return ""


async def _fetch(reader: LogReader, partition: tuple[str, int]) -> None:
    [(_, end)] = (await reader.bounds([partition])).values()
    reader.assign({partition: end})
    await reader.poll(timeout_ms=READ_MS)


async def _redis(settings: ReplicaSettings) -> list[Finding]:
    region, url = settings.region, settings.redis_for(settings.region)
    try:
        facts = await probe_redis(url, prefix=settings.prefix, ca=settings.redis_ca)
    except DojoError as error:
        return [Finding("redis", "problem", str(error), "check DOJO_REDIS, and its user's rights", region)]
    return [
        Finding("redis", "ok", "answers", region=region),
        judge_clock(region, facts.ahead_ms),
        *judge_redis(region, facts, url=url, partitions=settings.partitions),
    ]
