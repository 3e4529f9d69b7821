"""How long a region stands still when something fails: one of two replicas killed; Redis flushed.

    python benchmarks/bench_failover.py [--kills 7] [--builds NAME ...] [--events 400000] [--rounds 3]

Settings are those that `dojo replica` ships with. Each kill (SIGKILL) comes at another moment between two heartbeats,
under a steady load; what is timed ends with the first batch that the other replica stores in a partition it did not
own. After FLUSHALL under a running replica, what is timed ends when everything in the topics is served again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from contextlib import AsyncExitStack
from typing import Any, Final

from builds import BUILDS, INTERPRETED, Build, by_names, usable
from load import SEED, Totals, create, fill
from processes import POLL_S, claimed, owners, pid_of, replicas, settings, started
from redis.asyncio import Redis
from replica_run import batches_ms, log_ends, redis_ms, until_stored
from report import Table, middle_and_range
from servers import Servers, new_prefix, run
from state_check import totals_of_replica

from dojopool.adapters.redis_keys import Keys

LOAD_PER_S: Final = 200
LOAD_MATCHES: Final = 40
LOAD_S_MAX: Final = 100_000
MOMENT_S: Final = 1.0
"""Kills are spread over this time: a heartbeat of the shipped session."""
TAKEN_OVER_S_MAX: Final = 60.0
REFILL_S_MAX: Final = 300.0


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    names = [build.name for build in BUILDS]
    parser.add_argument("--kills", type=int, default=7)
    parser.add_argument("--builds", nargs="+", choices=names, default=names, help="to be refilled")
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=3)


async def measure(servers: Servers, given: argparse.Namespace) -> list[Table]:
    """Both tables."""
    return [await _kills(servers, given.kills), await _refills(servers, given)]


async def _kills(servers: Servers, kills: int) -> Table:
    prefix = new_prefix("failover")
    chance = random.Random(SEED)
    await create(servers.bootstrap, prefix)
    first: list[float] = []
    every: list[float] = []
    producing = ("run_producer.py", str(LOAD_PER_S), str(LOAD_S_MAX), str(LOAD_MATCHES))
    async with started(INTERPRETED, *producing, environment=settings(servers, prefix)) as producer:
        await producer.ready()
        await producer.go()
        for number in range(kills):
            taken_over_s = await _kill_one(servers, prefix, moment_s=chance.random() * MOMENT_S)
            first.append(min(taken_over_s))
            every.append(max(taken_over_s))
            print(f"kill {number + 1}: first batch after {first[-1]:.2f} s, all after {every[-1]:.2f} s", flush=True)
            producer.check()
    table = Table(
        f"SIGKILL of one of two replicas: seconds to the other's batches, median of {kills} kills (range)",
        ("", "first batch", "all partitions"),
        notes=[f"seed {SEED}; {LOAD_PER_S} events/s meanwhile; interpreted"],
    )
    table.rows.append(("shipped settings", middle_and_range(first, ".2f"), middle_and_range(every, ".2f")))
    return table


async def _kill_one(servers: Servers, prefix: str, *, moment_s: float) -> list[float]:
    """Start two replicas, kill one; per partition it owned, the seconds until the other stored a batch there."""
    async with AsyncExitStack() as stack:
        programs = await stack.enter_async_context(replicas(INTERPRETED, 2, servers, prefix))
        redis = await stack.enter_async_context(servers.redis())
        await claimed(redis, prefix, programs)
        await asyncio.sleep(moment_s)  # the moment of the kill must not follow from the last rebalance
        orphans = [n for n, pid in (await owners(redis, prefix)).items() if pid == programs[0].pid]
        await programs[0].kill()
        now = asyncio.get_running_loop().time
        killed_s = now()
        left = dict.fromkeys(orphans, b"")
        """Per partition that is not taken over yet, the positions that the dead replica stored last."""
        found: list[float] = []
        async with asyncio.timeout(TAKEN_OVER_S_MAX):
            while left:
                for number in list(left):
                    pid, positions = await _stored(redis, prefix, number)
                    if pid != programs[1].pid:
                        left[number] = positions
                    elif positions != left[number]:
                        found.append(now() - killed_s)
                        del left[number]
                programs[1].check()
                await asyncio.sleep(POLL_S)
    return found


async def _stored(redis: Redis, prefix: str, number: int) -> tuple[int, bytes]:
    """Who claimed a partition last, and the positions stored there."""
    stored: Any = await redis.hmget(Keys(prefix).state(number), "@owner", "@positions")
    return pid_of(stored[0]), stored[1]


async def _refills(servers: Servers, given: argparse.Namespace) -> Table:
    builds, notes = usable(by_names(BUILDS, given.builds))
    prefix = new_prefix("refill")
    await create(servers.bootstrap, prefix)
    written = await fill(servers.bootstrap, prefix, given.events)
    found: dict[str, list[tuple[float, float]]] = {build.name: [] for build in builds}
    for number in range(given.rounds):
        for build in builds:
            seconds = await _refill(servers, prefix, build, written)
            found[build.name].append(seconds)
            print(f"round {number + 1}, refill, {build.name}: {seconds} s", flush=True)
    table = Table(
        f"Redis flushed under a running replica, {given.events:,} events in the topics: median of {given.rounds} rounds"
        " (range)",
        ("", "seconds to first batch", "seconds to all served", "events/s in between"),
        notes=notes,
    )
    for name, runs in found.items():
        firsts, lasts = zip(*runs, strict=True)
        rates = [given.events / (last - first) for first, last in runs]
        table.rows.append(
            (name, middle_and_range(firsts, ".2f"), middle_and_range(lasts, ".2f"), middle_and_range(rates))
        )
    return table


async def _refill(servers: Servers, prefix: str, build: Build, written: Totals) -> tuple[float, float]:
    """Seconds from FLUSHALL to the first batch, and to the last one of all that was in the topics."""
    async with servers.redis() as redis:
        await redis.flushall()
        async with replicas(build, 1, servers, prefix) as programs:
            ends = await log_ends(servers, prefix)
            await until_stored(redis, prefix, ends, programs, timeout_s=REFILL_S_MAX)
            await redis.flushall()
            flushed_ms = await redis_ms(redis)
            await until_stored(redis, prefix, ends, programs, timeout_s=REFILL_S_MAX)
            first_ms, last_ms = await batches_ms(redis, prefix)
            if (shown := await totals_of_replica(redis, prefix)) != written:
                raise SystemExit(f"{shown} was served after a flush, but {written} is in the topics")
    return (first_ms - flushed_ms) / 1000, (last_ms - flushed_ms) / 1000


if __name__ == "__main__":
    run(__doc__, options, measure)
