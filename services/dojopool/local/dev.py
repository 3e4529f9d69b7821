"""`dojo dev`: the embedded default kept running, a season played in it, and reads on a loopback address.

The address stands in a file of the data directory while this runs, where `dojo match` finds it. Only reads are served:
who writes needs the SDK, and this log is in the memory of this process.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dojopool.adapters.system_clock import SystemClock
from dojopool.client.config import ClientConfig
from dojopool.client.wiring import new_node
from dojopool.errors import CallerError
from dojopool.games.loading import load_game
from dojopool.local.demo import PARTITIONS, REGIONS, Watcher
from dojopool.local.embedded import PREFIX, Embedded, embedded
from dojopool.local.league import MatchPlan
from dojopool.local.matches import ADDRESS_FILE, Matches, open_stored
from dojopool.local.player import play
from dojopool.replica.health import serve

HOST: Final = "127.0.0.1"
LISTED_MAX: Final = 10_000
EVENTS_PER_S: Final = 20.0
"""Slow enough that `dojo match watch` can be followed: the season then takes about seven minutes."""


@asynccontextmanager
async def dev(plans: Sequence[MatchPlan], *, data_dir: Path, port: int) -> AsyncIterator[str]:
    """Run the pipeline, play `plans` in it and serve reads while the context lasts; yields the address of the reads.

    The season is played once; then the state stays as it is. Raises Unavailable when the port is taken.
    """
    watchers = {region: Watcher() for region in REGIONS}
    async with AsyncExitStack() as stack:
        pipeline = await stack.enter_async_context(
            embedded(load_game("pool"), regions=REGIONS, partitions=PARTITIONS, observers=watchers)
        )
        clients = {region: await stack.enter_async_context(pipeline.connect(region)) for region in REGIONS}
        matches = {region: await stack.enter_async_context(_stored(pipeline, region)) for region in REGIONS}
        bound = await stack.enter_async_context(serve(read_app(matches), host=HOST, port=port))
        url = f"http://{HOST}:{bound}"
        stack.enter_context(_address_file(data_dir / ADDRESS_FILE, url))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        playing = tasks.create_task(play(plans, clients, rate=EVENTS_PER_S))
        stack.callback(playing.cancel)
        yield url


def _stored(pipeline: Embedded, region: str) -> AbstractAsyncContextManager[Matches]:
    """What a region's store shows to readers."""
    config = ClientConfig(
        region=region, regions=REGIONS, partitions=PARTITIONS, prefix=PREFIX, node=new_node(region, "dev")
    )
    store, kind = pipeline.regions[region].store, pipeline.loaded.game.kind
    return open_stored(config, views=store, kind=kind, clock=SystemClock())


@contextmanager
def _address_file(file: Path, url: str) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def read_app(regions: Mapping[str, Matches]) -> Starlette:
    """The application: `/matches`, `/matches/ID` and `/matches/ID/watch` (JSON lines), each with `?region=`."""

    def asked(request: Request) -> Matches:
        region = request.query_params.get("region", next(iter(regions)))
        if region not in regions:
            raise CallerError(f"there is no region {region} here; the regions are {', '.join(regions)}")
        return regions[region]

    async def listed(request: Request) -> Response:
        limit = request.query_params.get("limit", "50")
        if not limit.isdecimal() or not 1 <= int(limit) <= LISTED_MAX:
            raise CallerError(f"limit is {limit!r}, it must be a number from 1 to {LISTED_MAX}")
        newest = await asked(request).newest(limit=int(limit))
        return JSONResponse([{"match": match, "at_ms": at_ms} for at_ms, match in newest])

    async def shown(request: Request) -> Response:
        view = await asked(request).show(request.path_params["match"])
        return JSONResponse(view, status_code=404 if view is None else 200)

    async def watched(request: Request) -> Response:
        views = asked(request).watch(request.path_params["match"])
        return StreamingResponse(_lines(views), media_type="application/x-ndjson")

    routes = [Route("/matches", listed), Route("/matches/{match}", shown), Route("/matches/{match}/watch", watched)]
    return Starlette(routes=routes, exception_handlers={CallerError: _refuse})


async def _lines(views: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    async for view in views:
        yield json.dumps(view).encode() + b"\n"


async def _refuse(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)
