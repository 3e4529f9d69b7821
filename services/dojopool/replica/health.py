"""The replica's own address: `/livez`, `/readyz` and `/metrics`, on one port.

Liveness means that the event loop turns, nothing else: a replica that waits for Kafka or Redis must not be restarted
for it. Readiness says in its body what stands in the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dojopool.errors import Unavailable
from dojopool.replica.status import Report

SHUTDOWN_S_MAX: Final = 2
"""For answers under way when the program ends."""


def health_app(report: Callable[[], Report], metrics: Callable[[], tuple[str, bytes]]) -> Starlette:
    """The application; `metrics` returns content type and body."""

    async def livez(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        now = report()
        body = {"ready": now.is_ready, "partitions": list(now.owned), "problems": list(now.problems)}
        return JSONResponse(body, status_code=200 if now.is_ready else 503)

    async def expose(request: Request) -> Response:
        content_type, body = metrics()
        return Response(body, media_type=content_type)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", expose)])


class _Server(uvicorn.Server):
    """A server that leaves the signals to the program it is part of."""

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]  # a narrower one
        return contextlib.nullcontext()


@contextlib.asynccontextmanager
async def serve(app: Starlette, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve `app` while the context lasts; yields the port, which is a free one when `port` is 0.

    Raises Unavailable when the address is taken.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise Unavailable(f"cannot listen on {host}:{port}: {error.strerror}; set another port") from error
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=SHUTDOWN_S_MAX
    )
    server = _Server(config)
    # Not in a TaskGroup: it would wrap whatever ends the program around us, and nobody would recognise it.
    task = asyncio.create_task(server.serve(sockets=[listener]))  # allowed: awaited below, before this returns
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
