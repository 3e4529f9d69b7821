"""The whole local stack: per region one Kafka and one Redis, and one MirrorMaker between all regions.

`Stack.up` starts what does not run and proves that it works; `Stack.open` finds a stack that an earlier process
started; `down` ends exactly the processes that were started, known by pid and start time.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Literal

from dojopool.local.stack import state
from dojopool.local.stack.broker import KafkaBroker, create_topic
from dojopool.local.stack.java import find_java
from dojopool.local.stack.layout import StackState, new_layout, resumed
from dojopool.local.stack.mirror import MirrorMaker, events_topic, probe_topic
from dojopool.local.stack.process import ProcessId, Server, port_answers
from dojopool.local.stack.readiness import record_arrives
from dojopool.local.stack.redis_server import RedisServer, find_redis_server
from dojopool.local.topics import EVENTS_CONFIG

Condition = Literal["running", "silent", "ended"]

Tell = Callable[[str], None]
"""Is told in a sentence what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """One server as `dojo stack status` shows it."""

    name: str
    address: str | None
    pid: int | None
    condition: Condition
    """`silent`: the process is there, and nothing accepts connections on its port."""


class Stack:
    """A stack in a folder of its own, running or not. Build it with `up` or `open`.

    A server may be killed and started again through `kill` and `start`, which keep the file of processes true.
    """

    def __init__(self, folder: Path, saved: StackState) -> None:
        self.folder = folder
        self.layout = saved.layout
        self.brokers = {region: self._broker(region, saved.processes) for region in saved.layout.regions}
        self.redis = {region: self._redis(region, saved.processes) for region in saved.layout.regions}
        self.mirror = self._mirror(saved.processes) if len(self.brokers) > 1 else None

    @classmethod
    async def up(
        cls, folder: Path, *, regions: Sequence[str], partitions: int, prefixes: Sequence[str], report: Tell
    ) -> Stack:
        """Start every server that does not run; return when produce, mirrored read and Redis write have worked.

        After a failure or cancellation the servers this call started are ended again; the data stay.
        Raises CallerError when a stack with another layout has its data or processes here, Unavailable when a program
        is missing or a server does not come up.
        """
        assert regions, "a stack has at least one region"
        with state.locked(folder):
            wanted = new_layout(regions, partitions=partitions, prefixes=prefixes)
            saved = state.load(folder)
            stack = cls(folder, StackState(layout=wanted) if saved is None else resumed(saved, wanted, folder))
            ended = [server for server in stack.servers if not server.is_alive]
            await _find_programs(report)
            report("starting " + ", ".join(server.name for server in ended) if ended else "the stack is already up")
            try:
                await stack._start(ended, report)
            except BaseException:  # cancellation too: a stack is up as a whole or not at all
                await stack._end(ended)
                raise
        return stack

    @classmethod
    def open(cls, folder: Path) -> Stack | None:
        """Return the stack of this folder, whether or not it runs; None when there never was one."""
        saved = state.load(folder)
        return None if saved is None else cls(folder, saved)

    @property
    def servers(self) -> list[Server]:
        """Every server, in the order they are started."""
        mirrors = [self.mirror] if self.mirror else []
        return [*self.brokers.values(), *self.redis.values(), *mirrors]

    async def status(self) -> list[ServerStatus]:
        """Return what is known of each server now."""
        return [await _status(server) for server in self.servers]

    async def kill(self, name: str) -> None:
        """End one server as a crash would, by its name in `status`."""
        await self._named(name).kill()

    async def start(self, name: str) -> None:
        """Start one server that has ended, on its old port and data, and return when it answers."""
        server = self._named(name)
        await server.launch()
        self._save()
        await server.wait_ready()

    async def down(self, *, wipe: bool = False) -> list[str]:
        """End every server that runs and return their names; with `wipe` delete all data too.

        A server that does not end by itself within 20 s is killed. Nothing else on the machine is touched.
        """
        with state.locked(self.folder):
            running = [server for server in self.servers if server.is_alive]
            await self._end(running)
            if wipe:
                shutil.rmtree(self.folder)
        return [server.name for server in running]

    async def _start(self, ended: Sequence[Server], report: Tell) -> None:
        first = [server for server in ended if server is not self.mirror]
        for server in first:  # launch all, then wait: they boot side by side
            await server.launch()
            self._save()
        for server in first:
            await server.wait_ready()
            report(f"{server.name} answers at {server.address}")
        await self._create_topics()
        if self.mirror is not None and self.mirror in ended:
            await self.mirror.launch()
            self._save()
        await self._prove(report)

    async def _create_topics(self) -> None:
        """Every region's events topic in every region's Kafka, so that the mirror finds all of them at once."""
        partitions = self.layout.partitions
        for broker in self.brokers.values():
            for region in self.brokers:
                await create_topic(broker.bootstrap, probe_topic(region), partitions=1)
                for name in (events_topic(prefix, region) for prefix in self.layout.prefixes):
                    await create_topic(broker.bootstrap, name, partitions=partitions, configs=EVENTS_CONFIG)

    async def _prove(self, report: Tell) -> None:
        names = list(self.brokers)
        for origin, target in list(permutations(names, 2)) or [(names[0], names[0])]:
            await record_arrives(
                topic=probe_topic(origin),
                origin=self.brokers[origin],
                target=self.brokers[target],
                mirror=self.mirror,
            )
            report(f"a record written in {origin} was read in {target}")

    async def _end(self, servers: Sequence[Server]) -> None:
        if self.mirror in servers and self.mirror is not None:
            await self.mirror.stop()  # first, or it spends its last seconds looking for its brokers
        await asyncio.gather(*(server.stop() for server in servers))
        self._save()

    def _save(self) -> None:
        alive = {server.name: server.process_id for server in self.servers if server.process_id and server.is_alive}
        state.save(self.folder, StackState(layout=self.layout, processes=alive))

    def _named(self, name: str) -> Server:
        return {server.name: server for server in self.servers}[name]

    def _broker(self, region: str, processes: Mapping[str, ProcessId]) -> KafkaBroker:
        name, ports = f"kafka {region}", self.layout.regions[region]
        return KafkaBroker(
            name=name,
            folder=self.folder / region / "kafka",
            port=ports.kafka,
            controller_port=ports.controller,
            process_id=processes.get(name),
        )

    def _redis(self, region: str, processes: Mapping[str, ProcessId]) -> RedisServer:
        name, folder = f"redis {region}", self.folder / region / "redis"
        return RedisServer(
            name=name, folder=folder, port=self.layout.regions[region].redis, process_id=processes.get(name)
        )

    def _mirror(self, processes: Mapping[str, ProcessId]) -> MirrorMaker:
        bootstraps = {region: broker.bootstrap for region, broker in self.brokers.items()}
        return MirrorMaker(
            folder=self.folder / "mirror",
            bootstraps=bootstraps,
            prefixes=self.layout.prefixes,
            process_id=processes.get("mirror"),
        )


async def _find_programs(report: Tell) -> None:
    """Fail before anything is written when a program is missing."""
    report("looking for Java, Kafka's jars (fetched once, about 55 MB) and a Redis server")
    await find_java()
    await find_redis_server()


async def _status(server: Server) -> ServerStatus:
    condition: Condition = "ended"
    if server.is_alive:
        condition = "running" if server.port is None or await port_answers(server.port) else "silent"
    pid = server.process_id.pid if server.process_id else None
    return ServerStatus(name=server.name, address=server.address, pid=pid, condition=condition)
