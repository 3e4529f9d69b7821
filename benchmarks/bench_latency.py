"""How long from `record` to readable: a producer with the SDK, a `dojo replica` and a reader, a process each.

    python benchmarks/bench_latency.py [--builds NAME ...] [--rates 1000 5000] [--seconds 10] [--rounds 3]

An event is readable when the reader has read a clock that contains it. Producer and reader use the machine's one
monotonic clock. The first fifth of each run is not counted.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from bisect import bisect_left
from pathlib import Path
from typing import Final, NamedTuple

from builds import BUILDS, Build, by_names, usable
from load import create
from processes import claimed, replicas, settings, started
from replica_run import log_ends, until_stored
from report import Table, middle_and_range, percentile
from servers import Servers, new_prefix, run

MATCHES: Final = 2_000
WARM_UP: Final = 0.2
SHOWN_S_MAX: Final = 30.0
Line = tuple[str, int, int]
"""Match, number of the event, nanoseconds."""


class Latency(NamedTuple):
    """Of one run, in milliseconds."""

    p50: float
    p99: float
    most: float
    producer_late_p99: float


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    names = [build.name for build in BUILDS]
    parser.add_argument("--builds", nargs="+", choices=names, default=names)
    parser.add_argument("--rates", nargs="+", type=int, default=[1_000, 5_000])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)


async def measure(servers: Servers, given: argparse.Namespace) -> list[Table]:
    """Every build at every rate once a round, in turn."""
    builds, notes = usable(by_names(BUILDS, given.builds))
    found: dict[tuple[str, int], list[Latency]] = {(build.name, rate): [] for build in builds for rate in given.rates}
    for number in range(given.rounds):
        for build in builds:
            for rate in given.rates:
                latency = await _run(servers, build, rate, given.seconds)
                found[build.name, rate].append(latency)
                print(f"round {number + 1}, {build.name}, {rate:,}/s: {latency}", flush=True)
    table = Table(
        f"Send to readable, milliseconds: {MATCHES:,} matches, {given.seconds:g} s a run; median of {given.rounds}"
        " rounds (range)",
        ("", "events/s", "p50", "p99", "largest", "producer behind its pace, p99"),
        notes=notes,
    )
    for (name, rate), runs in found.items():
        columns = (middle_and_range(column, ".1f") for column in zip(*runs, strict=True))
        table.rows.append((name, f"{rate:,}", *columns))
    return [table]


async def _run(servers: Servers, build: Build, rate: int, seconds: float) -> Latency:
    prefix = new_prefix("latency")
    await create(servers.bootstrap, prefix)
    with tempfile.TemporaryDirectory(prefix="dojo-bench-") as folder:
        sent, seen = Path(folder) / "sent.json", Path(folder) / "seen.json"
        producing = ("run_producer.py", str(rate), str(seconds), str(MATCHES), str(sent))
        watching = ("run_watcher.py", servers.redis_url, prefix, str(seen))
        async with (
            replicas(build, 1, servers, prefix) as programs,
            started(build, *producing, environment=settings(servers, prefix)) as producer,
            started(build, *watching, environment={}) as watcher,
            servers.redis() as redis,
        ):
            await claimed(redis, prefix, programs)
            for program in (watcher, producer):
                await program.ready()
                await program.go()
            told = await producer.result(timeout_s=seconds + SHOWN_S_MAX)
            ends = await log_ends(servers, prefix)
            await until_stored(redis, prefix, ends, programs, timeout_s=SHOWN_S_MAX)
            await watcher.finish()
            await watcher.result(timeout_s=SHOWN_S_MAX)
        return _latency(json.loads(sent.read_text()), json.loads(seen.read_text()), told["late_p99_ms"])


def _latency(sent: list[Line], seen: list[Line], late_ms: float) -> Latency:
    """Figures of one run, without its beginning. Fails when an event was never seen."""
    begun_ns, ended_ns = min(line[2] for line in sent), max(line[2] for line in sent)
    warm_ns = begun_ns + WARM_UP * (ended_ns - begun_ns)
    took_ms = [delay_ms for at_ns, delay_ms in delays(sent, seen) if at_ns >= warm_ns]
    return Latency(percentile(took_ms, 50), percentile(took_ms, 99), max(took_ms), late_ms)


def delays(sent: list[Line], seen: list[Line]) -> list[tuple[int, float]]:
    """For every event sent: when, in nanoseconds, and after how many milliseconds a read first held it."""
    by_match: dict[str, list[tuple[int, int]]] = {}
    for match, number, at_ns in seen:
        by_match.setdefault(match, []).append((number, at_ns))
    found = []
    for match, number, at_ns in sent:
        reads = by_match.get(match, [])  # numbers and times both rise: a view only grows
        place = bisect_left(reads, (number, 0))
        if place == len(reads):
            raise SystemExit(f"event {number} of match {match} was accepted and never seen")
        found.append((at_ns, (reads[place][1] - at_ns) / 1e6))
    return found


if __name__ == "__main__":
    run(__doc__, options, measure)
