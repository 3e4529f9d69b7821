"""Server processes that outlive the command which started them, and are ended by nobody else's mistake.

Problem: `dojo stack up` exits while its servers run on, and `dojo stack down`, a later process, must end those servers
and nothing else. A pid alone does not name a process: the system uses it again. A pid with its start time does.

Left out: restarting what died. A server that ended is shown as ended; a person or a test decides what to do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from dojopool.errors import Unavailable
from dojopool.local.stack.ports import LOOPBACK

START_TOLERANCE_SECONDS = 1.0
"""The kernel's start times are counted from boot, and that boot time moves a little when the clock is set."""

POLL_SECONDS = 0.05
STOP_SECONDS = 20.0
"""How long a server may take to end by itself. A broker flushes and closes its logs: 1 to 3 s, more on a slow disk."""

LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """One process of this machine, for ever: a pid and when the process under it started."""

    pid: int
    started: float
    """Seconds since the epoch, as the kernel tells it."""

    def find(self) -> psutil.Process | None:
        """Return the process, or None when it has ended (also when its pid now belongs to another one)."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started) <= START_TOLERANCE_SECONDS
            has_ended = process.status() == psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # what we may not look at, we did not start
            return None
        return process if is_same and not has_ended else None


class Server(ABC):
    """One server process: started from files in its own folder, writing one log there.

    A subclass says how to prepare and start it (`prepare`) and when it works (`answers`).
    """

    ready_seconds = 60.0
    """How long it may take from start to its first answer; a JVM on a busy machine is slow."""

    def __init__(self, *, name: str, folder: Path, port: int | None, process_id: ProcessId | None = None) -> None:
        self.name = name
        self.folder = folder
        self.port = port
        self.process_id = process_id
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str | None:
        """`host:port` where it listens, None for a server that nobody calls."""
        return None if self.port is None else f"{LOOPBACK}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Where everything it prints goes."""
        return self.folder / "server.log"

    @property
    def is_alive(self) -> bool:
        """True while the process that was started runs."""
        if self._child is not None:
            return self._child.poll() is None  # asking also lets the system forget a child that ended
        return self.process_id is not None and self.process_id.find() is not None

    @abstractmethod
    async def prepare(self) -> list[str]:
        """Write the files it needs and return its command."""

    @abstractmethod
    async def answers(self) -> bool:
        """Return whether it does its work now."""

    async def launch(self) -> ProcessId:
        """Start the process and return its identity at once, before it is ready."""
        assert not self.is_alive, f"{self.name} already runs"
        self.folder.mkdir(parents=True, exist_ok=True)
        command = await self.prepare()
        self._child = self._spawn(command)
        started = psutil.Process(self._child.pid).create_time()
        self.process_id = ProcessId(pid=self._child.pid, started=started)
        return self.process_id

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        # Not asyncio's own subprocess: that one kills the child when the event loop closes.
        with self.log_path.open("ab") as log:
            # A session of its own: an interrupt typed at the terminal of `dojo stack up` is not for the servers.
            return subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    async def wait_ready(self) -> None:
        """Return when it answers. Raises Unavailable, with the end of its log, when it ends first or takes too long."""
        try:
            async with asyncio.timeout(self.ready_seconds):
                while not await self.answers():
                    if not self.is_alive:
                        raise Unavailable(self.with_log(f"{self.name} ended while it was starting"))
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            waited = f"{self.name} was started and did not answer within {self.ready_seconds:.0f} s"
            raise Unavailable(self.with_log(waited)) from error

    async def start(self) -> None:
        """Launch it and return when it answers; after a failure nothing of it runs."""
        await self.launch()
        try:
            await self.wait_ready()
        except BaseException:  # cancellation too: who could not wait for it gets nothing left running
            await self.kill()
            raise

    async def stop(self) -> None:
        """Ask it to end (SIGTERM), wait up to 20 s, then end it by force. Does nothing when it has ended."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._ended()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL), and return when it is gone."""
        self._signal(signal.SIGKILL)
        await self._ended()

    def _signal(self, number: signal.Signals) -> None:
        process = self.process_id.find() if self.process_id else None
        if process is None:
            return
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return  # it ended between the look and the signal: that was the wish

    async def _ended(self) -> None:
        while self.is_alive:  # noqa: ASYNC110  # it may be no child of ours, then nothing tells us
            await asyncio.sleep(POLL_SECONDS)

    def with_log(self, what: str) -> str:
        """Return what happened with the end of its log, for an error message."""
        return f"{what}; the end of {self.log_path}:\n{log_tail(self.log_path)}"


def log_tail(path: Path) -> str:
    """Return the last lines of a log, for an error message."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "(no log was written)"
    return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"


async def port_answers(port: int) -> bool:
    """Return whether something accepts connections on this loopback port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def run_tool(command: Sequence[str], *, timeout_seconds: float) -> tuple[int, str]:
    """Run a program to its end and return its exit code and everything it printed.

    Raises Unavailable when it cannot be started or is not done in time; then, and when cancelled, it is killed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ)
        )
    except OSError as error:
        raise Unavailable(f"tried to run {command[0]}: {error}") from error
    try:
        async with asyncio.timeout(timeout_seconds):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise Unavailable(f"{command[0]} was not done after {timeout_seconds:.0f} s: {' '.join(command)}") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace")
