"""`dojo rules`: trying out rules by operators."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dojopool.cli.exits import FAILED
from dojopool.cli.fold import opened
from dojopool.cli.match import printable

if TYPE_CHECKING:
    from dojopool.core.invariants.judge import Judgement

app = typer.Typer(help="Rules by operators, as DOJO_RULES names a file of them.", no_args_is_help=True)


@app.callback()
def rules() -> None:
    """Keep `test` a command of its own."""


@app.command(name="test")
def try_rules(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of rules (TOML).")],
    match: Annotated[str | None, typer.Option(metavar="ID", help="Judge this match of DOJO_REGION's log.")] = None,
    sample: Annotated[str | None, typer.Option(metavar="FILE", help="Judge these events (JSON lines).")] = None,
    game: Annotated[str | None, typer.Option(help="pool or module:object; DOJO_GAME, else pool.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Check a file of rules, and say for each rule and match whether it holds, with the values that it read.

    The exit code is 1 when a rule is broken or comes to no verdict, 3 when the file is wrong.

    Example: dojo rules test rules.toml --sample events.jsonl
    """
    from dojopool.adapters.cel import compile_expression
    from dojopool.checker.rule_file import read_rules
    from dojopool.games.loading import load_game
    from dojopool.local.rule_trial import judged_events, judged_match
    from dojopool.settings import CheckerSettings, Settings

    if match is not None and sample is not None:
        raise typer.BadParameter("--match and --sample exclude each other")
    loaded = load_game(Settings.load(game=game).game)
    chosen = read_rules(file, loaded.game, compile_expression)
    if match is None and sample is None:
        typer.echo(f"{len(chosen)} rules, all of them sound; --match or --sample tries them on events")
        return
    is_good = True
    if match is not None:
        trials = asyncio.run(judged_match(CheckerSettings.load(game=game), match, chosen))
    else:
        with opened(sample or "-") as lines:
            trials = judged_events(lines, loaded, chosen)
    for match_id, judgement, values in trials:
        is_good = is_good and judgement.is_valid
        _print(match_id, judgement, values, as_json=as_json)
    if not is_good:
        raise typer.Exit(FAILED)


def _print(match_id: str, judgement: Judgement, values: dict[str, str], *, as_json: bool) -> None:
    name = judgement.rule.name
    keys = [finding.key for finding in judgement.findings if finding.key]
    if as_json:
        said: dict[str, Any] = {"match": match_id, "rule": name, "holds": judgement.is_valid, "keys": keys}
        typer.echo(json.dumps({**said, "values": values, "error": judgement.error}))
        return
    verdict = "no verdict" if judgement.error else "true" if judgement.is_valid else "false"
    typer.echo(f"{match_id}  {name}  {verdict}{'  ' if keys else ''}{printable(', '.join(keys))}")
    if judgement.error:
        typer.echo(f"    {judgement.error}")
    for place, value in values.items():
        typer.echo(f"    {printable(place)} = {printable(value)}")
