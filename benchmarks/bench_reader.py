"""Records per second and CPU of the log's readers alone, on a real Kafka: aiokafka beside librdkafka.

    python benchmarks/bench_reader.py [--events 400000] [--rounds 3] [--idle 0]

Each figure comes from a process of its own (`run_reader.py`). Once as it is and once with Python's garbage collector
held, as a replica in steady state holds it. With `--idle N` also the time from the call of an append to the record in a
poll that waits, for N single records.
"""

from __future__ import annotations

import argparse
from statistics import median
from typing import Any, Final

from builds import INTERPRETED
from load import create, fill
from processes import started
from report import Table, middle_and_range
from run_reader import COLLECTORS, KINDS
from servers import Servers, new_prefix, run

RUN_S_MAX: Final = 300.0


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=0, metavar="N", help="single records to wait for in each run")


async def measure(servers: Servers, given: argparse.Namespace) -> list[Table]:
    """Every reader once a round, in turn."""
    prefix = new_prefix("reader")
    await create(servers.bootstrap, prefix)
    await fill(servers.bootstrap, prefix, given.events)
    rows = [(kind, collector) for kind in KINDS for collector in COLLECTORS]
    runs: dict[tuple[str, str], list[dict[str, float]]] = {row: [] for row in rows}
    for number in range(given.rounds):
        for row in rows:
            words = (*row, servers.bootstrap, prefix, str(given.events), str(given.idle))
            async with started(INTERPRETED, "run_reader.py", *words, environment={}) as program:
                found: Any = await program.result(timeout_s=RUN_S_MAX)
            runs[row].append(found)
            print(
                f"round {number + 1}, {row[0]}, collector {row[1]}: {given.events / found['seconds']:,.0f}/s",
                flush=True,
            )
    return [_table(runs, events=given.events, rounds=given.rounds, idle=given.idle)]


def _table(runs: dict[tuple[str, str], list[dict[str, float]]], *, events: int, rounds: int, idle: int) -> Table:
    table = Table(
        f"Reader alone: {events:,} records; median of {rounds} rounds (range)",
        ("", "records/s", "CPU s per million", *(("idle p50 ms", "idle p99 ms") if idle else ())),
    )
    for (kind, collector), found in runs.items():
        waits = [f"{median(run[name] for run in found):.1f}" for name in ("p50_ms", "p99_ms") if idle]
        table.rows.append(
            (
                f"{kind}, collector {collector}",
                middle_and_range([events / run["seconds"] for run in found]),
                f"{median(run['cpu_s'] for run in found) / events * 1e6:.1f}",
                *waits,
            )
        )
    return table


if __name__ == "__main__":
    run(__doc__, options, measure)
