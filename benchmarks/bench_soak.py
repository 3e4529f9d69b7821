"""Whether memory stays flat: `dojo replica` under a steady load for some minutes, its resident size taken every second.

    python benchmarks/bench_soak.py [--minutes 10] [--build NAME] [--rate 1000]

The load changes the same matches again and again and adds none, so that whatever grows is a leak. The slope is a line
fitted to the second half.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import Final

from builds import BUILDS, INTERPRETED
from load import create
from processes import claimed, replicas, settings, started
from replica_run import log_ends, until_stored
from report import Table
from servers import Servers, new_prefix, run

MATCHES: Final = 2_000
SAMPLE_S: Final = 1.0
STORED_S_MAX: Final = 60.0


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--build", choices=[build.name for build in BUILDS], default=INTERPRETED.name)
    parser.add_argument("--rate", type=int, default=1_000)


async def measure(servers: Servers, given: argparse.Namespace) -> list[Table]:
    """One run."""
    [build] = [build for build in BUILDS if build.name == given.build]
    table = Table(
        f"Soak: {given.rate:,} events/s to {MATCHES:,} matches for {given.minutes:g} minutes",
        ("", "MB after 1/10", "MB at half", "MB at the end", "slope of the second half, KB per minute", "events"),
    )
    if (reason := build.missing()) is not None:
        table.notes.append(f"SKIPPED, {build.name}: {reason}")
        return [table]
    prefix = new_prefix("soak")
    await create(servers.bootstrap, prefix)
    seconds = given.minutes * 60
    producing = ("run_producer.py", str(given.rate), str(seconds), str(MATCHES))
    async with (
        replicas(build, 1, servers, prefix) as programs,
        started(build, *producing, environment=settings(servers, prefix)) as producer,
        servers.redis() as redis,
    ):
        await claimed(redis, prefix, programs)
        await producer.ready()
        await producer.go()
        samples: list[float] = []
        for _ in range(int(seconds / SAMPLE_S)):
            await asyncio.sleep(SAMPLE_S)
            samples.append(programs[0].resident_mb())
            programs[0].check()
        told = await producer.result(timeout_s=STORED_S_MAX)
        await until_stored(redis, prefix, await log_ends(servers, prefix), programs, timeout_s=STORED_S_MAX)
    half = len(samples) // 2
    shown = (samples[len(samples) // 10], samples[half], samples[-1])
    slope = slope_per_sample(samples[half:]) * 1024 * 60 / SAMPLE_S
    table.rows.append((build.name, *(f"{size:.1f}" for size in shown), f"{slope:+.0f}", f"{told['accepted']:,}"))
    return [table]


def slope_per_sample(values: Sequence[float]) -> float:
    """Of the line that fits `values` best, by least squares."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    spread = sum((place - middle) ** 2 for place in range(len(values)))
    return sum((place - middle) * (value - mean) for place, value in enumerate(values)) / spread


if __name__ == "__main__":
    run(__doc__, options, measure)
