"""Events per second, CPU and memory of the replica on a real Kafka and Redis, beside what else one could use.

    python benchmarks/bench_pipeline.py [--rows NAME ...] [--events 400000] [--rounds 3]

Fills one topic per region once, and lets every row read it in turn, in processes of its own, with an empty Redis; what
it leaves in Redis is counted. See benchmarks/README.md for what the clock includes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from statistics import median
from typing import Final

from builds import BUILDS, INTERPRETED, PEERS, Build, usable
from load import MATCHES, PARTITIONS, REGIONS, Totals, create, fill
from processes import started
from replica_run import Figures, InTrouble, measure_replicas
from report import Table, middle_and_range
from servers import Servers, new_prefix, run
from state_check import totals_of_loop, totals_of_replica

from dojopool.codec import schema_files

RUN_S_MAX: Final = 300.0
TRIES: Final = 3
TWO: Final = ", 2 processes"
"""Behind the name of the row with one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One program to measure."""

    name: str
    build: Build
    script: str | None = None
    """What runs, None for `dojo replica`."""
    processes: int = 1


ROWS: Final = (
    *(Row(f"replica, {build.name}", build) for build in BUILDS),
    *(Row(f"replica, {build.name}{TWO}", build, processes=2) for build in BUILDS),
    Row("hand-written loop", INTERPRETED, "run_loop.py"),
    Row("Quix Streams", PEERS, "run_quix.py"),
    Row("Bytewax", PEERS, "run_bytewax.py"),
)
BASELINES: Final = ("hand-written loop", "Quix Streams", "Bytewax")


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    names = [row.name for row in ROWS]
    parser.add_argument("--rows", nargs="+", choices=names, default=names, metavar="NAME", help="; ".join(names))
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=3)


async def measure(servers: Servers, given: argparse.Namespace) -> list[Table]:
    """Every row once a round, in turn."""
    wanted = [row for row in ROWS if row.name in given.rows]
    builds, notes = usable(tuple({row.build.name: row.build for row in wanted}.values()))
    rows = [row for row in wanted if row.build in builds]
    prefix = new_prefix("pipeline")
    await create(servers.bootstrap, prefix)
    written = await fill(servers.bootstrap, prefix, given.events)
    results: dict[str, list[Figures]] = {row.name: [] for row in rows}
    for number in range(given.rounds):
        for row in rows:
            figures = await _run(row, servers, prefix, written)
            results[row.name].append(figures)
            print(f"round {number + 1}, {row.name}: {written.events / figures.seconds:,.0f} events/s", flush=True)
    return [_table(results, notes, events=given.events, rounds=given.rounds)]


async def _run(row: Row, servers: Servers, prefix: str, written: Totals) -> Figures:
    """One run on an empty Redis. Fails when what it leaves there is not the state of all events, each taken once."""
    async with servers.redis() as redis:
        await redis.flushall()
        if row.script is None:
            figures = await _run_replicas(row, servers, prefix)
            found = await totals_of_replica(redis, prefix)
        else:
            figures = await _run_script(row.build, row.script, servers, prefix, written.events)
            found = await totals_of_loop(redis, prefix)
    if found != written:
        raise SystemExit(f"{row.name} left {found} in Redis, but {written} was in the topics: it did not do the work")
    return figures


async def _run_replicas(row: Row, servers: Servers, prefix: str) -> Figures:
    for _ in range(TRIES):
        try:
            return await measure_replicas(row.build, row.processes, servers, prefix, timeout_s=RUN_S_MAX)
        except InTrouble as trouble:
            print(f"AGAIN: {trouble}", flush=True)
        async with servers.redis() as redis:
            await redis.flushall()
    raise SystemExit(f"{row.name} was in trouble {TRIES} times in a row")


async def _run_script(build: Build, script: str, servers: Servers, prefix: str, events: int) -> Figures:
    schema = schema_files.find("event.avsc")
    words = (script, servers.bootstrap, servers.redis_url, prefix, str(events), str(schema))
    async with started(build, *words, environment={}) as program:
        await program.ready()
        await program.go()
        return Figures(**await program.result(timeout_s=RUN_S_MAX))


def _table(results: dict[str, list[Figures]], notes: list[str], *, events: int, rounds: int) -> Table:
    table = Table(
        f"Pipeline: {events:,} events of {len(REGIONS)} regions, {MATCHES:,} matches, {PARTITIONS} partitions;"
        f" median of {rounds} rounds (range)",
        ("", "events/s", "CPU s per million", "peak MB", *(f"times {name}" for name in BASELINES), "times one process"),
        notes=notes,
    )
    rates = {name: [events / run.seconds for run in runs] for name, runs in results.items()}
    for name, runs in results.items():
        others = (*BASELINES, name.removesuffix(TWO) if name.endswith(TWO) else "")
        table.rows.append(
            (
                name,
                middle_and_range(rates[name]),
                f"{median(run.cpu_s for run in runs) / events * 1e6:.1f}",
                f"{median(run.peak_mb for run in runs):.0f}",
                *(f"{median(rates[name]) / median(rates[other]):.2f}" if other in rates else "" for other in others),
            )
        )
    return table


if __name__ == "__main__":
    run(__doc__, options, measure)
