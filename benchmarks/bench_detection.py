"""A checker as shipped on a real Kafka: how fast it takes up a topic, and how soon it tells of what is wrong.

    python benchmarks/bench_detection.py [--builds NAME ...] [--events 400000] [--rate 1000] [--seconds 10]

Taking up: from the start of the process, interpreter included, until something of every partition is published; the
benchmark's topic names players whom nobody scheduled. Telling: from the append of an event that breaks a rule, one in
ten, until a reader has the violation. The first fifth is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from builds import COMPILED, INTERPRETED, Build, by_names, usable
from load import PARTITIONS, create, fill
from processes import settings, started
from report import Table, percentile
from run_check import EXPRESSIONS
from servers import Servers, new_prefix, run

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.partition import partition_of
from dojopool.games.loading import load_game
from dojopool.ports import LogReader, Outgoing

BUILDS: Final = (INTERPRETED, COMPILED)
RUN_S_MAX: Final = 300.0
WARM_UP: Final = 0.2
WRONG_EVERY: Final = 10
POLL_MS: Final = 50
CODEC: Final = load_game("pool").codec


def options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen."""
    names = [build.name for build in BUILDS]
    parser.add_argument("--builds", nargs="+", choices=names, default=names)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=10.0)


async def measure(servers: Servers, given: argparse.Namespace) -> list[Table]:
    """One table, a row for each build."""
    builds, notes = usable(by_names(BUILDS, given.builds))
    table = Table(
        f"Checker with the game's 4 rules and 10 in CEL: {given.events:,} events taken up; {given.rate:,} events/s",
        ("", "events/s taken up, start included", "told after ms, p50", "p99", "largest"),
        notes=notes,
    )
    with TemporaryDirectory(prefix="dojo-bench-") as folder:
        rules = Path(folder) / "rules.toml"
        rules.write_text(
            "".join(f"[[rule]]\nname = 'cel-{n}'\nholds = \"{holds}\"\n" for n, holds in enumerate(EXPRESSIONS))
        )
        for build in builds:
            took_s = await _taken_up(build, servers, rules, given.events)
            told_ms = await _told(build, servers, rules, rate=given.rate, seconds=given.seconds)
            figures = (percentile(told_ms, 50), percentile(told_ms, 99), max(told_ms))
            table.rows.append((build.name, f"{given.events / took_s:,.0f}", *(f"{each:.1f}" for each in figures)))
    return [table]


async def _taken_up(build: Build, servers: Servers, rules: Path, count: int) -> float:
    prefix = new_prefix("takeup")
    await create(servers.bootstrap, prefix)
    await fill(servers.bootstrap, prefix, count)
    environment = settings(servers, prefix) | {"DOJO_RULES": str(rules)}
    begun = time.monotonic()
    async with (
        started(build, "-m", "dojopool", "checker", environment=environment) as program,
        KafkaLog(servers.bootstrap).reader() as reader,
        asyncio.timeout(RUN_S_MAX),
    ):
        left = _watch(reader, prefix)
        while left:
            left -= (await reader.poll(timeout_ms=POLL_MS)).keys()
            program.check()
    return time.monotonic() - begun


async def _told(build: Build, servers: Servers, rules: Path, *, rate: int, seconds: float) -> list[float]:
    prefix, count = new_prefix("told"), int(rate * seconds)
    await create(servers.bootstrap, prefix)
    environment = settings(servers, prefix) | {"DOJO_RULES": str(rules)}
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    log, codec = KafkaLog(servers.bootstrap), ViolationCodec()
    async with (
        started(build, "-m", "dojopool", "checker", environment=environment) as program,
        log.reader() as reader,
        asyncio.timeout(RUN_S_MAX),
    ):
        _watch(reader, prefix)
        wrong = {f"m{number}" for number in range(0, count, WRONG_EVERY)}
        await _one_is_told(log, prefix, reader)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_append(log, prefix, count, rate, sent))
            while not wrong <= seen.keys():
                for records in (await reader.poll(timeout_ms=POLL_MS)).values():
                    at = time.monotonic()
                    for record in records:
                        seen.setdefault(codec.decode(record.value or b"").match or "", at)
                program.check()
    warm = min(sent.values()) + WARM_UP * seconds
    return [(seen[match] - sent[match]) * 1000 for match in wrong if sent[match] >= warm]


async def _one_is_told(log: KafkaLog, prefix: str, reader: LogReader) -> None:
    """Wait until the checker is at work, which it shows by telling of a first mistake."""
    async with log.writer() as writer:
        for number in range(PARTITIONS):
            match = next(f"w{n}" for n in range(1000) if partition_of(f"w{n}", PARTITIONS) == number)
            await writer.append(f"{prefix}.events.eu", number, [_event(match, is_wrong=True)], timeout_s=30)
    left = set(range(PARTITIONS))
    while left:
        left -= {number for _, number in await reader.poll(timeout_ms=POLL_MS)}


async def _append(log: KafkaLog, prefix: str, count: int, rate: int, sent: dict[str, float]) -> None:
    """One event of its own match at a time, at an even pace."""
    async with log.writer() as writer, asyncio.TaskGroup() as tasks:
        locks = [asyncio.Lock() for _ in range(PARTITIONS)]

        async def append(match: str, record: Outgoing) -> None:
            number = partition_of(match, PARTITIONS)
            async with locks[number]:  # appends to one partition must not overlap
                await writer.append(f"{prefix}.events.eu", number, [record], timeout_s=30)

        begun = time.monotonic()
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            match = f"m{number}"
            record = _event(match, is_wrong=number % WRONG_EVERY == 0)
            sent[match] = time.monotonic()
            tasks.create_task(append(match, record))


def _event(match: str, *, is_wrong: bool) -> Outgoing:
    kind, body = ("frame_finished", {"frame": 1, "winner": "zoe"}) if is_wrong else ("player_joined", {"player": "ana"})
    value = CODEC.encode(
        match=match, node="eu/gs-1#a", seq=1, base=None, context=None, stamp=1 << 16, type=kind, body=body
    )
    return Outgoing(match.encode(), value)


def _watch(reader: LogReader, prefix: str) -> set[tuple[str, int]]:
    partitions = {(f"{prefix}.violations", number): 0 for number in range(PARTITIONS)}
    reader.assign(partitions)
    return set(partitions)


if __name__ == "__main__":
    run(__doc__, options, measure)
