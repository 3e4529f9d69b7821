"""What every disk of a Raft member keeps of the promises of RaftStorage.

A module that runs this suite defines the fixture `opening`: called, it gives a context manager that opens the same disk
each time, as after a crash of the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from dojopool.core.raft.messages import HardState, Stored
from dojopool.raft_ports import DiskWrite, RaftStorage
from support.raft_disks import Compaction, after, entries, snapshot, story

DEADLINE_S = 30.0
Opening = Callable[[], AbstractAsyncContextManager[RaftStorage]]


async def until_durable(storage: RaftStorage, number: int) -> None:
    """Wait until a write is durable."""
    async with asyncio.timeout(DEADLINE_S):
        while await storage.durable() < number:
            pass


async def found(opening: Opening) -> Stored:
    """What a new start finds."""
    async with opening() as storage:
        return storage.recover()


class RaftStorageContract:
    """Every promise of RaftStorage."""

    async def test_nothing_is_stored_at_first(self, opening: Opening) -> None:
        """A disk that was never used holds nothing."""
        assert await found(opening) == Stored()

    async def test_the_identity_stays(self, opening: Opening) -> None:
        """A disk is named once, with 16 bytes, and keeps its name."""
        names = set()
        for _ in range(3):
            async with opening() as storage:
                storage.recover()
                names.add(storage.disk_id)

        assert len(names) == 1
        assert len(names.pop()) == 16

    async def test_what_is_durable_is_found(self, opening: Opening) -> None:
        """After every kind of write, in any order, the next start finds all that was reported durable."""
        expected = Stored()
        for step in story():
            async with opening() as storage:
                assert storage.recover() == expected
                if isinstance(step, Compaction):
                    await storage.compact(step.snapshot, keep_from=step.keep_from)
                else:
                    storage.submit(step)
                    await until_durable(storage, step.number)
            expected = after(expected, step)

        assert await found(opening) == expected

    async def test_writes_become_durable_in_order(self, opening: Opening) -> None:
        """The numbers reported rise, up to the last that was submitted, and each call reports news."""
        async with opening() as storage:
            storage.recover()
            for index in range(1, 51):
                storage.submit(DiskWrite(2 * index, HardState(1, 0, 0), entries(index, 1)))
            reported = [0]
            async with asyncio.timeout(DEADLINE_S):
                while reported[-1] < 100:
                    reported.append(await storage.durable())

        assert reported == sorted(set(reported))
        assert [entry.index for entry in (await found(opening)).entries] == list(range(1, 51))

    async def test_a_commit_index_alone_rides_along(self, opening: Opening) -> None:
        """A write that needs no flush owes nothing, and becomes durable with the next one that does."""
        async with opening() as storage:
            storage.recover()
            storage.submit(DiskWrite(1, HardState(1, 0, 0), entries(1, 1, 1)))
            await until_durable(storage, 1)
            storage.submit(DiskWrite(2, HardState(1, 0, 1), must_sync=False))
            assert storage.stalled_s() == 0
            storage.submit(DiskWrite(3, entries=entries(3, 1)))
            await until_durable(storage, 3)

        assert await found(opening) == Stored(HardState(1, 0, 1), None, entries(1, 1, 1, 1))

    async def test_nothing_stalls_when_nothing_waits(self, opening: Opening) -> None:
        """A disk that owes nothing is not stalled."""
        async with opening() as storage:
            storage.recover()
            assert storage.stalled_s() == 0
            storage.submit(DiskWrite(1, HardState(1)))
            await until_durable(storage, 1)

            assert storage.stalled_s() == 0

    async def test_a_snapshot_is_kept_while_writes_go_on(self, opening: Opening) -> None:
        """Compaction and writes may overlap; both are found."""
        async with opening() as storage:
            storage.recover()
            storage.submit(DiskWrite(1, HardState(1, 0, 2), entries(1, 1, 1)))
            async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
                tasks.create_task(storage.compact(snapshot(2, 1), keep_from=3))
                storage.submit(DiskWrite(2, entries=entries(3, 1)))
                await until_durable(storage, 2)

        assert await found(opening) == Stored(HardState(1, 0, 2), snapshot(2, 1), entries(3, 1))

    async def test_an_older_snapshot_changes_nothing(self, opening: Opening) -> None:
        """A snapshot of the application that is older than one of the leader is dropped."""
        async with opening() as storage:
            storage.recover()
            storage.submit(DiskWrite(1, HardState(1, 0, 9), snapshot=snapshot(9, 1)))
            await until_durable(storage, 1)
            await storage.compact(snapshot(2, 1), keep_from=3)

        assert (await found(opening)).snapshot == snapshot(9, 1)
