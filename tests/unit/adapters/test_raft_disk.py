"""The writer thread shares flushes, reports stalls and ends with the first failure; the rest of its promises is in
tests/contracts/raft_storage.py.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dojopool.adapters.raft_disk import RaftDisk
from dojopool.core.raft.messages import HardState
from dojopool.errors import Unavailable
from dojopool.raft_ports import DiskWrite
from support.held_files import HeldFiles
from support.raft_disks import entries, snapshot

DEADLINE_S = 30.0


class Watch:
    """A clock that a test moves."""

    now_s = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


@asynccontextmanager
async def working(directory: Path, watch: Watch) -> AsyncIterator[tuple[RaftDisk, HeldFiles]]:
    """A recovered disk and its files."""
    files = HeldFiles(directory)
    disk = RaftDisk(files, cluster="pool", node=1, now=watch)
    disk.recover()
    try:
        yield disk, files
    finally:
        files.flowing.set()
        await disk.close()
        files.close()


def write(number: int) -> DiskWrite:
    """One entry."""
    return DiskWrite(number, HardState(1), entries(number, 1))


async def test_d12_a_stall_is_seen_while_it_lasts(tmp_path: Path) -> None:
    """D12: the loop goes on while a flush hangs, and sees for how long the oldest write has been waiting."""
    watch = Watch()
    async with working(tmp_path, watch) as (disk, files):
        files.flowing.clear()
        disk.submit(write(1))
        watch.now_s += 3
        disk.submit(write(2))
        watch.now_s += 4

        assert disk.stalled_s() == 7
        files.flowing.set()
        async with asyncio.timeout(DEADLINE_S):
            while await disk.durable() < 2:
                pass
        assert disk.stalled_s() == 0


async def test_what_waits_behind_a_flush_shares_the_next(tmp_path: Path) -> None:
    """A hundred writes that come while one flush hangs cost one or two more."""
    async with working(tmp_path, Watch()) as (disk, files):
        files.flowing.clear()
        before = files.flushes
        for number in range(1, 101):
            disk.submit(write(number))
        files.flowing.set()
        async with asyncio.timeout(DEADLINE_S):
            while await disk.durable() < 100:
                pass

        assert 1 <= files.flushes - before <= 2


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
async def test_d4_a_failed_flush_ends_all(tmp_path: Path, code: int) -> None:
    """D4: after a failed flush everybody who waits or comes later is told, and no flush is tried again."""
    async with working(tmp_path, Watch()) as (disk, files):
        files.flowing.clear()
        files.failure = OSError(code, "injected")
        disk.submit(write(1))
        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(told(disk.durable()))
            files.flowing.set()
            keeping = tasks.create_task(told(disk.compact(snapshot(1, 1), keep_from=1)))
        flushes = files.flushes
        files.failure = None
        disk.submit(write(2))

        assert "injected" in waiting.result()
        assert "injected" in keeping.result()
        assert "end this process" in await told(disk.durable())
        assert files.flushes == flushes
        assert disk.stalled_s() == 0  # the watch stands still; it is what was written that never becomes durable


async def told(doing: object) -> str:
    """The text of the failure."""
    with pytest.raises(Unavailable) as failure:
        await doing  # type: ignore[misc]  # any of the two calls
    return str(failure.value)


async def test_closing_writes_what_is_queued(tmp_path: Path) -> None:
    """What was submitted before the end is stored, whether or not anybody waited for it."""
    async with working(tmp_path, Watch()) as (disk, _):
        for number in range(1, 10):
            disk.submit(write(number))
    async with RaftDisk.opened(tmp_path, cluster="pool", node=1) as disk:
        assert len(disk.recover().entries) == 9
