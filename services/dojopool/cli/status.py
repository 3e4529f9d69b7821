"""`dojo status`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dojopool.cli.exits import FAILED, UNREACHABLE

if TYPE_CHECKING:
    from dojopool.local.overview import RegionReport

WATCH_S: Final = 2.0
"""Between two looks of `--watch`: owners write once a second."""


def status(
    regions: Annotated[str | None, typer.Option(help="Regions to look at, comma separated; all of them.")] = None,
    is_watching: Annotated[bool, typer.Option("--watch", help="Look again every two seconds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a look on stdout.")] = False,
) -> None:
    """Show who owns each partition, how far each stream was read, how stale it is, and each region's mode.

    With one address in DOJO_KAFKA, only DOJO_REGION is looked at. The exit code is 0 when every region is healthy and
    every partition is served, 4 when a server does not answer, else 1.

    Example: dojo status --json
    """
    while True:
        reports = asyncio.run(_look(regions))
        if as_json:
            typer.echo(json.dumps({"ok": _is_good(reports), "regions": [asdict(report) for report in reports]}))
        else:
            _print(reports)
        if not is_watching:
            break
        asyncio.run(asyncio.sleep(WATCH_S))
    if not all(report.is_reached for report in reports):
        raise typer.Exit(UNREACHABLE)
    if not _is_good(reports):
        raise typer.Exit(FAILED)


async def _look(regions: str | None) -> Sequence[RegionReport]:
    from dojopool.local.servers import look_at_regions

    return await look_at_regions(regions)


def _is_good(reports: Sequence[RegionReport]) -> bool:
    return all(report.is_good for report in reports)


def _print(reports: Sequence[RegionReport]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    for report in reports:
        typer.echo(f"region {report.region}: {report.mode or 'not known'}")
        if report.partitions:
            table = Table("partition", "owner", "written", "stream", "next", "end", "lag", "newest mark")
            for partition in report.partitions:
                head: list[str | Text] = [
                    str(partition.partition),
                    Text(partition.owner or "nobody"),
                    _age(partition.written_ms),
                ]
                for stream in partition.streams:
                    offsets = map(_number, (stream.next_offset, stream.end, stream.lag_records))
                    table.add_row(*head, stream.origin, *offsets, _age(stream.staleness_ms))
                    head = ["", "", ""]  # said once
            Console(highlight=False).print(table)
        for problem in report.problems:
            typer.echo(f"{report.region}: {problem}", err=True)


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _age(age_ms: int | None) -> str:
    return "never" if age_ms is None else f"{age_ms / 1000:.1f} s ago"
