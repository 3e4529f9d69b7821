"""Every hostile record of the corpus in one real topic, under a running `dojo replica`, and then under a newer one."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.local.topics import create_topics
from support.avro_samples import POOL as POOL_SCHEMA
from support.hostile import CORPUS, HERE, NEIGHBOUR, NEWER_SCHEMA, NODE, PARTITIONS, Becomes
from support.pipeline import Scorer
from support.processes import Program, programs
from support.site import eventually
from support.stored import read_redis

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

DEADLINE_S = 60.0
REQUEST_BYTES_MAX = 2_000_000
WARM_ROUNDS = 10
ROUNDS = 20
"""Times the corpus is sent before and after the first look at the memory of the process: over twenty megabytes."""

GROWTH_BYTES_MAX = 16_000_000
"""Well below what was sent between the two looks, and above what an allocator may take for fragments."""

NEWER_GAME = """
from pathlib import Path

from dojopool.games.pool import pool

pool.schema, pool.decoder = str(Path(__file__).with_name("later.avsc")), None
"""


@dataclass(slots=True)
class Hostile:
    """Somebody who writes to one partition of a region's topic whatever they like."""

    producer: AIOKafkaProducer
    topic: str
    prefix: str
    redis_url: str
    neighbour: Scorer
    sent: int = 0
    """Neighbours' events."""

    async def send(self) -> dict[str, str]:
        """The whole corpus, with a sound event in front of each case and one at the end: a letter's key -> the case."""
        keys = {}
        for case in CORPUS:
            await self.sound()
            for key, value in case.records:
                placed = await self.producer.send_and_wait(self.topic, value, key=key, partition=HERE)
            if case.letters:
                keys[f"{self.topic}/{HERE}/{placed.offset}"] = case.name
        await self.sound()
        return keys

    async def sound(self) -> None:
        """One point for the neighbour."""
        value = self.neighbour.points(NEIGHBOUR)
        await self.producer.send(self.topic, value, key=NEIGHBOUR.encode(), partition=HERE)
        self.sent += 1

    async def points(self) -> dict[str, int]:
        """Match -> the points of ana in frame 1, as readers see them."""
        stored = await read_redis(self.redis_url, prefix=self.prefix, partitions=PARTITIONS)
        return {
            match: view["frames"].get("1", {}).get("points", {}).get("ana", 0) for match, view in stored.views.items()
        }

    async def pending(self) -> dict[str, int]:
        """Match -> how many records wait, where any do."""
        stored = await read_redis(self.redis_url, prefix=self.prefix, partitions=PARTITIONS)
        return {match: view["@pending"] for match, view in stored.views.items() if view["@pending"]}

    async def read_through(self) -> None:
        """Wait until readers see every neighbour's event, the last of them behind the last case."""

        async def is_seen() -> bool:
            return (await self.points()).get(NEIGHBOUR) == self.sent

        await eventually(is_seen, what="the neighbour shows all that was sent", within_s=DEADLINE_S)


@asynccontextmanager
async def hostile(kafka: str, redis_url: str, prefix: str) -> AsyncIterator[Hostile]:
    """The topics, and a producer that asks nobody."""
    async with KafkaLog(kafka).admin() as admin:
        await create_topics({"eu": admin}, regions=("eu", "us"), partitions=PARTITIONS, prefix=prefix)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, enable_idempotence=True, max_request_size=REQUEST_BYTES_MAX, linger_ms=0
    )
    await producer.start()
    try:
        yield Hostile(producer, f"{prefix}.events.eu", prefix, redis_url, Scorer(NODE))
    finally:
        await producer.stop()


async def letters(kafka: str, prefix: str) -> Counter[str]:
    """How many letters have each key."""
    topic = (f"{prefix}.dead-letters", HERE)
    found: Counter[str] = Counter()
    async with KafkaLog(kafka).reader() as reader:
        _, end = (await reader.bounds([topic]))[topic]
        reader.assign({topic: 0})
        async with asyncio.timeout(DEADLINE_S):
            while found.total() < end:
                for records in (await reader.poll(timeout_ms=1_000)).values():
                    found.update((record.key or b"").decode() for record in records)
    return found


def resident_bytes(program: Program) -> int:
    """The memory a process holds."""
    status = Path(f"/proc/{program._process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def newer_game(folder: Path) -> str:
    """The built-in game as a later program has it, as a module in `folder`; its name."""
    (folder / "released").mkdir()
    (folder / "released" / f"later-{0:016x}.avsc").write_text(json.dumps(POOL_SCHEMA))
    (folder / "later.avsc").write_text(json.dumps(NEWER_SCHEMA))
    (folder / "later_pool.py").write_text(NEWER_GAME)
    return "later_pool:pool"


async def test_hostile_records_harm_nobody(kafka: str, redis_url: str, unique_prefix: str, tmp_path: Path) -> None:
    """Neighbours are applied, each bad record is one letter, and the process lives with the memory it had. Restarted
    with a newer schema, it applies what was held.
    """
    settings = {
        "DOJO_REGIONS": "eu,us",
        "DOJO_KAFKA": kafka,
        "DOJO_REDIS": redis_url,
        "DOJO_PREFIX": unique_prefix,
        "DOJO_PARTITIONS": str(PARTITIONS),
    }
    async with hostile(kafka, redis_url, unique_prefix) as writer:
        async with programs(tmp_path, settings) as started:
            replica = await started.replica("today", region="eu")
            keys = await writer.send()
            await writer.read_through()
            first = await letters(kafka, unique_prefix)
            points, pending = await writer.points(), await writer.pending()
            for _ in range(WARM_ROUNDS):
                keys |= await writer.send()
            await writer.read_through()
            before = resident_bytes(replica)
            for _ in range(ROUNDS):
                keys |= await writer.send()
            await writer.read_through()
            grown = resident_bytes(replica) - before
            every = await letters(kafka, unique_prefix)
            code = await replica.stop()

        assert sorted(keys[key] for key in first) == sorted(case.name for case in CORPUS if case.letters)
        assert (every, set(every.values())) == (Counter(dict.fromkeys(keys, 1)), {1})
        assert {case.name: points.get(case.match, 0) for case in CORPUS} == {c.name: c.applied for c in CORPUS}
        assert pending == {case.match: case.waits for case in CORPUS if case.waits}
        assert grown < GROWTH_BYTES_MAX, f"{grown} bytes more"
        assert code == 0

        newer = settings | {"DOJO_GAME": newer_game(tmp_path), "PYTHONPATH": str(tmp_path)}
        [held] = [case for case in CORPUS if case.becomes is Becomes.HELD]
        async with programs(tmp_path, newer) as started:
            replica = await started.replica("tomorrow", region="eu")

            async def is_applied() -> bool:
                return (await writer.points()).get(held.match) == held.applied + 1

            await eventually(is_applied, what="the held event is applied", within_s=DEADLINE_S)
            await writer.read_through()
            assert await replica.stop() == 0
        again = await letters(kafka, unique_prefix)
        assert {keys[key] for key, count in again.items() if count == 1} == {held.name}
        assert again.keys() == every.keys()
