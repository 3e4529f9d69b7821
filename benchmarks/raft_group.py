"""Three members of a Raft group as processes of their own, whichever library they are of, and delay between them."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from builds import ROOT, clean_environment

from dojopool.local.certificates import make_certificates

MEMBERS: Final = (1, 2, 3)
PEER_PYTHON: Final = ROOT / ".venv-bench/bin/python"
LEADER_S_MAX: Final = 30.0
LEVEL_S_MAX: Final = 15.0
ANSWER_S_MAX: Final = 120.0
POLL_S: Final = 0.02

Words = Callable[[int, Mapping[int, int], Path], Sequence[str]]
"""Member, its and the others' ports as it is to dial them, folder -> the command that runs it."""


@dataclass(frozen=True)
class Kind:
    """A library and how it is used, as a row of the tables."""

    name: str
    fsync: str
    tls: str
    words: Words


def ours(me: int, ports: Mapping[int, int], folder: Path) -> list[str]:
    """A member of dojopool."""
    given = {
        "me": me,
        "port": ports[me],
        "peers": {str(other): port for other, port in ports.items() if other != me},
        "folder": str(folder / f"member-{me}"),
        "certificates": str(folder / "certificates"),
    }
    return [sys.executable, "run_raft.py", json.dumps(given)]


def pysyncobj(setting: str) -> Words:
    """A member of PySyncObj."""

    def words(me: int, ports: Mapping[int, int], folder: Path) -> list[str]:
        others = [str(port) for other, port in ports.items() if other != me]
        return [str(PEER_PYTHON), "run_pysyncobj.py", setting, str(ports[me]), *others]

    return words


OURS: Final = Kind("dojopool", "every batch", "mutual TLS 1.3", ours)
BATCHED: Final = Kind("PySyncObj, as shipped", "never, nothing stored", "none", pysyncobj("batched"))
UNBATCHED: Final = Kind("PySyncObj, unbatched", "never, nothing stored", "none", pysyncobj("unbatched"))


class Member:
    """One process."""

    def __init__(self, id_: int, process: asyncio.subprocess.Process) -> None:
        self.id, self._process = id_, process

    async def ask(self, do: str, **how: float) -> Any:
        """Give an order and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **how}).encode() + b"\n")
        async with asyncio.timeout(ANSWER_S_MAX):
            line = await self._process.stdout.readline()
        if not line:
            raise SystemExit(f"member {self.id} ended with code {await self._process.wait()}")
        return json.loads(line)

    async def end(self) -> None:
        """As a failing machine would."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


class Group:
    """Three members of one kind."""

    def __init__(self, kind: Kind, folder: Path, *, dialled: Mapping[int, Mapping[int, int]]) -> None:
        """`dialled` says for each member at which port it reaches whom; its own is where it listens."""
        self._kind, self._folder, self._dialled = kind, folder, dialled
        self.members: dict[int, Member] = {}

    async def start(self, id_: int) -> None:
        """Start one member, new or again."""
        with (self._folder / f"member-{id_}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._kind.words(id_, self._dialled[id_], self._folder),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT / "benchmarks",
                env=clean_environment(),
            )
        self.members[id_] = Member(id_, process)

    async def leader(self, *, since_s: float = 0.0) -> tuple[Member, float]:
        """The member that leads and began to after that time, and when it did; waits for one."""
        async with asyncio.timeout(LEADER_S_MAX):
            while True:
                for member in self.members.values():
                    status = await member.ask("status")
                    if status["leads"] and status["led_since_s"] > since_s:
                        return member, status["led_since_s"]
                await asyncio.sleep(POLL_S)

    async def level(self) -> None:
        """Wait until all have applied the same."""
        async with asyncio.timeout(LEVEL_S_MAX):
            while True:
                found = [await member.ask("status") for member in self.members.values()]
                if len({status["counted"] for status in found}) == 1 and all(status["has_leader"] for status in found):
                    return
                await asyncio.sleep(POLL_S)


@asynccontextmanager
async def group(kind: Kind, *, delay_s: float = 0.0) -> AsyncIterator[Group]:
    """A group with a leader; with a delay, every byte between two members is held back for so long, each way."""
    with tempfile.TemporaryDirectory(prefix="dojo-bench-raft-") as name:
        folder = Path(name)
        make_certificates(folder / "certificates", [f"n{id_}" for id_ in MEMBERS])
        own = {id_: _free_port() for id_ in MEMBERS}
        async with AsyncExitStack() as stack:
            dialled = {id_: dict(own) for id_ in MEMBERS}
            if delay_s:
                for one in MEMBERS:
                    for other in set(MEMBERS) - {one}:
                        dialled[one][other] = await stack.enter_async_context(_delayed(own[other], delay_s))
            found = Group(kind, folder, dialled=dialled)
            try:
                for id_ in MEMBERS:
                    await found.start(id_)
                await found.leader()
                await found.level()
                yield found
            finally:
                for member in found.members.values():
                    await member.end()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@asynccontextmanager
async def _delayed(port: int, delay_s: float) -> AsyncIterator[int]:
    """A port that leads to that one, with every byte held back in both directions."""
    loop = asyncio.get_running_loop()

    class Half(asyncio.Protocol):
        """One end of a connection; what it receives is written to the other end later."""

        other: asyncio.Future[asyncio.Transport]

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            loop.call_later(delay_s, self._pass_on, data)

        def connection_lost(self, exc: Exception | None) -> None:
            loop.call_later(delay_s, self._pass_on, None)

        def _pass_on(self, data: bytes | None) -> None:
            if not self.other.done():  # still being dialled
                loop.call_later(delay_s, self._pass_on, data)
            elif not self.other.cancelled() and not self.other.result().is_closing():
                if data is None:
                    self.other.result().close()
                else:
                    self.other.result().write(data)

    class Near(Half):
        """The end that was dialled; it dials the other one."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self.other = loop.create_future()
            self._dialling = loop.create_task(self._dial())

        async def _dial(self) -> None:
            far = Half()
            far.other = loop.create_future()
            far.other.set_result(self.transport)
            try:
                await loop.create_connection(lambda: far, "127.0.0.1", port)
            except OSError:
                self.transport.close()
                self.other.cancel()
            else:
                self.other.set_result(far.transport)

    server = await loop.create_server(Near, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])
