"""How many events a second one process records through the SDK: idempotent, acknowledged, a receipt each.

python benchmarks/bench_sdk.py [--builds NAME ...] [--events 200000] [--rounds 3]
"""

from __future__ import annotations

import argparse
from statistics import median
from typing import Final

from builds import BUILDS, Build, by_names, usable
from load import create
from processes import settings, started
from replica_run import Figures, log_ends
from report import Table, middle_and_range
from run_sdk import IN_FLIGHT
from servers import Servers, new_prefix, run

RUN_S_MAX: Final = 300.0


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    names = [build.name for build in BUILDS]
    parser.add_argument("--builds", nargs="+", choices=names, default=names)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)


async def measure(servers: Servers, given: argparse.Namespace) -> list[Table]:
    """Every build once a round, in turn."""
    builds, notes = usable(by_names(BUILDS, given.builds))
    events = max(1, given.events // IN_FLIGHT) * IN_FLIGHT
    rows = {name: (build, words) for build in builds for name, words in _rows(build)}
    found: dict[str, list[Figures]] = {name: [] for name in rows}
    for number in range(given.rounds):
        for name, (build, words) in rows.items():
            figures = await _run(servers, build, events, *words)
            found[name].append(figures)
            print(f"round {number + 1}, SDK, {name}: {events / figures.seconds:,.0f} events/s", flush=True)
    table = Table(
        f"SDK: {events:,} events, {IN_FLIGHT:,} on their way at a time; median of {given.rounds} rounds (range)",
        ("", "events/s", "CPU s per million", "peak MB"),
        notes=notes,
    )
    for name, runs in found.items():
        table.rows.append(
            (
                name,
                middle_and_range([events / run.seconds for run in runs]),
                f"{median(run.cpu_s for run in runs) / events * 1e6:.1f}",
                f"{median(run.peak_mb for run in runs):.0f}",
            )
        )
    return [table]


def _rows(build: Build) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What a build is measured as: with the collector as Python has it, and held."""
    return ((build.name, ()), (f"{build.name}, collector held", ("held",)))


async def _run(servers: Servers, build: Build, events: int, *words: str) -> Figures:
    """One run into new topics. Fails unless exactly its events are in the log."""
    prefix = new_prefix("sdk")
    await create(servers.bootstrap, prefix)
    async with started(build, "run_sdk.py", str(events), *words, environment=settings(servers, prefix)) as program:
        await program.ready()
        await program.go()
        figures = Figures(**await program.result(timeout_s=RUN_S_MAX))
    logged = sum(sum(by_region.values()) for by_region in (await log_ends(servers, prefix)).values())
    if logged != events:
        raise SystemExit(f"{events} events were recorded, and the log has {logged}")
    return figures


if __name__ == "__main__":
    run(__doc__, options, measure)
