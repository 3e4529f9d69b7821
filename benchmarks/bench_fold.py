"""The fold alone, without servers: CPU per event however much is held, and memory per live match.

    python benchmarks/bench_fold.py [--builds NAME ...] [--events 160000] [--rounds 3] [--copies 10]

Each figure comes from a process of its own (`run_fold.py`), by its CPU time.
"""

from __future__ import annotations

import argparse
from typing import Any, Final

from builds import COMPILED, INTERPRETED, Build, by_names, usable
from processes import started
from report import Table, middle_and_range, run_without_servers

RUN_S_MAX: Final = 600.0
BUILDS: Final = (INTERPRETED, COMPILED)
WAITING: Final = 9_999
"""One less than the number at which a stream is not read further."""
CASES: Final = {
    "1,000 live matches": (1_000, 0, "idle"),
    "10,000 live matches": (10_000, 0, "idle"),
    "100,000 live matches": (100_000, 0, "idle"),
    f"1,000 live matches, and {WAITING:,} events wait in others": (1_000, WAITING, "idle"),
    f"1,000 live matches, and {WAITING:,} events wait in them": (1_000, WAITING, "active"),
    f"1,000 live matches, and {WAITING:,} events wait in one of them": (1_000, WAITING, "one"),
    "10,000 live matches, half of them in memory, each batch of others": (10_000, 0, "forgotten"),
}


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    names = [build.name for build in BUILDS]
    parser.add_argument("--builds", nargs="+", choices=names, default=names)
    parser.add_argument("--events", type=int, default=160_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--copies", type=int, default=10, help="how often the sample's 808 matches are held")


async def measure(given: argparse.Namespace) -> list[Table]:
    """Both tables."""
    builds, notes = usable(by_names(BUILDS, given.builds))
    return [await _costs(builds, notes, given), await _sizes(builds, notes, given)]


async def _costs(builds: list[Build], notes: list[str], given: argparse.Namespace) -> Table:
    found: dict[tuple[str, str], list[float]] = {(case, build.name): [] for case in CASES for build in builds}
    for number in range(given.rounds):
        for case, (matches, waiting, place) in CASES.items():
            for build in builds:
                used_us = await _run(build, "cost", matches, waiting, place, given.events)
                found[case, build.name].append(used_us)
                print(f"round {number + 1}, {case}, {build.name}: {used_us:.2f} us", flush=True)
    table = Table(
        f"Fold alone: CPU microseconds per event, from record to packed batch; median of {given.rounds} rounds (range)",
        ("", *(build.name for build in builds)),
        notes=notes,
    )
    for case in CASES:
        table.rows.append((case, *(middle_and_range(found[case, build.name], ".2f") for build in builds)))
    return table


async def _sizes(builds: list[Build], notes: list[str], given: argparse.Namespace) -> Table:
    table = Table(
        f"Memory per live match of the sample league, bytes (played {given.copies} times)",
        ("", *(build.name for build in builds)),
        notes=notes,
    )
    for how, name in (("traced", "allocated by Python (tracemalloc)"), ("resident", "growth of the resident size")):
        sizes = [await _run(build, "memory", how, given.copies) for build in builds]
        table.rows.append((name, *(f"{size:,.0f}" for size in sizes)))
    return table


async def _run(build: Build, *words: object) -> Any:
    async with started(build, "run_fold.py", *map(str, words), environment={}) as program:
        return await program.result(timeout_s=RUN_S_MAX)


if __name__ == "__main__":
    run_without_servers(__doc__, options, measure)
