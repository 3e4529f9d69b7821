"""The real disk keeps every promise of RaftStorage; and what only real files can show."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from contracts.raft_storage import Opening, RaftStorageContract, until_durable
from dojopool.adapters.raft_disk import RaftDisk
from dojopool.core.raft.messages import HardState
from dojopool.errors import ConfigError
from dojopool.raft_ports import DiskWrite, RaftStorage
from support.raft_disks import entries


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    """The disk in one directory."""

    def opened() -> AbstractAsyncContextManager[RaftStorage]:
        return RaftDisk.opened(tmp_path / "raft", cluster="pool", node=1)

    return opened


class TestRaftDisk(RaftStorageContract):
    """The suite, on files."""


WRITER = """
import asyncio, sys
from pathlib import Path
from dojopool.adapters.raft_disk import RaftDisk
from dojopool.core.raft.messages import Entry, HardState
from dojopool.raft_ports import DiskWrite

async def main():
    async with RaftDisk.opened(Path(sys.argv[1]), cluster="pool", node=1) as disk:
        disk.recover()
        for index in range(1, 1 << 30):
            disk.submit(DiskWrite(index, HardState(1), (Entry(1, index, data=b"x" * 100),)))
            while await disk.durable() < index:
                pass
            print(index, flush=True)

asyncio.run(main())
"""


def write_until_killed(directory: Path, *, writes: int) -> int:
    """Kill a writing process after so many writes; returns the last one that it reported as durable."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer, writer.stdout as reports:
        next(line for line in reports if int(line) >= writes)
        writer.kill()
        return [writes, *map(int, reports.read().split())][-1]


async def test_what_a_killed_process_reported_is_found(tmp_path: Path) -> None:
    """A process that is killed in the middle of writing leaves everything that it said was durable."""
    reported = await asyncio.to_thread(write_until_killed, tmp_path, writes=50)

    async with RaftDisk.opened(tmp_path, cluster="pool", node=1) as disk:
        found = disk.recover().entries
    assert len(found) >= reported
    assert [entry.index for entry in found] == list(range(1, len(found) + 1))


async def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    """A second opening is refused while the first lasts, with the directory's name."""
    async with RaftDisk.opened(tmp_path, cluster="pool", node=1):
        with pytest.raises(ConfigError, match=f"{tmp_path} is in use by another process"):
            async with RaftDisk.opened(tmp_path, cluster="pool", node=1):
                pass
    async with RaftDisk.opened(tmp_path, cluster="pool", node=1) as disk:
        assert disk.recover().entries == ()


async def test_files_are_private(tmp_path: Path, opening: Opening) -> None:
    """Nobody but their owner reads the log, which holds commands."""
    async with opening() as disk:
        disk.recover()
        disk.submit(DiskWrite(1, HardState(1), entries(1, 1)))
        await until_durable(disk, 1)

    directory = tmp_path / "raft"
    assert {path.stat().st_mode & 0o077 for path in (directory, *directory.iterdir())} == {0}
