"""A deployment on a real stack: its servers, its `dojo` processes, and what is in its logs and stores.

What the tests that break things share. Nothing here judges: see `judge`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import dojopool
from dojopool.client import Dojo
from dojopool.local.stack import Stack
from support.processes import Program, Programs
from support.stored import Stored, read_events, read_redis, read_topic

REGIONS = ("eu", "us")
"""Of the stack that is shared."""

DEADLINE_S = 90.0
"""For one step of recovery. The slowest, a mirror that comes back, takes 10 s on an idle machine."""

POLL_S = 0.2


class Site:
    """The regions of a stack under one prefix. `programs` are the processes of the test."""

    def __init__(self, stack: Stack, prefix: str, programs: Programs) -> None:
        self.stack, self.prefix, self.programs = stack, prefix, programs
        self.partitions = stack.layout.partitions
        self.regions = tuple(stack.brokers)

    async def stored(self, region: str) -> Stored:
        """What the region's Redis holds."""
        return await read_redis(self.stack.redis[region].url, prefix=self.prefix, partitions=self.partitions)

    async def logged(self, origin: str, *, read_in: str) -> list[dict[str, Any]]:
        """The events of a region's topic, as a region's Kafka has them."""
        broker, topic = self.stack.brokers[read_in], f"{self.prefix}.events.{origin}"
        return await read_events(broker.bootstrap, topic, partitions=self.partitions)

    async def letters(self, region: str) -> list[tuple[bytes | None, bytes]]:
        """The region's dead letters."""
        broker, topic = self.stack.brokers[region], f"{self.prefix}.dead-letters"
        return await read_topic(broker.bootstrap, topic, partitions=self.partitions)

    async def replica(self, region: str, *, name: str | None = None) -> Program:
        """Start a replica, the only one of its region, and wait until it holds every partition."""
        replica = await self.programs.replica(name or region, region=region)
        await eventually(partial(self.is_held_by, replica), what=f"{replica.name} holds every partition")
        return replica

    async def is_held_by(self, replica: Program) -> bool:
        """Whether this process alone holds every partition of its region, and is well."""
        return await replica.owned() == frozenset(range(self.partitions))

    def connect(self, region: str, **changes: Any) -> AbstractAsyncContextManager[Dojo]:
        """The SDK, as a game server of the region uses it; `changes` go to `dojopool.connect` as they are."""
        return dojopool.connect(
            region=region,
            regions=",".join(self.regions),
            kafka=self.stack.brokers[region].bootstrap,
            redis=self.stack.redis[region].url,
            partitions=self.partitions,
            prefix=self.prefix,
            **changes,
        )


async def eventually(condition: Callable[[], Awaitable[bool]], *, what: str, within_s: float = DEADLINE_S) -> None:
    """Wait until a condition holds. Raises AssertionError when it does not within so long."""
    try:
        async with asyncio.timeout(within_s):
            while not await condition():  # noqa: ASYNC110  # servers are asked, they do not tell
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(f"not within {within_s:g} s: {what}") from None


def dot_of(event: dict[str, Any]) -> tuple[str, str, int]:
    """What names an event in a region's log: a node numbers its events per match."""
    return event["match"], event["node"], event["seq"]
