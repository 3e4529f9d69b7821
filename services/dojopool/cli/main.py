"""`dojo`: the table of commands, and the one place where an error becomes an exit code.

What a program raises on purpose (a DojoError) is one line on stderr and an exit code of `exits.py`; anything else is
our own bug and shows its traceback.

A command's module is imported when the command is named, and imports what it needs when it runs, so that `dojo --help`
answers at once.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from dojopool.cli.exits import USAGE, exit_code
from dojopool.errors import DojoError

COMMANDS: Final[dict[str, str]] = {
    "demo": "dojopool.cli.demo:demo",
    "dev": "dojopool.cli.demo:dev",
    "stack": "dojopool.cli.stack:app",
    "topics": "dojopool.cli.topics:app",
    "replica": "dojopool.cli.replica:replica",
    "checker": "dojopool.cli.checker:checker",
    "doctor": "dojopool.cli.doctor:doctor",
    "status": "dojopool.cli.status:status",
    "rebuild": "dojopool.cli.rebuild:rebuild",
    "play": "dojopool.cli.play:play",
    "match": "dojopool.cli.match:app",
    "violations": "dojopool.cli.violations:app",
    "replay": "dojopool.cli.replay:replay",
    "rules": "dojopool.cli.rules:app",
    "fold": "dojopool.cli.fold:fold",
    "schema": "dojopool.cli.schema:app",
    "certs": "dojopool.cli.certs:app",
    "simulate": "dojopool.cli.simulate:app",
    "settings": "dojopool.cli.settings:settings",
}
"""Name of a command -> where it is: a function, or a typer application with commands of its own. In order of help."""


def main() -> None:
    """Run `dojo` as the shell calls it."""
    if sys.flags.optimize:
        sys.exit(_refuse_optimised())
    # Clients log every failed attempt; a command tells the outcome. A program that runs on sets up logs of its own.
    logging.getLogger().addHandler(logging.NullHandler())
    # A game of one's own is found as `python -m` would find it, but can never take the place of an installed module.
    sys.path.append(str(Path.cwd()))
    app()


class Commands(TyperGroup):
    """The commands of COMMANDS, each mounted when it is asked for. (typer keeps the type of `ctx` private.)"""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a command; a name that nobody knows mounts all of them, for the suggestion in the error."""
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            self._mount(name)
        return self.commands.get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """Name all commands, in the order of the table."""
        for name in COMMANDS:
            self._mount(name)
        return list(COMMANDS)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error raised on purpose becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except DojoError as error:
            typer.secho("error: ", fg=typer.colors.RED, nl=False, err=True)
            typer.echo(str(error), err=True)
            raise typer.Exit(exit_code(error)) from error

    def _mount(self, name: str) -> None:
        if name not in self.commands:
            module, _, attribute = COMMANDS[name].partition(":")
            self.commands[name] = _command(name, getattr(import_module(module), attribute))


def _command(name: str, found: typer.Typer | Callable[..., None]) -> Any:
    parent = typer.Typer(add_completion=False)
    parent.callback()(lambda: None)  # without one, typer would make an only command the whole program
    if isinstance(found, typer.Typer):
        parent.add_typer(found, name=name)
    else:
        parent.command(name)(found)
    group: Any = typer.main.get_command(parent)
    _read_as_markdown(group)
    return group.commands[name]


def _read_as_markdown(command: Any) -> None:
    """Let help texts flow; typer would keep the line ends of the source."""
    command.rich_markup_mode = "markdown"
    for inner in getattr(command, "commands", {}).values():
        _read_as_markdown(inner)


def _refuse_optimised() -> int:
    typer.echo(
        "error: assertions are switched off (python -O or PYTHONOPTIMIZE), and they guard what is stored:"
        " run dojo without",
        err=True,
    )
    return USAGE


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import version

    from dojopool.games.loading import load_game

    pool = load_game("pool")
    typer.echo(f"dojopool {version('dojopool')}")
    typer.echo(f"event schema {pool.codec.fingerprint.hex()}, fold version {pool.version}")
    raise typer.Exit


app = typer.Typer(
    name="dojo",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,  # a bug shows a plain traceback, without the values of variables: they hold secrets
)


@app.callback()
def dojo(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Game events with vector clocks through Kafka into CRDT state in Redis, in several regions at once.

    Settings come from the environment: `dojo settings` lists them.

    Example: dojo stack up
    """
