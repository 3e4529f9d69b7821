"""Regions that share one Kafka and have a Redis each, for faults of a store or a log.

Every region's topic lies in the one Kafka, so each region reads every stream where it was written: there is no mirror
to wait for, and the log that a test damages is the one that all regions read. The Redis servers are the test's own, to
be killed, cut short and replaced; the Kafka is shared by the run, the names in it are not.
"""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from redis.asyncio import Redis

from dojopool.client import Dojo
from dojopool.local.stack import Stack
from dojopool.local.stack.layout import Layout, RegionPorts, StackState
from dojopool.local.stack.ports import free_ports
from dojopool.local.stack.process import Server
from support.ledger import Ledger, Producer
from support.processes import Program, programs, stack_settings
from support.site import Site

PARTITIONS = 4
MATCHES = tuple(f"m-{number}" for number in range(12))

Offsets: TypeAlias = dict[tuple[int, str], int]
"""Partition and region of a stream -> the offset to read on from."""


def one_kafka(folder: Path, kafka: str, *regions: str) -> Stack:
    """A stack of these regions around a Kafka that runs; its Redis servers are yet to be started, and to be ended."""
    kafka_port = int(kafka.rpartition(":")[2])
    ports = {
        region: RegionPorts(kafka=kafka_port, controller=kafka_port, redis=port)
        for region, port in zip(regions, free_ports(len(regions)), strict=True)
    }
    return Stack(folder, StackState(layout=Layout(regions=ports, partitions=PARTITIONS, prefixes=())))


def part_of(stack: Stack, *regions: str) -> Stack:
    """The same servers as a deployment of some of these regions sees them."""
    ports = {region: stack.layout.regions[region] for region in regions}
    return Stack(stack.folder, StackState(layout=Layout(regions=ports, partitions=PARTITIONS, prefixes=())))


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a test breaks: one replica and one game server a region, and the ledger of what these were told."""

    site: Site
    ledger: Ledger
    replicas: dict[str, Program]
    clients: dict[str, Dojo]
    """The connection of each region's game server."""
    producers: dict[str, Producer]

    async def record(self, count: int) -> None:
        """Record this many events in each region, all answered on return."""
        for producer in self.producers.values():
            await producer.record(count)

    async def offsets(self, region: str) -> Offsets:
        """How far the region's Redis says that every stream of every partition was read; none where it says nothing."""
        found: Offsets = {}
        async with Redis.from_url(self.site.stack.redis[region].url) as redis:
            for number in range(self.site.partitions):
                stored: Any = await redis.hget(f"{self.site.prefix}:{{{number}}}:state", "@positions")
                positions = json.loads(stored or b"{}")
                found |= {(number, origin): position[0] for origin, position in positions.items()}
        return found


@asynccontextmanager
async def deployed(
    stack: Stack, prefix: str, folder: Path, *, chance: Random, ledger: Ledger, leave_out: Collection[str] = ()
) -> AsyncIterator[Deployment]:
    """Topics, a replica a region, started and perhaps not ready yet, and a game server a region. The regions to
    `leave_out` get no replica.
    """
    async with programs(folder, stack_settings(stack, prefix=prefix)) as started, AsyncExitStack() as connections:
        await started.run("topics", "create")
        site = Site(stack, prefix, started)
        replicas = {
            region: await started.replica(region, region=region) for region in site.regions if region not in leave_out
        }
        clients = {region: await connections.enter_async_context(site.connect(region)) for region in site.regions}
        producers = {region: Producer(dojo, ledger, chance, matches=MATCHES) for region, dojo in clients.items()}
        yield Deployment(site, ledger, replicas, clients, producers)


def signal_server(server: Server, number: signal.Signals) -> None:
    """Send a server that runs a signal."""
    process = server.process_id.find() if server.process_id else None
    assert process is not None, f"{server.name} does not run"
    process.send_signal(number)


def fell_back(before: Offsets, after: Offsets) -> bool:
    """Whether no offset went up and some went down; one that is not there any more counts as 0."""
    fallen = [after.get(place, 0) - offset for place, offset in before.items()]
    return max(fallen) <= 0 and min(fallen) < 0 and after.keys() <= before.keys()
