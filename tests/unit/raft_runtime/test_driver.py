"""Members at work on real files: they commit, restart, and live through stalls of the disk."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from pathlib import Path

import pytest

from dojopool.adapters.raft_disk import RaftDisk
from dojopool.core.raft.messages import Message, MessageType
from dojopool.core.raft.options import Options
from dojopool.errors import Unavailable
from dojopool.raft_runtime.config import Pace, Plan, SnapshotPolicy
from dojopool.raft_runtime.driver import Driver, recovered
from dojopool.raft_runtime.member import Member
from dojopool.raft_runtime.replicated import founding
from dojopool.raft_runtime.results import Outcome
from support.held_files import HeldFiles
from support.raft_groups import Ledger, plain
from support.raft_running import DEADLINE_S, site

FEW = Plan(snapshots=SnapshotPolicy(entries=20, trailing_entries=2))


async def test_a_group_commits_and_reads(tmp_path: Path) -> None:
    """Commands are committed with their answers, and a read on any member shows them."""
    async with site(tmp_path) as group:
        results = [await group.commit(plain(b"%d" % number)) for number in range(5)]
        async with asyncio.timeout(DEADLINE_S):
            seen = [list(await read(each.driver, each.machine.commands)) for each in group.running.values()]

        assert [result.index for result in results] == sorted({result.index for result in results})
        assert [commands[:5] for commands in seen] == [[b"0", b"1", b"2", b"3", b"4"]] * 3


async def read(driver: Driver, commands: list[bytes]) -> list[bytes]:
    """A read that is asked until it is answered."""
    while True:
        try:
            return await driver.read(commands.copy)
        except Unavailable:
            await asyncio.sleep(0)


async def test_many_proposals_share_flushes_and_sends(tmp_path: Path) -> None:
    """Five hundred proposals at once cost a handful of flushes and sends, not one each."""
    async with site(tmp_path) as group:
        leader = await group.leader()
        await group.commit(plain(b"first"))
        flushes, sends = leader.files.flushes, group.sends
        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(leader.driver.propose(plain(b"x"))) for _ in range(500)]

        assert {task.result().outcome for task in asked} == {Outcome.COMMITTED}
        assert leader.files.flushes - flushes < 100
        assert group.sends - sends < 400


async def test_a_killed_member_comes_back(tmp_path: Path) -> None:
    """The leader ends, another leads, and the first catches up from its own disk and from the others."""
    async with site(tmp_path, plan=FEW) as group:
        first = await group.leader()
        node = first.driver.member.node.status().id
        await group.commit(plain(b"before"))
        await group.stop(node)
        for number in range(60):
            await group.commit(plain(b"%d" % number))
        back = await group.start(node)
        other = next(each for each in group.running.values() if each is not back)
        await group.until(lambda: back.machine.commands == other.machine.commands and len(back.machine.commands) > 60)

        assert back.machine.commands[0] == b"before"


async def test_a_whole_group_restarts(tmp_path: Path) -> None:
    """What was committed is there after all members ended, through snapshots and the log."""
    async with site(tmp_path, plan=FEW) as group:
        for number in range(50):
            await group.commit(plain(b"%d" % number))
    async with site(tmp_path, plan=FEW) as group:
        await group.commit(plain(b"after"))
        leader = await group.leader()

        assert [command for command in leader.machine.commands if command != b"after"][-1] == b"49"
        assert {b"%d" % number for number in range(50)} <= set(leader.machine.commands)


async def test_d12_a_stalled_disk_costs_the_lead(tmp_path: Path) -> None:
    """D12: a leader whose flush hangs falls silent and steps down while its loop goes on; the group goes on without
    it, its proposal is unknown, and it follows again when the disk flows.
    """
    async with site(tmp_path) as group:
        await group.commit(plain(b"before"))
        old = await group.leader()
        node = old.driver.member.node.status().id
        old.files.flowing.clear()
        async with asyncio.timeout(DEADLINE_S):
            waiting = await old.driver.propose(plain(b"stuck"))
        assert waiting.outcome in (Outcome.UNKNOWN, Outcome.COMMITTED)
        await group.until(lambda: any(other != node for other in group.leaders()))
        await group.until(lambda: not old.driver.member.is_leader)
        await group.commit(plain(b"meanwhile"))
        old.files.flowing.set()

        await group.until(lambda: b"meanwhile" in old.machine.commands)


async def test_d4_a_failed_disk_ends_the_member(tmp_path: Path) -> None:
    """D4: when a flush fails the driver ends with that, whoever waits is told, and later calls are refused."""
    async with site(tmp_path, members=1) as group:
        await group.commit(plain(b"a"))
        (member,) = group.running.values()
        member.files.failure = OSError(errno.EIO, "injected")
        async with asyncio.timeout(DEADLINE_S):
            result = await member.driver.propose(plain(b"b"))
            failure = await member.task

        assert result.outcome is Outcome.UNKNOWN
        assert "injected" in str(failure)
        assert (await member.driver.propose(plain(b"c"))).outcome is Outcome.REJECTED
        with pytest.raises(Unavailable, match="has ended"):
            await member.driver.read(lambda: None)


async def test_an_error_of_a_query_is_its_callers(tmp_path: Path) -> None:
    """What a query raises comes to whoever asked, and the member goes on."""
    async with site(tmp_path, members=1) as group:
        await group.commit(plain(b"a"))
        (member,) = group.running.values()
        with pytest.raises(ZeroDivisionError):
            await member.driver.read(lambda: 1 // 0)

        assert await member.driver.read(lambda: len(member.machine.commands)) == 1


async def test_a_flood_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages beyond what may wait are dropped and counted."""
    monkeypatch.setattr("dojopool.raft_runtime.driver.INBOX_MAX", 10)
    async with site(tmp_path, members=1) as group:
        await group.leader()
        (member,) = group.running.values()
        member.driver.events.received([Message(MessageType.HEARTBEAT, 1, from_=2)] * 11)

        assert member.driver.dropped == 11


class Sent:
    """Links that keep what is sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, messages: Sequence[Message]) -> None:
        """Keep it."""
        self.messages += messages


async def test_c6_what_arrived_during_a_stall_goes_in_before_the_ticks(tmp_path: Path) -> None:
    """C6: a member that was paused hears its leader's messages, which lie in its buffers, before it counts the time."""
    watch, sent, loop = [100.0], Sent(), asyncio.get_running_loop()
    disk = RaftDisk(files := HeldFiles(tmp_path), cluster="pool", node=2, now=lambda: watch[0])
    stored = await recovered(disk, founding(machine := Ledger(), voters=(1, 2, 3)))
    member = Member(Options(id=2), stored=stored, machine=machine, draw=lambda _: 0)
    driver = Driver(member, storage=disk, links=sent, pace=Pace(tick_s=1, stall_s=1000), now_s=lambda: watch[0])
    heartbeat = Message(MessageType.HEARTBEAT, 2, 1, term=2)

    async def heard(times: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while len(sent.messages) < times:  # noqa: ASYNC110 - the pump tells nobody
                await asyncio.sleep(0)

    running = asyncio.create_task(driver.run())  # allowed: it is cancelled below
    driver.events.received([heartbeat])
    await heard(1)
    member.tick(5)
    watch[0] += 1000
    loop.call_soon(lambda: loop.call_soon(driver.events.received, [heartbeat]))  # a link needs turns to read it
    driver.events.snapshot_sent(1, False)  # it wakes the pump
    await heard(2)
    running.cancel()
    await asyncio.wait([running])
    await disk.close()
    files.close()

    assert {message.type for message in sent.messages} == {MessageType.HEARTBEAT_RESPONSE}
