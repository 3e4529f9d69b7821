"""`dojo topics`: the topics of a deployment, made and checked."""

from __future__ import annotations

import asyncio
import json
import shlex
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dojopool.cli.exits import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dojopool.local.topics import TopicReport

app = typer.Typer(help="The topics of a deployment, in each region's Kafka.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@app.command()
def create(as_json: AsJson = False) -> None:
    """Make the topics that are missing and check the others, in every region's Kafka; change none that exists.

    With one address in DOJO_KAFKA, only in DOJO_REGION's. The exit code is 1 unless every topic is as it must be.

    Example: dojo topics create
    """
    _show(asyncio.run(_run("create")), as_json=as_json)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Compare the topics there are with those there must be, in every region's Kafka; change nothing.

    With one address in DOJO_KAFKA, only in DOJO_REGION's. The exit code is 1 unless every topic is as it must be.

    Example: dojo topics check --json
    """
    _show(asyncio.run(_run("check")), as_json=as_json)


@app.command()
def acls(as_json: AsJson = False) -> None:
    """Print the commands that allow each program what it needs in Kafka, and no more; ask no server.

    One `kafka-acls.sh` a line, for each region that DOJO_KAFKA names; docs/security.md tells how to use them.

    Example: dojo topics acls
    """
    from dojopool.local.acls import command_words, grants
    from dojopool.local.servers import reached_regions
    from dojopool.settings import ClusterSettings

    settings = ClusterSettings.load()
    found = []
    for region in reached_regions(settings):
        connection = ["--bootstrap-server", settings.kafka_for(region), "--command-config", "admin.properties"]
        for grant in grants(region=region, regions=settings.regions, prefix=settings.prefix):
            words = ["kafka-acls.sh", *connection, *command_words(grant, prefix=settings.prefix)]
            found.append({"region": region, "program": grant.program, "command": words})
    if as_json:
        typer.echo(json.dumps({"acls": found}))
    else:
        for each in found:
            typer.echo(shlex.join(each["command"]))


async def _run(verb: Literal["create", "check"]) -> Sequence[TopicReport]:
    from dojopool.adapters.event_logs import event_log
    from dojopool.local.servers import reached_regions
    from dojopool.local.topics import check_topics, create_topics
    from dojopool.settings import ClusterSettings

    settings = ClusterSettings.load()
    logs = {region: event_log(settings, region) for region in reached_regions(settings)}
    act = create_topics if verb == "create" else check_topics
    async with AsyncExitStack() as clients:
        admins = {region: await clients.enter_async_context(log.admin()) for region, log in logs.items()}
        return await act(admins, regions=settings.regions, partitions=settings.partitions, prefix=settings.prefix)


def _show(reports: Sequence[TopicReport], *, as_json: bool) -> None:
    is_good = all(report.is_good for report in reports)
    if as_json:
        typer.echo(json.dumps({"ok": is_good, "topics": [asdict(report) for report in reports]}))
    else:
        _print_table(reports)
    for report in reports:
        if report.outcome == "missing":
            typer.echo(f"{report.topic} in {report.region} is missing: `dojo topics create` makes it", err=True)
        for problem in report.problems:
            typer.echo(f"{report.topic} in {report.region} {problem}", err=True)
    if not is_good:
        raise typer.Exit(FAILED)


def _print_table(reports: Sequence[TopicReport]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("region", "topic", "partitions", "")
    for report in reports:
        table.add_row(report.region, report.topic, str(report.partitions), report.outcome)
    Console(highlight=False).print(table)
