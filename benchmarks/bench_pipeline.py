"""Events per second and CPU of the replica on a real Kafka and Redis, beside a hand-written loop in the same run.

    python benchmarks/bench_pipeline.py [--events 200000] [--rounds 3]

Starts its own servers, fills one topic per region once, and lets both programs read it in turn, each in a process of
its own with an empty Redis. Medians over the rounds; the clock runs from the first partition held to the last write.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from load import fill
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from dojopool.local.stack import Stack

HERE = Path(__file__).parent
ROWS = {"replica, interpreted": "run_replica.py", "hand-written loop": "run_loop.py"}
RUN_TIMEOUT_S = 300


async def main(events: int, rounds: int) -> None:
    """Measure and print the table."""
    results: dict[str, list[dict[str, float]]] = {row: [] for row in ROWS}
    with tempfile.TemporaryDirectory(prefix="dojo-bench-") as folder:
        stack = await Stack.up(
            Path(folder) / "stack", regions=("eu",), partitions=4, prefixes=("unused",), report=lambda text: None
        )
        try:
            bootstrap, url = stack.brokers["eu"].bootstrap, stack.redis["eu"].url
            await fill(bootstrap, "bench", events)
            for _ in range(rounds):
                for row, script in ROWS.items():
                    await _flush(url)
                    results[row].append(await asyncio.to_thread(_run, script, bootstrap, url, events))
        finally:
            await stack.down()
    _print(results, events=events, rounds=rounds)


async def _flush(url: str) -> None:
    redis = Redis.from_url(url)
    await redis.flushall()
    await redis.aclose()


def _run(script: str, bootstrap: str, url: str, events: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, HERE / script, bootstrap, url, "bench", str(events)],
        stdout=subprocess.PIPE,
        timeout=RUN_TIMEOUT_S,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _print(results: dict[str, list[dict[str, float]]], *, events: int, rounds: int) -> None:
    title = f"{events:,} events, 2,000 matches, 4 partitions, {rounds} rounds, medians"
    table = Table("", "events/s", "range", "CPU s per million", "peak MB", "ratio", title=title)
    rates = {row: [run["events"] / run["seconds"] for run in runs] for row, runs in results.items()}
    baseline = median(rates["hand-written loop"])
    for row, runs in results.items():
        cpu = median(run["cpu_s"] / run["events"] * 1e6 for run in runs)
        table.add_row(
            row,
            f"{median(rates[row]):,.0f}",
            f"{min(rates[row]):,.0f} to {max(rates[row]):,.0f}",
            f"{cpu:.1f}",
            f"{median(run['peak_mb'] for run in runs):.0f}",
            f"{median(rates[row]) / baseline:.2f}",
        )
    console = Console(width=110)
    console.print(table)
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=200_000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    asyncio.run(main(given.events, given.rounds))
