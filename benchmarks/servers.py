"""A real Kafka and a real Redis for a benchmark, and how each benchmark is run from the command line."""

from __future__ import annotations

import argparse
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from report import Options, Table, run_without_servers

from dojopool.local.stack import Stack


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are."""

    bootstrap: str
    redis_url: str

    def redis(self) -> Redis:
        """A client, to be used as a context manager."""
        return Redis.from_url(self.redis_url)


Measure = Callable[[Servers, argparse.Namespace], Awaitable[list[Table]]]


@asynccontextmanager
async def running_servers() -> AsyncIterator[Servers]:
    """Start both, as `dojo stack` does for one region; they end with the context."""
    with tempfile.TemporaryDirectory(prefix="dojo-bench-") as folder:
        stack = await Stack.up(
            Path(folder) / "stack", regions=("eu",), partitions=1, prefixes=("unused",), report=lambda text: None
        )
        try:
            yield Servers(stack.brokers["eu"].bootstrap, stack.redis["eu"].url)
        finally:
            await stack.down()


def new_prefix(part: str) -> str:
    """A prefix of topics and keys that nothing else uses."""
    return f"{part}-{uuid.uuid4().hex[:8]}"


def run(description: str | None, options: Options, measure: Measure) -> None:
    """Parse the command line, start the servers, measure, print the tables."""

    async def with_servers(given: argparse.Namespace) -> list[Table]:
        async with running_servers() as servers:
            return await measure(servers, given)

    run_without_servers(description, options, with_servers)
