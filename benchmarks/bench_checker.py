"""Judging alone, without servers: CPU per event beside what a replica needs, and memory in a storm of violations.

    python benchmarks/bench_checker.py [--builds NAME ...] [--events 160000] [--matches 1000 100000] [--storm 1000000]

Each figure comes from a process of its own (`run_fold.py`, `run_check.py`), by its CPU time. A replica's figure ends
with the packed batch, a checker's with the violations that are to be published; both begin with the record.
"""

from __future__ import annotations

import argparse
from statistics import median
from typing import Any, Final

from builds import COMPILED, INTERPRETED, Build, by_names, usable
from processes import started
from report import Table, middle_and_range, run_without_servers

RUN_S_MAX: Final = 600.0
BUILDS: Final = (INTERPRETED, COMPILED)
REPLICA: Final = "replica: fold and pack"
PROGRAMS: Final = {
    REPLICA: ("run_fold.py", ""),
    "checker: fold, the game's 4 rules": ("run_check.py", "own"),
    "checker: fold, 4 rules and 10 in CEL": ("run_check.py", "all"),
}


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    names = [build.name for build in BUILDS]
    parser.add_argument("--builds", nargs="+", choices=names, default=names)
    parser.add_argument("--events", type=int, default=160_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--matches", nargs="+", type=int, default=[1_000, 100_000])
    parser.add_argument("--storm", type=int, default=1_000_000)


async def measure(given: argparse.Namespace) -> list[Table]:
    """Both tables."""
    builds, notes = usable(by_names(BUILDS, given.builds))
    costs = [await _costs(build, notes, given) for build in builds]
    return [*costs, await _storm(builds[0], given.storm)]


async def _costs(build: Build, notes: list[str], given: argparse.Namespace) -> Table:
    found: dict[tuple[str, int], list[float]] = {}
    for number in range(given.rounds):
        for name, (script, rules) in PROGRAMS.items():
            for matches in given.matches:
                words = ("cost", rules, matches, given.events) if rules else ("cost", matches, 0, "idle", given.events)
                used_us = await _run(build, script, *words)
                found.setdefault((name, matches), []).append(used_us)
                print(f"round {number + 1}, {name}, {matches:,} matches: {used_us:.2f} us", flush=True)
    table = Table(
        f"Judging, {build.name}: CPU microseconds per event; median of {given.rounds} rounds (range); batches of 8,000"
        " events of 1,000 matches",
        ("", "live matches", "us per event", "replica's events/s times"),
        notes=notes,
    )
    for (name, matches), used in found.items():
        ratio = median(found[REPLICA, matches]) / median(used)
        table.rows.append((name, f"{matches:,}", middle_and_range(used, ".2f"), f"{ratio:.2f}"))
    return table


async def _storm(build: Build, count: int) -> Table:
    found = await _run(build, "run_check.py", "storm", count)
    table = Table(
        f"A storm: one rule broken in {count:,} matches, a thousand a second",
        ("us each", "MB grown over the last nine tenths", "published", "open", "put off"),
    )
    cells = (f"{found['us']:.1f}", f"{found['grown_mb']:.1f}")
    table.rows.append((*cells, *(f"{found[name]:,.0f}" for name in ("published", "open", "suppressed"))))
    return table


async def _run(build: Build, script: str, *words: object) -> Any:
    async with started(build, script, *map(str, words), environment={}) as program:
        return await program.result(timeout_s=RUN_S_MAX)


if __name__ == "__main__":
    run_without_servers(__doc__, options, measure)
