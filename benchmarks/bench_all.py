"""Every benchmark, one after another, with all tables at the end.

    python benchmarks/bench_all.py [--quick]

`--quick` runs each part with sizes so small that the figures mean nothing: to see that everything works.
"""

from __future__ import annotations

import argparse
from types import ModuleType
from typing import Any, Final

import bench_checker
import bench_detection
import bench_failover
import bench_fold
import bench_latency
import bench_pipeline
import bench_raft
import bench_reader
import bench_sdk
import bench_simulation
import bench_soak
from report import FAILED, Table, run_without_servers
from servers import running_servers

ON_SERVERS: Final[dict[ModuleType, str]] = {
    bench_pipeline: "--events 20000 --rounds 1",
    bench_detection: "--events 20000 --rate 200 --seconds 3",
    bench_reader: "--events 20000 --rounds 1",
    bench_latency: "--rates 200 --seconds 3 --rounds 1",
    bench_sdk: "--events 20000 --rounds 1",
    bench_failover: "--kills 1 --events 20000 --rounds 1",
    bench_soak: "--minutes 0.2 --rate 200",
}
"""The parts, each with what it is told when it has to be quick."""
ALONE: Final[dict[ModuleType, str]] = {
    bench_fold: "--events 16000 --rounds 1 --copies 1",
    bench_checker: "--events 16000 --rounds 1 --matches 1000 --storm 20000",
    bench_raft: "--rounds 1 --seconds 1 --kills 1",
    bench_simulation: "--seeds 2 --rounds 1",
}
"""Those that need no Kafka and no Redis."""


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    parser.add_argument("--quick", action="store_true")


async def measure(given: argparse.Namespace) -> list[Table]:
    """All tables. First what needs no server, while none is there to take time from it."""
    parts = {**ALONE, **ON_SERVERS}
    tables: list[Table] = []
    for part, quick in parts.items():
        try:
            tables += await _tables(part, _given(part, quick if given.quick else ""))
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - the other parts' figures would be lost
            tables.append(Table(part.__name__, ("",), notes=[f"{FAILED}: {failure!r}"]))
    return tables


async def _tables(part: Any, given: argparse.Namespace) -> list[Table]:
    found: list[Table]
    if part in ALONE:
        found = await part.measure(given)
        return found
    async with running_servers() as servers:
        found = await part.measure(servers, given)
    return found


def _given(part: Any, words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    part.options(parser)
    return parser.parse_args(words.split())


if __name__ == "__main__":
    run_without_servers(__doc__, options, measure)
