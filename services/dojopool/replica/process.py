"""What every program that owns partitions is as a process: named, asked for its health, and stopped by a signal."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from structlog.typing import FilteringBoundLogger

from dojopool.replica.config import ReplicaConfig
from dojopool.replica.failpoints import Failpoints
from dojopool.replica.health import health_app, serve
from dojopool.replica.program import PartitionProgram
from dojopool.settings import ProgramSettings

Config = TypeVar("Config", bound=ReplicaConfig)


def config_of(kind: type[Config], settings: ProgramSettings) -> Config:
    """Where this process works, under a name that no other process has. Raises ConfigError for a wrong failpoint."""
    return kind(
        region=settings.region,
        regions=settings.regions,
        partitions=settings.partitions,
        prefix=settings.prefix,
        owner=f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}",
        failpoints=Failpoints.parse(settings.failpoint),
    )


@asynccontextmanager
async def attended(
    program: PartitionProgram[Any],
    settings: ProgramSettings,
    *,
    expose: Callable[[], tuple[str, bytes]],
    log: FilteringBoundLogger,
) -> AsyncIterator[None]:
    """Serve the health of `program` and its metrics while the context lasts, if settings ask for it, and let SIGTERM
    and SIGINT stop it. `expose` returns content type and body of the metrics. Raises Unavailable when the port is
    taken.
    """
    async with AsyncExitStack() as stack:
        if settings.metrics is not None:
            app = health_app(program.report, expose)
            port = await stack.enter_async_context(serve(app, host=settings.metrics.host, port=settings.metrics.port))
            log.info("serving health and metrics", host=settings.metrics.host, port=port)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, program.stop)
        yield
