"""`dojo fold`: events from a file in, state out."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from dojopool.cli.exits import FAILED

if TYPE_CHECKING:
    from dojopool.local.event_lines import Finding

EventFile = Annotated[str, typer.Argument(metavar="FILE", help="Events as JSON lines; - reads stdin.")]
GameName = Annotated[str | None, typer.Option("--game", help="pool or module:object; DOJO_GAME, else pool.")]


def fold(file: EventFile, game: GameName = None) -> None:
    """Fold events as a replica would, and print one line of JSON a match, in order of match id.

    The order of the input does not matter. What is wrong with a line is told on stderr with its number and makes the
    exit code 1; the other lines are folded. Broken rules of the game are part of the result and not an error.

    Example: dojo fold events.jsonl
    """
    from dojopool.games.loading import load_game
    from dojopool.local.fold_file import FileFold
    from dojopool.settings import Settings

    findings = 0

    def report(finding: Finding) -> None:
        nonlocal findings
        findings += 1
        typer.echo(str(finding), err=True)

    folding = FileFold(load_game(Settings.load(game=game).game), report=report)
    with opened(file) as lines:
        folding.read(lines)
    for result in folding.results():
        typer.echo(json.dumps(result, ensure_ascii=False).encode())
    if findings:
        raise typer.Exit(FAILED)


def opened(file: str) -> AbstractContextManager[BinaryIO]:
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise typer.BadParameter(f"cannot be read: {error.strerror}: {file}", param_hint="FILE") from error
