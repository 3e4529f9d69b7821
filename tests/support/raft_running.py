"""A group at work in one process: real drivers and real files, and links in memory that can be cut.

Ticks are real but short; tests wait for conditions, never for a time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from dojopool.adapters.raft_disk import RaftDisk
from dojopool.core.raft.messages import Message
from dojopool.core.raft.options import Options
from dojopool.core.raft.sessions import Command
from dojopool.errors import Unavailable
from dojopool.raft_runtime.config import Pace, Plan
from dojopool.raft_runtime.driver import Driver
from dojopool.raft_runtime.member import Member
from dojopool.raft_runtime.replicated import founding
from dojopool.raft_runtime.results import Outcome, Result
from support.held_files import HeldFiles
from support.raft_groups import Ledger

DEADLINE_S = 60.0
PACE = Pace(tick_s=0.02, stall_s=0.2)


@dataclass
class Running:
    """One member at work."""

    driver: Driver
    machine: Ledger
    disk: RaftDisk
    files: HeldFiles
    task: asyncio.Task[Unavailable | None]
    """Returns what ended it."""


@dataclass
class Links:
    """Everything that one member sends."""

    site: Site

    def send(self, messages: Sequence[Message]) -> None:
        """Deliver in the next turn of the loop, unless cut."""
        self.site.sends += 1
        loop = asyncio.get_running_loop()
        for to in {message.to for message in messages}:
            loop.call_soon(self.site.deliver, [message for message in messages if message.to == to])


@dataclass
class Site:
    """A group of members in one process."""

    directory: Path
    plan: Plan
    voters: tuple[int, ...]
    tasks: asyncio.TaskGroup
    running: dict[int, Running] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)
    sends: int = 0

    def deliver(self, messages: list[Message]) -> None:
        """Hand messages to the member that they are for."""
        to, from_ = messages[0].to, messages[0].from_
        if to in self.running and not {to, from_} & self.cut:
            self.running[to].driver.events.received(messages)

    async def start(self, node: int) -> Running:
        """Start a member on what its directory holds; a founding one with the founding snapshot."""
        directory = self.directory / str(node)
        await asyncio.to_thread(directory.mkdir, exist_ok=True)
        files, machine = HeldFiles(directory), Ledger()
        disk = RaftDisk(files, cluster="pool", node=node, now=time.monotonic)
        stored = disk.recover()
        if stored.snapshot is None and node in self.voters:
            await disk.compact(founding(machine, voters=self.voters, plan=self.plan), keep_from=2)
            await disk.close()
            files.close()
            return await self.start(node)
        member = Member(
            Options(id=node),
            stored=stored,
            machine=machine,
            draw=Random(node * 1000 + len(self.running)).randrange,
            plan=self.plan,
        )
        driver = Driver(member, storage=disk, links=Links(self), pace=PACE, now_s=time.monotonic)
        task = self.tasks.create_task(self._run(driver))
        self.running[node] = Running(driver, machine, disk, files, task)
        return self.running[node]

    @staticmethod
    async def _run(driver: Driver) -> Unavailable | None:
        try:
            await driver.run()
        except Unavailable as failure:
            return failure
        return None

    async def stop(self, node: int) -> None:
        """End a member; what it had queued for the disk may or may not be stored."""
        gone = self.running.pop(node)
        gone.task.cancel()
        await asyncio.wait([gone.task])
        gone.files.flowing.set()
        await gone.disk.close()
        gone.files.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - what is waited for is told by nobody
                await asyncio.sleep(PACE.tick_s)

    def leaders(self) -> list[int]:
        """Those that lead and can be heard."""
        return [node for node, each in self.running.items() if each.driver.member.is_leader and node not in self.cut]

    async def leader(self) -> Running:
        """The member that leads, after waiting for one."""
        await self.until(lambda: bool(self.leaders()))
        leading = [self.running[node] for node in self.leaders()]
        return max(leading, key=lambda each: each.driver.member.node.status().term)

    async def commit(self, command: Command) -> Result:
        """Propose to whoever leads until it is committed; may commit a command twice."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                result = await (await self.leader()).driver.propose(command)
                if result.outcome is Outcome.COMMITTED:
                    return result
                await asyncio.sleep(PACE.tick_s)


@asynccontextmanager
async def site(directory: Path, *, members: int = 3, plan: Plan | None = None) -> AsyncIterator[Site]:
    """A running group of founding members 1 to n."""
    async with asyncio.TaskGroup() as tasks:
        group = Site(directory, plan or Plan(), tuple(range(1, members + 1)), tasks)
        for node in group.voters:
            await group.start(node)
        try:
            yield group
        finally:
            for node in list(group.running):
                await group.stop(node)
