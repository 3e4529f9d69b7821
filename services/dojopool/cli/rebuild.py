"""`dojo rebuild`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer


def rebuild(
    partition: Annotated[int, typer.Option(help="The partition to fold again.", min=0)],
    region: Annotated[str | None, typer.Option(help="The region to do it in; DOJO_REGION.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until it is served again.", min=1)] = 600,
    log_is_right: Annotated[
        bool, typer.Option("--log-is-right", help="Go on though a log ends before what the state has read of it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Forget the stored state of a partition and have it folded again from the logs, beside running replicas.

    Refused (exit code 1) when that would lose data: when a log no longer holds its beginning, or ends before what the
    state has read. The owner is fenced, takes the partition over anew and refills it; what readers see stays readable
    meanwhile. The exit code is 4 when that is not done in time; nothing is undone then, and the replica goes on.

    Example: dojo rebuild --partition 3
    """
    done = asyncio.run(_rebuild(partition, region, timeout_s=timeout, log_is_right=log_is_right))
    if as_json:
        typer.echo(json.dumps(done))
    else:
        typer.echo(
            f"partition {done['partition']} of {done['region']} is served again by {done['owner']},"
            f" {done['records']} records folded"
        )


async def _rebuild(number: int, region: str | None, *, timeout_s: float, log_is_right: bool) -> Mapping[str, Any]:
    from dojopool.local.rebuild import forget, wait_until_served
    from dojopool.local.servers import open_operator
    from dojopool.settings import ClientSettings

    settings = ClientSettings.load(region=region)
    if number >= settings.partitions:
        raise typer.BadParameter(f"--partition is {number}, there are {settings.partitions}, numbered from 0")
    async with open_operator(settings) as servers:
        await servers.store.check(partitions=settings.partitions)
        goal = await forget(
            number,
            store=servers.store,
            reader=servers.reader,
            topics=servers.topics,
            owner=servers.owner,
            log_is_right=log_is_right,
        )
        typer.echo(f"partition {number} of {settings.region}: fenced under epoch {goal.epoch} and forgotten", err=True)
        served = await wait_until_served(goal, status=servers.status, timeout_s=timeout_s, progress=_tell)
    return {
        "region": settings.region,
        "partition": number,
        "owner": served.owner,
        "epoch": served.epoch,
        "records": sum(goal.ends.values()),
        "offsets": dict(served.offsets),
    }


def _tell(done: int, total: int) -> None:
    typer.echo(f"{done} of {total} records folded again" if done else "waiting for a replica to take it over", err=True)
