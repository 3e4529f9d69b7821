"""`dojo stack`: a real Kafka and Redis per region on this machine, started, shown and ended."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from dojopool.cli.exits import FAILED

if TYPE_CHECKING:
    from dojopool.local.stack import ServerStatus, Stack

app = typer.Typer(
    name="stack", help="A real local Kafka and Redis per region, without containers.", no_args_is_help=True
)
_out = Console(highlight=False)
_progress = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

Regions = Annotated[str | None, typer.Option(help="Comma separated; DOJO_REGIONS, else eu,us.")]
Partitions = Annotated[int | None, typer.Option(help="Of every events topic; DOJO_PARTITIONS, else its default.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Wipe = Annotated[bool, typer.Option("--wipe", help="Delete all of the stack's data too.")]


@app.command()
def up(regions: Regions = None, partitions: Partitions = None, as_json: AsJson = False) -> None:
    """Start one Kafka and one Redis per region and a mirror between them; return when all of it works.

    Starts only what does not run, so it also repairs. Data and addresses of the last time are used again.

    Example: dojo stack up --regions eu,us
    """
    stack = asyncio.run(_up(regions, partitions))
    if as_json:
        typer.echo(json.dumps({"regions": _addresses(stack)}))
        return
    _print_servers(asyncio.run(stack.status()))
    _out.print(f"Logs are in {stack.folder}. For the other commands, in every shell:\n", soft_wrap=True)
    for line in export_lines(_addresses(stack), stack.layout.partitions):
        typer.echo(line)


@app.command()
def down(wipe: Wipe = False, as_json: AsJson = False) -> None:
    """End exactly the servers that `up` started. The data stay for the next time, unless wiped.

    Example: dojo stack down --wipe
    """
    ended = asyncio.run(_down(wipe=wipe))
    if as_json:
        typer.echo(json.dumps({"ended": ended}))
        return
    _progress.print(f"ended {', '.join(ended)}" if ended else "nothing was running")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show each server; the exit code is 1 unless all of them run.

    Example: dojo stack status --json
    """
    servers = asyncio.run(_status())
    is_up = bool(servers) and all(server.condition == "running" for server in servers)
    if as_json:
        typer.echo(json.dumps({"up": is_up, "servers": [asdict(server) for server in servers]}))
    elif servers:
        _print_servers(servers)
    if not is_up:
        _progress.print("not all of it runs: `dojo stack up` starts what has ended" if servers else "there is no stack")
        raise typer.Exit(FAILED)


def export_lines(addresses: dict[str, dict[str, str]], partitions: int) -> list[str]:
    """Return the shell lines that point every other command at these servers."""
    kafka = ",".join(f"{region}={servers['kafka']}" for region, servers in addresses.items())
    redis = ",".join(f"{region}={servers['redis']}" for region, servers in addresses.items())
    return [
        f"export DOJO_REGIONS={','.join(addresses)} DOJO_PARTITIONS={partitions}",
        f"export DOJO_KAFKA={kafka}",
        f"export DOJO_REDIS={redis}",
    ]


async def _up(regions: str | None, partitions: int | None) -> Stack:
    from dojopool.local.stack import Stack
    from dojopool.settings import ClusterSettings

    # Where the servers of the last time were is no concern here, and need not fit the regions asked for now.
    default = None if os.environ.get("DOJO_REGIONS") else "eu,us"
    settings = ClusterSettings.load(regions=regions or default, partitions=partitions, kafka={}, redis={})
    return await Stack.up(
        settings.data_dir / "stack",
        regions=settings.regions,
        partitions=settings.partitions,
        prefixes=(settings.prefix,),
        report=_progress.print,
    )


async def _down(*, wipe: bool) -> list[str]:
    from dojopool.local.stack import Stack

    stack = Stack.open(_folder())
    return [] if stack is None else await stack.down(wipe=wipe)


async def _status() -> list[ServerStatus]:
    from dojopool.local.stack import Stack

    stack = Stack.open(_folder())
    return [] if stack is None else await stack.status()


def _folder() -> Path:
    from dojopool.settings import Settings

    return Settings.load().data_dir / "stack"


def _addresses(stack: Stack) -> dict[str, dict[str, str]]:
    return {
        region: {"kafka": broker.bootstrap, "redis": stack.redis[region].url}
        for region, broker in stack.brokers.items()
    }


def _print_servers(servers: list[ServerStatus]) -> None:
    table = Table("server", "address", "pid", "condition")
    for server in servers:
        table.add_row(server.name, server.address or "-", str(server.pid or "-"), server.condition)
    _out.print(table)
