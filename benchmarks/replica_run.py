"""One timed run of `dojo replica`, watched from outside: what is measured is the program as it is shipped.

Redis is held before the processes start, so that none can claim a partition; they start, join their group and are
given partitions. Then Redis is let go and the clock starts: what is timed is claiming, reading, folding and writing,
not the start of interpreters, nor who came first. It ends with the last batch, by the time in Redis's own change
stream.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from builds import Build
from load import PARTITIONS, REGIONS
from processes import Program, replicas
from redis.asyncio import Redis
from servers import Servers

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.adapters.redis_keys import Keys
from dojopool.adapters.redis_store import RedisStore

Ends = dict[int, dict[str, int]]
"""Per partition and region, the offset behind the last record."""

POLL_S: Final = 0.02
JOIN_S_MAX: Final = 60.0
HOLD_MS_MAX: Final = 120_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run took, over all its processes."""

    seconds: float
    cpu_s: float
    peak_mb: float


class InTrouble(Exception):
    """A run whose figures count for nothing, since something went wrong in it that a run need not have."""


async def measure_replicas(build: Build, processes: int, servers: Servers, prefix: str, *, timeout_s: float) -> Figures:
    """Time replicas of a build on an empty Redis until they have stored all that is in the topics now.

    Raises InTrouble when one of them failed at a partition meanwhile: it pauses for seconds then.
    """
    ends = await log_ends(servers, prefix)
    async with RedisStore.open(servers.redis_url, prefix=prefix), servers.redis() as redis:  # loads the functions, once
        await redis.client_pause(HOLD_MS_MAX, all=False)
        try:
            async with replicas(build, processes, servers, prefix) as programs:
                await _all_joined(programs, servers, f"{prefix}.replica.eu")
                used_s = sum(program.cpu_s() for program in programs)
                await redis.client_unpause()
                begun_ms = await redis_ms(redis)
                await until_stored(redis, prefix, ends, programs, timeout_s=timeout_s)
                cpu_s = sum(program.cpu_s() for program in programs) - used_s
                _check(programs, build)
                peak_mb = sum(program.peak_mb() for program in programs)
        finally:
            await redis.client_unpause()
        _, ended_ms = await batches_ms(redis, prefix)
    return Figures((ended_ms - begun_ms) / 1000, cpu_s, peak_mb)


async def log_ends(servers: Servers, prefix: str) -> Ends:
    """How far each stream goes now: per partition and region."""
    topics = {f"{prefix}.events.{region}": region for region in REGIONS}
    async with KafkaLog(servers.bootstrap).reader() as reader:
        bounds = await reader.bounds([(topic, number) for topic in topics for number in range(PARTITIONS)])
    ends: Ends = {number: {} for number in range(PARTITIONS)}
    for (topic, number), (_, end) in bounds.items():
        ends[number][topics[topic]] = end
    return ends


async def until_stored(redis: Redis, prefix: str, ends: Ends, programs: Sequence[Program], *, timeout_s: float) -> None:
    """Wait until the stored state of every partition contains its streams up to `ends`. Fails when a program ends."""
    async with asyncio.timeout(timeout_s):
        while not await _has_stored(redis, prefix, ends):
            for program in programs:
                program.check()
            await asyncio.sleep(POLL_S)


async def _has_stored(redis: Redis, prefix: str, ends: Ends) -> bool:
    for number, wanted in ends.items():
        positions: Any = await redis.hget(Keys(prefix).state(number), "@positions")
        found = json.loads(positions or b"{}")
        if any(found.get(region, [0])[0] < end for region, end in wanted.items()):
            return False
    return True


async def redis_ms(redis: Redis) -> float:
    """The time of Redis, in milliseconds."""
    seconds, micros = await redis.time()
    return float(seconds * 1000 + micros / 1000)


async def batches_ms(redis: Redis, prefix: str) -> tuple[float, float]:
    """When the first and the last batch that changed a match were stored, by the time of Redis. The first is only known
    while no change stream has reached its length.
    """
    times: list[float] = []
    for number in range(PARTITIONS):
        key = Keys(prefix).changes(number)
        oldest: Any = await redis.xrange(key, count=1)
        newest: Any = await redis.xrevrange(key, count=1)
        times += [float(entry.split(b"-")[0]) for entry, _ in (*oldest, *newest)]
    return min(times), max(times)


async def _all_joined(programs: Sequence[Program], servers: Servers, group: str) -> None:
    """Wait until the group has all of them and is at rest."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.bootstrap)
    await admin.start()
    try:
        async with asyncio.timeout(JOIN_S_MAX):
            while await _members(admin, group) != len(programs):
                for program in programs:
                    program.check()
                await asyncio.sleep(POLL_S)
    finally:
        await admin.close()


async def _members(admin: AIOKafkaAdminClient, group: str) -> int:
    """How many members a group at rest has; 0 while it is not."""
    try:
        [reply] = await admin.describe_consumer_groups([group])
    except GroupCoordinatorNotAvailableError:  # a broker makes the topic of groups when it is first asked for one
        return 0
    _, _, state, _, _, members, *_ = reply.groups[0]
    return len(members) if state == "Stable" else 0


def _check(programs: Sequence[Program], build: Build) -> None:
    """Fail unless the processes use the Kafka client that the row names. Raises InTrouble."""
    for program in programs:
        if program.has_mapped("confluent_kafka") != (build.client == "confluent_kafka"):
            raise SystemExit(f"a replica of {build.name} does not use {build.client}: its figures would lie")
        if failures := program.logged("partition failed"):
            raise InTrouble(f"a replica of {build.name} was in trouble while it was timed: {failures[0]}")
