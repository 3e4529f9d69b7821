"""A real Kafka and a real Redis for a benchmark, and how each benchmark is run from the command line."""

from __future__ import annotations

import argparse
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from report import Options, Table, run_without_servers

from dojopool.local.stack import KafkaBroker, RedisServer
from dojopool.local.stack.ports import free_ports

JOIN_DELAY_MS: Final = 3_000
"""Kafka's own default."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are."""

    bootstrap: str
    redis_url: str

    def redis(self) -> Redis:
        """A client, to be used as a context manager."""
        return Redis.from_url(self.redis_url)


Measure = Callable[[Servers, argparse.Namespace], Awaitable[list[Table]]]


class PatientBroker(KafkaBroker):
    """A broker that waits for the members of a new group before it gives out partitions, as Kafka does by default.

    The local stack does not wait. Then the first of two replicas is given everything, and the second one's coming, a
    matter of luck, would be part of what is timed.
    """

    async def prepare(self) -> list[str]:
        """See KafkaBroker."""
        command = await super().prepare()
        with (self.folder / "server.properties").open("a") as settings:
            settings.write(f"group.initial.rebalance.delay.ms={JOIN_DELAY_MS}\n")  # of two values the last counts
        return command


@asynccontextmanager
async def running_servers() -> AsyncIterator[Servers]:
    """Start both; they end with the context."""
    with tempfile.TemporaryDirectory(prefix="dojo-bench-") as folder:
        kafka_port, controller_port, redis_port = free_ports(3)
        broker = PatientBroker(
            name="kafka", folder=Path(folder) / "kafka", port=kafka_port, controller_port=controller_port
        )
        redis = RedisServer(name="redis", folder=Path(folder) / "redis", port=redis_port)
        try:
            await broker.start()
            await redis.start()
            yield Servers(broker.bootstrap, redis.url)
        finally:
            await broker.kill()
            await redis.kill()


def new_prefix(part: str) -> str:
    """A prefix of topics and keys that nothing else uses."""
    return f"{part}-{uuid.uuid4().hex[:8]}"


def run(description: str | None, options: Options, measure: Measure) -> None:
    """Parse the command line, start the servers, measure, print the tables."""

    async def with_servers(given: argparse.Namespace) -> list[Table]:
        async with running_servers() as servers:
            return await measure(servers, given)

    run_without_servers(description, options, with_servers)
