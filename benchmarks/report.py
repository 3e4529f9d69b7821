"""Tables as Markdown, so that what a benchmark prints can be pasted, and the line that says where it was measured."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Final

from dojopool.local.stack.process import run_tool
from dojopool.local.stack.redis_server import VERSION_SECONDS, find_redis_server

FAILED: Final = "FAILED"
"""Begins the note of a part that has no figures because something went wrong."""

Options = Callable[[argparse.ArgumentParser], None]


@dataclass(slots=True)
class Table:
    """Figures with what they are called."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Heading, table, notes."""
        lines = [f"### {self.title}", "", _line(self.columns), _line(["---", *["--:"] * (len(self.columns) - 1)])]
        lines += map(_line, self.rows)
        lines += ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def middle_and_range(values: Sequence[float], form: str = ",.0f") -> str:
    """`median (smallest to largest)`; a single value alone."""
    if len(values) == 1:
        return format(values[0], form)
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` per cent of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__trunc__() - 1)]


def run_without_servers(
    description: str | None, options: Options, measure: Callable[[argparse.Namespace], Awaitable[list[Table]]]
) -> None:
    """Parse the command line, measure, print the tables."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options(parser)
    given = parser.parse_args()

    async def whole() -> None:
        where = await machine()
        print_tables(where, await measure(given))

    asyncio.run(whole())


def print_tables(where: str, tables: Sequence[Table]) -> None:
    """The figures as Markdown. Ends with exit code 1 when a part failed."""
    print("\n\n".join(["", where, *(table.markdown() for table in tables)]))
    if any(note.startswith(FAILED) for table in tables for note in table.notes):
        raise SystemExit(1)


async def machine() -> str:
    """Processor, system and versions, for above the tables."""
    clients = ", ".join(f"{name} {version(name)}" for name in ("aiokafka", "fastavro", "redis", "hiredis"))
    _, server = await run_tool([await find_redis_server(), "--version"], timeout_seconds=VERSION_SECONDS)
    jars = files("dojopool.local.stack").joinpath("jars.lock").read_text()
    [kafka] = re.findall(r"kafka_[\d.]+-([\d.]+)\.jar", jars)
    return (
        f"{os.cpu_count()} cores of {_processor()}, {platform.system()} {platform.release()}, Python"
        f" {platform.python_version()}, {clients}; Kafka {kafka}, {' '.join(server.split()[:3])}; load average"
        f" before the first run: {os.getloadavg()[0]:.2f}."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
