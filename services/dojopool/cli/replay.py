"""`dojo replay`: how a match came to be what it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dojopool.cli.exits import FAILED
from dojopool.cli.match import changes, printable

if TYPE_CHECKING:
    from dojopool.core.event import Event

MatchId = Annotated[str, typer.Option("--match", metavar="ID", help="The match.")]
Until = Annotated[str | None, typer.Option(metavar="DOT", help="Stop behind this event, as node:seq.")]
Export = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the events as JSON lines.")]
Region = Annotated[str | None, typer.Option(help="The region whose log is read; DOJO_REGION.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object for each event.")]


def replay(
    match: MatchId, until: Until = None, export: Export = None, region: Region = None, as_json: AsJson = False
) -> None:
    """Fold a match from a region's log and show what each of its events changed, and which rules are broken behind it.

    What is exported can be given to `dojo fold`. The exit code is 1 when the log holds no event of the match, or not
    the one that --until names.

    Example: dojo replay --match m-1 --until eu/gs-7#k3f9a2:12
    """
    from dojopool.games.loading import load_game
    from dojopool.local.replay import event_json, parse_dot, steps
    from dojopool.settings import CheckerSettings

    settings = CheckerSettings.load(region=region)
    loaded = load_game(settings.game)
    last = None if until is None else parse_dot(until)
    taken: list[Event] = []
    before: Mapping[str, Any] = loaded.game.kind.plain(loaded.game.kind.empty())
    for step in steps(_events(match, settings), loaded, _rules(settings, loaded.game), until=last):
        taken.append(step.event)
        if as_json:
            line = {"event": event_json(step.event), "outcome": step.outcome, "state": step.state}
            typer.echo(json.dumps({**line, "broken_rules": list(step.broken_rules)}))
        else:
            _print(step, before)
        before = step.state
    if export is not None:
        export.write_text("".join(json.dumps(event_json(event)) + "\n" for event in taken), encoding="utf-8")
    if not taken or (last is not None and taken[-1].dot != last):
        typer.echo(
            f"the log of {settings.region} holds no event {until or 'at all'} of match {printable(match)}", err=True
        )
        raise typer.Exit(FAILED)


def _events(match: str, settings: Any) -> list[Event]:
    from dojopool.local.violations import read_events

    return asyncio.run(read_events(settings, match))


def _rules(settings: Any, game: Any) -> Any:
    from dojopool.checker.wiring import rules_of

    return rules_of(settings, game)


def _print(step: Any, before: Any) -> None:
    event = step.event
    said = "" if step.outcome == "delivered" else f"  ({step.outcome})"
    typer.echo(f"{event.node}:{event.seq}  {event.type}{said}")
    for line in changes(before, step.state):
        typer.echo(f"    {line}")
    if step.broken_rules:
        typer.echo(f"    broken: {', '.join(step.broken_rules)}")
