"""`dojo play`: a league's results, or recorded events, played onto Kafka."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dojopool.cli.exits import FAILED

if TYPE_CHECKING:
    from dojopool.local.event_lines import Finding
    from dojopool.local.line_player import LinePlay
    from dojopool.local.player import PlayReport

LeagueOrEvents = Annotated[
    str,
    typer.Argument(metavar="FILE", help="A league (.csv), events as JSON lines (.jsonl), or `sample`: our league."),
]
Regions = Annotated[
    str | None, typer.Option(help="Home scorekeepers write in the first, away ones in the second; DOJO_REGIONS.")
]
Rate = Annotated[float | None, typer.Option(help="At most so many events a second; as fast as it goes without it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]

SAMPLE_NAME = "sample"


def play(file: LeagueOrEvents, regions: Regions = None, rate: Rate = None, as_json: AsJson = False) -> None:
    """Play matches onto Kafka: home scorekeepers in one region, away scorekeepers in another, at the same time.

    Events of a .jsonl file are sent as they are, each to its node's region. The exit code is 1 unless every event is in
    its log.

    Example: dojo play sample --regions eu,us --rate 500
    """
    from dojopool.local.league import SAMPLE

    path = SAMPLE if file == SAMPLE_NAME else Path(file)
    if not path.is_file():
        raise typer.BadParameter(f"there is no such file: {file}", param_hint="FILE")
    if path.suffix not in (".csv", ".jsonl"):
        raise typer.BadParameter(f"is told by its suffix, .csv or .jsonl: {file}", param_hint="FILE")
    if rate is not None and not rate > 0:
        raise typer.BadParameter("must be above 0", param_hint="--rate")
    if path.suffix == ".csv":
        report = asyncio.run(_play_league(path, regions, rate))
        _show(report.to_json(), as_json=as_json, is_good=report.is_good)
    else:
        played = asyncio.run(_play_lines(path, regions, rate))
        _show(played.to_json(), as_json=as_json, is_good=not played.refused)


async def _play_league(path: Path, regions: str | None, rate: float | None) -> PlayReport:
    from dojopool.client.wiring import connect
    from dojopool.local.league import read_league
    from dojopool.local.player import play as play_matches
    from dojopool.local.servers import deployment

    plans = read_league(path)
    settings, chosen = deployment(regions)
    total = sum(len(plan.home) + len(plan.away) for plan in plans)
    async with AsyncExitStack() as stack:
        clients = {
            region: await stack.enter_async_context(connect(region=region, regions=settings.regions, instance="play"))
            for region in chosen[:2]
        }
        with _progress(total) as advance:
            return await play_matches(plans, clients, rate=rate, answered=lambda _: advance(1))


async def _play_lines(path: Path, regions: str | None, rate: float | None) -> LinePlay:
    from dojopool.adapters.event_logs import event_log
    from dojopool.games.loading import load_game
    from dojopool.local.line_player import LinePlayer
    from dojopool.local.servers import deployment

    settings, chosen = deployment(regions)
    logs = {region: event_log(settings, region) for region in chosen}
    codec = load_game(settings.game).codec
    async with AsyncExitStack() as stack:
        writers = {region: await stack.enter_async_context(log.writer()) for region, log in logs.items()}
        player = LinePlayer(
            writers, codec=codec, partitions=settings.partitions, prefix=settings.prefix, report=_complain
        )
        with path.open("rb") as lines, _progress(None) as advance:
            return await player.play(lines, rate=rate, sent=advance)


def _complain(finding: Finding) -> None:
    typer.echo(str(finding), err=True)


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr where somebody sees it; the value is to be called with how many events were done more."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("events"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("events", total=total)
        yield lambda count: bar.advance(task, count)


def _show(result: dict[str, Any], *, as_json: bool, is_good: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result))
    else:
        for name, value in result.items():
            typer.echo(f"{name.replace('_', ' '):<18}{_figure(value)}")
    if not is_good:
        raise typer.Exit(FAILED)


def _figure(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{count} x {reason}" for reason, count in value.items()) or "-"
    return f"{value:,}"
