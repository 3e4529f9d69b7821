from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from dojopool.errors import Unavailable
from dojopool.local.stack.ports import free_ports
from dojopool.local.stack.process import ProcessId, Server, log_tail, port_answers, run_tool

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


class Program(Server):
    """A server that is one line of Python and answers once its log says so."""

    def __init__(self, folder: Path, code: str) -> None:
        super().__init__(name="program", folder=folder, port=None)
        self._code = code

    async def prepare(self) -> list[str]:
        return [sys.executable, "-u", "-c", self._code]

    async def answers(self) -> bool:
        return "ready" in self.log_path.read_text()


def own_id() -> ProcessId:
    """The identity of the process that runs this test."""
    return ProcessId(pid=os.getpid(), started=psutil.Process().create_time())


def test_a_process_is_known_by_pid_and_start_time() -> None:
    """A pid whose process started at another time is another process."""
    own = own_id()

    assert own.find() == psutil.Process()
    assert replace(own, started=own.started - 60).find() is None
    assert replace(own, started=own.started + 60).find() is None


def test_a_dead_process_is_not_found_even_before_its_parent_asks() -> None:
    """A zombie has ended: nothing of it can serve or be stopped."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = ProcessId(pid=child.pid, started=psutil.Process(child.pid).create_time())
        assert identity.find() is not None
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        assert identity.find() is None


async def test_a_server_starts_in_its_own_session_and_stops(tmp_path: Path) -> None:
    """A started server answers, is not reached by a terminal's interrupt, and is gone after `stop`."""
    server = Program(tmp_path, "print('ready'); __import__('time').sleep(60)")
    await server.start()
    assert server.process_id is not None
    assert os.getsid(server.process_id.pid) != os.getsid(0)

    await server.stop()

    assert not server.is_alive
    assert server.process_id.find() is None
    await server.stop()  # nothing to do any more


async def test_a_server_that_ignores_the_polite_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`stop` ends a server that does not want to, after its time is up."""
    monkeypatch.setattr("dojopool.local.stack.process.STOP_SECONDS", 0.1)
    server = Program(tmp_path, STUBBORN)
    await server.start()

    await server.stop()

    assert not server.is_alive


async def test_a_server_that_ends_while_starting_shows_its_log(tmp_path: Path) -> None:
    """The reason a server gives in its log is in the error."""
    server = Program(tmp_path, "raise SystemExit('address in use')")
    with pytest.raises(Unavailable, match=r"program ended while it was starting(.|\n)*address in use"):
        await server.start()


async def test_a_server_that_never_answers_is_not_left_running(tmp_path: Path) -> None:
    """A start that fails in time leaves no process behind."""
    server = Program(tmp_path, "__import__('time').sleep(60)")
    server.ready_seconds = 0.1
    with pytest.raises(Unavailable, match="did not answer within"):
        await server.start()

    assert not server.is_alive


async def test_a_cancelled_start_leaves_nothing_running(tmp_path: Path) -> None:
    """Who is cancelled while waiting for a server leaves no process behind."""
    server = Program(tmp_path, "__import__('time').sleep(60)")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(server.start(), timeout=0.2)

    assert server.process_id is not None
    assert not server.is_alive


async def test_stop_never_signals_a_process_with_a_recycled_pid(tmp_path: Path) -> None:
    """A remembered pid that now belongs to another process is left alone."""
    stranger = Program(tmp_path / "stranger", "print('ready'); __import__('time').sleep(60)")
    server = Program(tmp_path / "server", "")
    await stranger.start()
    assert stranger.process_id is not None
    server.process_id = replace(stranger.process_id, started=stranger.process_id.started - 60)

    await server.stop()
    await server.kill()

    assert stranger.is_alive
    await stranger.kill()


async def test_a_tool_returns_its_exit_code_and_all_it_printed() -> None:
    """Both output streams of a tool are read, whatever its exit code."""
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"
    assert await run_tool([sys.executable, "-c", code], timeout_seconds=30) == (3, "out\nerr\n")


async def test_a_tool_that_hangs_is_ended(tmp_path: Path) -> None:
    """A tool that is not done in time is named in the error and does not go on behind our back."""
    marker = str(tmp_path)
    with pytest.raises(Unavailable, match=f"was not done after 0 s: .*{marker}"):
        await run_tool([sys.executable, "-c", "import time; time.sleep(60)", marker], timeout_seconds=0.01)

    assert [child for child in psutil.Process().children() if marker in " ".join(child.cmdline())] == []


async def test_a_tool_that_lacks_is_unavailable() -> None:
    """A tool that cannot be started is named in the error."""
    with pytest.raises(Unavailable, match="tried to run /nowhere/tool"):
        await run_tool(["/nowhere/tool"], timeout_seconds=1)


async def test_a_port_answers_when_something_accepts() -> None:
    """A loopback port answers while a server listens there."""
    [port] = free_ports(1)
    assert not await port_answers(port)
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port):
        assert await port_answers(port)


def test_the_end_of_a_log_is_short(tmp_path: Path) -> None:
    """Of a long log the last 15 lines are shown, and a missing one is said to be missing."""
    log = tmp_path / "server.log"
    assert log_tail(log) == "(no log was written)"
    log.write_text("\n".join(map(str, range(100))))

    assert log_tail(log).splitlines() == [str(number) for number in range(85, 100)]
