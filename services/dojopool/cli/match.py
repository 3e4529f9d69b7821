"""`dojo match`: matches as a region shows them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dojopool.cli.exits import FAILED

if TYPE_CHECKING:
    from rich.tree import Tree

app = typer.Typer(help="Matches, as a region's Redis or a running `dojo dev` shows them.", no_args_is_help=True)

MatchId = Annotated[str, typer.Argument(metavar="ID", help="The match.")]
Region = Annotated[str | None, typer.Option(help="The region to read in; DOJO_REGION.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Limit = Annotated[int, typer.Option(help="How many.", min=1, max=10_000)]


@app.command()
def show(match: MatchId, region: Region = None, as_json: AsJson = False) -> None:
    """Show a match: its state, the events in it, and how fresh that is. The exit code is 1 when it is not known.

    Example: dojo match show m32
    """
    found = asyncio.run(_show(match, region))
    if found is None:
        typer.echo(f"nothing is known of match {printable(match)} there", err=True)
        raise typer.Exit(FAILED)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print_view(found)


@app.command(name="list")
def list_matches(limit: Limit = 20, region: Region = None, as_json: AsJson = False) -> None:
    """List the matches that changed last, newest first.

    Example: dojo match list --limit 5
    """
    newest = asyncio.run(_newest(limit, region))
    if as_json:
        typer.echo(json.dumps({"matches": [{"match": match, "at_ms": at_ms} for at_ms, match in newest]}))
        return
    for at_ms, match in newest:
        typer.echo(f"{at_time(at_ms)}  {printable(match)}")
    if len(newest) == limit:
        typer.echo(f"the newest {limit}; there may be more: --limit shows them", err=True)


@app.command()
def watch(match: MatchId, region: Region = None, as_json: AsJson = False) -> None:
    """Show a match, then what changes in it, until interrupted.

    Example: dojo match watch m32 --json
    """
    asyncio.run(_watch(match, region, as_json=as_json))


async def _show(match: str, region: str | None) -> Mapping[str, Any] | None:
    from dojopool.local.matches import open_matches

    async with open_matches(region) as matches:
        return await matches.show(match)


async def _newest(limit: int, region: str | None) -> list[tuple[int, str]]:
    from dojopool.local.matches import open_matches

    async with open_matches(region) as matches:
        return [*await matches.newest(limit=limit)]


async def _watch(match: str, region: str | None, *, as_json: bool) -> None:
    from dojopool.local.matches import open_matches

    shown: Mapping[str, Any] | None = None
    async with open_matches(region) as matches, aclosing(matches.watch(match)) as views:
        async for view in views:
            if as_json:
                typer.echo(json.dumps(view))
            elif shown is None:
                _print_view(view)
            else:
                _print_changes(shown, view)
            shown = view


def printable(text: str) -> str:
    """Text from outside as a terminal may show it: what would steer the terminal is escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def changes(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What differs between two states, a line for each value: path, old and new."""
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        old, new = before or {}, after or {}
        for key in [*old, *(key for key in new if key not in old)]:
            yield from changes(old.get(key), new.get(key), f"{path}.{printable(str(key))}".lstrip("."))
    elif _value(before) != _value(after):
        yield f"{path}: {_value(before)} -> {_value(after)}"


def _print_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    at = at_time(after["at_ms"])
    for line in changes(before["state"], after["state"]):
        typer.echo(f"{at}  {line}")
    if before["pending"] != after["pending"]:
        typer.echo(f"{at}  {after['pending']} waiting")


def _print_view(view: Mapping[str, Any]) -> None:
    from rich.console import Console

    if not view["clock"] and not view["pending"]:
        typer.echo(f"nothing is known of match {printable(view['match'])} in {printable(view['region'])} yet")
        return
    delivered, pending = sum(view["clock"].values()), view["pending"]
    ages = ", ".join(f"{region} {_age(age)}" for region, age in view["staleness_ms"].items())
    typer.echo(f"match {printable(view['match'])} in {printable(view['region'])}, changed {at_time(view['at_ms'])}")
    typer.echo(f"{delivered} events in it, {pending} waiting; newest marks: {ages}")
    Console(highlight=False, soft_wrap=True).print(_tree("state", view["state"]))


def _tree(label: str, state: Mapping[str, Any]) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(printable(label), "bold"))
    for name, value in state.items():
        if isinstance(value, Mapping) and value:
            tree.add(_tree(name, value))
        else:
            tree.add(Text.assemble(f"{printable(name)} ", (_value(value), "cyan")))
    return tree


def _value(value: Any) -> str:
    """A value of state, short: no quotes where nothing can be mistaken."""
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return printable(value) if isinstance(value, str) else json.dumps(value)


def at_time(at_ms: int | None) -> str:
    """Local time to the second, with the offset, so that two people can compare."""
    if at_ms is None:
        return "never"
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().isoformat(sep=" ", timespec="seconds")


def _age(age_ms: int | None) -> str:
    return "not heard of" if age_ms is None else f"{age_ms / 1000:.1f} s old"
