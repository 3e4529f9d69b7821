"""`dojo violations`: what the checkers of a region publish."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dojopool.cli.exits import FAILED
from dojopool.cli.match import at_time, printable

if TYPE_CHECKING:
    from dojopool.core.invariants.violation import Violation

app = typer.Typer(help="Violations of rules, as a region's checkers publish them.", no_args_is_help=True)

Region = Annotated[str | None, typer.Option(help="The region to read in; DOJO_REGION.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
States = Annotated[
    list[str] | None, typer.Option("--state", help="Only suspected, cleared, confirmed or resolved; may be repeated.")
]
Since = Annotated[str | None, typer.Option(help="`beginning`, or a cursor that --json printed. Default: from now on.")]
All = Annotated[bool, typer.Option("--all", help="Also those that are over.")]
Limit = Annotated[int, typer.Option(help="How many.", min=1, max=100_000)]


@app.command()
def tail(since: Since = None, state: States = None, region: Region = None, as_json: AsJson = False) -> None:
    """Show violations as they are published, until interrupted.

    Example: dojo violations tail --state suspected
    """
    asyncio.run(_tail(since, state, region, as_json=as_json))


@app.command(name="list")
def list_violations(show_all: All = False, limit: Limit = 50, region: Region = None, as_json: AsJson = False) -> None:
    """List the violations that are open, the latest first.

    Example: dojo violations list --all
    """
    from dojopool.local.violations import standing_json, standings
    from dojopool.settings import ClientSettings

    found = asyncio.run(standings(ClientSettings.load(region=region)))
    wanted = [standing for standing in found if show_all or standing.latest.state.is_open]
    for standing in wanted[:limit]:
        if as_json:
            typer.echo(json.dumps(standing_json(standing)))
        else:
            _print_line(standing.latest)
    if len(wanted) > limit:
        typer.echo(f"the latest {limit} of {len(wanted)}: --limit shows more", err=True)
    if not wanted and not as_json:
        typer.echo("none is open" if not show_all else "there are none", err=True)


@app.command()
def show(
    violation: Annotated[str, typer.Argument(metavar="ID", help="The id of a violation, or its beginning.")],
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Show a violation: rule, values, clock, evidence in causal order, what each region shows, how to replay it.

    The exit code is 1 when the topic holds none, or more than one, that begins like this.

    Example: dojo violations show 6f1c0a
    """
    from dojopool.local.violations import detail
    from dojopool.settings import ClientSettings

    found = asyncio.run(detail(ClientSettings.load(region=region), violation))
    if found is None:
        typer.echo(f"there is no violation {printable(violation)}, or more than one begins like that", err=True)
        raise typer.Exit(FAILED)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print_detail(found)


async def _tail(since: str | None, states: Any, region: str | None, *, as_json: bool) -> None:
    from dojopool.codec.violation_codec import as_fields
    from dojopool.local.violations import alerts
    from dojopool.settings import ClientSettings

    following = alerts(ClientSettings.load(region=region), since=since, states=states)
    async with aclosing(following):
        async for alert in following:
            if as_json:
                typer.echo(json.dumps({**as_fields(alert.violation), "cursor": alert.cursor}))
            else:
                _print_line(alert.violation)


def _print_line(violation: Violation) -> None:
    said = [
        at_time(violation.at_ms),
        f"{violation.state.value:9}",
        f"{violation.severity.value:6}",
        violation.id[:12],
        violation.rule,
        printable(violation.match or "-"),
        printable(violation.key),
    ]
    typer.echo("  ".join(said).rstrip())


def _print_detail(found: dict[str, Any]) -> None:
    typer.echo(f"{found['rule']} ({found['severity']}): {printable(found['description'])}")
    typer.echo(f"{found['state']} since {at_time(found['at'])}, first {at_time(found['first_at'])},", nl=False)
    typer.echo(f" {found['records']} records, id {found['id']}")
    if found["match"] is not None:
        typer.echo(f"match {printable(found['match'])}  {printable(found['key'])}")
    for place, value in found["values"].items():
        typer.echo(f"  {printable(place)} = {printable(value)}")
    typer.echo(f"clock {json.dumps(found['clock'])}")
    for event in found["evidence_events"]:
        body = printable(json.dumps(event["body"]))
        typer.echo(f"  {event['node']}:{event['seq']}  {event['type']}  {body}")
    for region, view in found["views"].items():
        known = (
            "does not answer, or knows nothing of it" if view is None else f"shows clock {json.dumps(view['clock'])}"
        )
        typer.echo(f"region {region} {known}")
    for name in ("runbook", "replay"):
        if found[name]:
            typer.echo(f"{name}: {printable(found[name])}")
