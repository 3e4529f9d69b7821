"""`dojo replica` as a process of its own, on a real Kafka and a real Redis."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.core.partition import partition_of
from dojopool.core.record import Record
from dojopool.local.topics import create_topics
from dojopool.ports import LogWriter, Outgoing
from support.bad_headers import spoil
from support.pipeline import Scorer
from support.processes import Program, Programs, programs
from support.site import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

PARTITIONS = 2
MATCH = "m-1"
HERE = partition_of(MATCH, PARTITIONS)
DEADLINE_S = 40.0
"""Above all that must happen within a step: a session that runs out, a join, a claim."""

APPEND_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment of two regions as eu sees it; this test plays the mirror from us."""

    prefix: str
    programs: Programs
    writer: LogWriter
    log: KafkaLog
    redis: Redis

    async def append(self, *values: bytes, region: str = "eu") -> None:
        """Append events, or what passes for one, of MATCH."""
        records = [Outgoing(MATCH.encode(), value) for value in values]
        await self.writer.append(f"{self.prefix}.events.{region}", HERE, records, timeout_s=APPEND_TIMEOUT_S)

    async def points(self) -> int:
        """The points of ana in frame 1, as `redis-cli hgetall` shows them; 0 when there is no such match."""
        view = await self.redis.hgetall(f"{self.prefix}:{{{HERE}}}:match:{MATCH}")
        frames = json.loads(view.get(b"frames", b"{}"))
        return int(frames.get("1", {}).get("points", {}).get("ana", 0))

    async def letters(self) -> Sequence[Record]:
        """The letters of MATCH's partition; there must be some."""
        async with self.log.reader() as reader:
            reader.assign({(f"{self.prefix}.dead-letters", HERE): 0})
            [found] = (await reader.poll(timeout_ms=5000)).values()
        return found

    async def shows(self, points: int) -> None:
        """Wait until readers see exactly this many points."""

        async def is_shown() -> bool:
            return await self.points() == points

        await eventually(is_shown, what="the view shows it", within_s=DEADLINE_S)

    async def replica(self, name: str) -> Program:
        """Start a replica and wait until it holds everything."""
        program = await self.programs.replica(name, region="eu")

        async def holds_all() -> bool:
            return await program.owned() == frozenset(range(PARTITIONS))

        await eventually(holds_all, what="one program holds all partitions", within_s=DEADLINE_S)
        return program


@pytest.fixture
async def deployment(kafka: str, redis_url: str, unique_prefix: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Topics are there, no replica runs."""
    async with deployed(kafka, redis_url, unique_prefix, tmp_path) as found:
        yield found


@asynccontextmanager
async def deployed(
    kafka: str, redis_url: str, prefix: str, folder: Path, *, client: str = "aiokafka"
) -> AsyncIterator[Deployment]:
    settings = {
        "DOJO_REGION": "eu",
        "DOJO_REGIONS": "eu,us",
        "DOJO_KAFKA": kafka,
        "DOJO_KAFKA_CLIENT": client,
        "DOJO_REDIS": redis_url,
        "DOJO_PREFIX": prefix,
        "DOJO_PARTITIONS": str(PARTITIONS),
    }
    log = KafkaLog(kafka)
    async with programs(folder, settings) as started, log.writer() as writer, Redis.from_url(redis_url) as redis:
        async with log.admin() as admin:
            await create_topics({"eu": admin}, regions=("eu", "us"), partitions=PARTITIONS, prefix=prefix)
        yield Deployment(prefix, started, writer, log, redis)


async def test_a_replica_serves_reads_and_drains(deployment: Deployment) -> None:
    """Events of both regions appear in Redis, a damaged record in the topic of the letters; the address answers; after
    SIGTERM the process ends with 0, and everything it was handed is stored.
    """
    eu, us = Scorer(), Scorer("us/gs-2#b")
    replica = await deployment.replica("replica")
    await deployment.append(eu.points(MATCH, 3), b"damaged", eu.points(MATCH, 4))
    await deployment.append(us.points(MATCH, 5, seen={eu.node: 2}), region="us")
    await deployment.shows(12)
    alive = await replica.get("/livez")
    events, letters = (
        await replica.total("dojo_replica_events_total"),
        await replica.total("dojo_replica_letters_total"),
    )
    await deployment.append(*(eu.points(MATCH) for _ in range(500)))
    code = await replica.stop()
    [letter] = await deployment.letters()

    assert (alive.status_code, code) == (200, 0)
    assert (events, letters) == (3, 1)
    assert (letter.key, letter.value) == (b"%s.events.eu/%d/1" % (deployment.prefix.encode(), HERE), b"damaged")
    assert {"dojo-topic", "dojo-partition", "dojo-offset", "dojo-reason"} <= {name for name, _ in letter.headers}
    assert "replica stopped" in replica.log_path.read_text()
    successor = await deployment.replica("successor")
    await deployment.shows(512)
    assert await successor.stop() == 0


async def test_a_replica_that_is_killed_is_taken_over(deployment: Deployment) -> None:
    """After SIGKILL in the middle of its work a new process goes on from what is stored: nothing is lost or doubled."""
    eu = Scorer()
    replica = await deployment.replica("replica")
    await deployment.append(*(eu.points(MATCH) for _ in range(100)))
    await deployment.shows(100)
    await deployment.append(*(eu.points(MATCH) for _ in range(2000)))
    await replica.kill()
    await deployment.append(*(eu.points(MATCH) for _ in range(100)))
    successor = await deployment.replica("successor")
    await deployment.shows(2200)
    equal = await deployment.points()

    assert await successor.stop() == 0
    assert equal == 2200


async def test_with_confluent_kafka_too_a_kill_is_taken_over_and_a_poison_record_is_a_letter(
    kafka: str, redis_url: str, unique_prefix: str, tmp_path: Path
) -> None:
    """On DOJO_KAFKA_CLIENT=confluent a record whose header nobody can read becomes a letter and stops nothing, and what
    a killed process leaves is taken over: nothing is lost or doubled.
    """
    eu, topic = Scorer(), f"{unique_prefix}.events.eu"
    async with deployed(kafka, redis_url, unique_prefix, tmp_path, client="confluent") as deployment:
        replica = await deployment.replica("replica")
        await deployment.append(*(eu.points(MATCH) for _ in range(100)))
        await spoil(kafka, topic, HERE)
        await deployment.append(*(eu.points(MATCH) for _ in range(100)))
        await deployment.shows(200)
        await deployment.append(*(eu.points(MATCH) for _ in range(2000)))
        await replica.kill()
        await deployment.append(*(eu.points(MATCH) for _ in range(100)))
        successor = await deployment.replica("successor")
        await deployment.shows(2300)
        letters = await deployment.letters()
        failures = await successor.total("dojo_replica_failures_total")

        assert await successor.stop() == 0
        assert await deployment.points() == 2300
    assert {(letters[0].key, b"bad")} == {(letter.key, letter.value) for letter in letters}
    assert failures == 0


async def test_a_redis_that_was_flushed_is_filled_again(deployment: Deployment) -> None:
    """FLUSHALL under a running replica is noticed by itself, without a new event, and everything is there again."""
    eu = Scorer()
    replica = await deployment.replica("replica")
    await deployment.append(*(eu.points(MATCH) for _ in range(300)))
    await deployment.shows(300)
    await deployment.redis.flushall()
    await deployment.shows(300)
    failures = await replica.total("dojo_replica_failures_total")

    assert failures >= 1
    assert await replica.stop() == 0


async def test_a_replica_that_was_frozen_does_no_harm(deployment: Deployment) -> None:
    """One that stands still for longer than its session is taken over; when it goes on, with records in hand and the
    belief that it owns them, every event still counts once, and both replicas work on.
    """
    eu = Scorer()
    frozen = await deployment.replica("frozen")
    await deployment.append(*(eu.points(MATCH) for _ in range(100)))
    await deployment.shows(100)
    frozen.signal(signal.SIGSTOP)
    await deployment.append(*(eu.points(MATCH) for _ in range(100)))
    successor = await deployment.replica("successor")
    await deployment.shows(200)
    frozen.signal(signal.SIGCONT)
    await deployment.append(*(eu.points(MATCH) for _ in range(100)))

    async def is_shared() -> bool:
        return await frozen.owned() | await successor.owned() == frozenset(range(PARTITIONS))

    await eventually(is_shared, what="two programs share the partitions", within_s=DEADLINE_S)
    await deployment.shows(300)

    assert (await frozen.stop(), await successor.stop()) == (0, 0)
    assert await deployment.points() == 300
