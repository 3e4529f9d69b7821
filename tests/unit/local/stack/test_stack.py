from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dojopool.local.stack import Stack, state
from dojopool.local.stack.layout import StackState, new_layout
from dojopool.local.stack.process import ProcessId


@pytest.fixture
def stranger() -> Iterator[ProcessId]:
    """A process that no stack started."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield ProcessId(pid=child.pid, started=psutil.Process(child.pid).create_time())
        child.kill()


def saved_stack(folder: Path, processes: dict[str, ProcessId]) -> Stack:
    """A stack of two regions whose processes are those given, opened from its file."""
    state.save(
        folder, StackState(layout=new_layout(("eu", "us"), partitions=4, prefixes=("dojo",)), processes=processes)
    )
    stack = Stack.open(folder)
    assert stack is not None
    return stack


def test_there_is_no_stack_in_an_empty_folder(tmp_path: Path) -> None:
    """A folder without a saved state has no stack."""
    assert Stack.open(tmp_path / "stack") is None


def test_one_region_has_no_mirror(tmp_path: Path) -> None:
    """A mirror stands between regions; alone there is nothing to copy."""
    layout = new_layout(("eu",), partitions=4, prefixes=("dojo",))

    assert [server.name for server in Stack(tmp_path, StackState(layout=layout)).servers] == ["kafka eu", "redis eu"]


async def test_status_shows_a_server_that_does_not_listen(tmp_path: Path, stranger: ProcessId) -> None:
    """A live process without its port is silent; without a process a server has ended."""
    shown = await saved_stack(tmp_path / "stack", {"kafka eu": stranger, "mirror": stranger}).status()

    assert {server.name: server.condition for server in shown} == {
        "kafka eu": "silent",
        "kafka us": "ended",
        "redis eu": "ended",
        "redis us": "ended",
        "mirror": "running",
    }


async def test_down_ends_what_was_started(tmp_path: Path, stranger: ProcessId) -> None:
    """The process on file under its start time is ended, and the file then names none."""
    folder = tmp_path / "stack"

    assert await saved_stack(folder, {"redis eu": stranger}).down() == ["redis eu"]
    assert stranger.find() is None
    saved = state.load(folder)
    assert saved is not None
    assert saved.processes == {}


async def test_down_leaves_a_recycled_pid_alone(tmp_path: Path, stranger: ProcessId) -> None:
    """A pid on file whose process started at another time is another's, and lives on."""
    recycled = ProcessId(pid=stranger.pid, started=stranger.started - 3600)

    assert await saved_stack(tmp_path / "stack", {"kafka eu": recycled, "mirror": recycled}).down() == []
    assert stranger.find() is not None


async def test_wipe_deletes_the_data(tmp_path: Path) -> None:
    """After a wipe there is no folder, so the next `up` may have another layout."""
    stack = saved_stack(tmp_path / "stack", {})
    await stack.down(wipe=True)

    assert Stack.open(stack.folder) is None
    assert not stack.folder.exists()
