"""Members of a Raft group that are nothing but their links, on loopback, and what they heard."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from dojopool.adapters.raft_link import Peer
from dojopool.adapters.raft_tcp import RaftTcp
from dojopool.adapters.raft_tls import MutualTls, PlainTcp, Security
from dojopool.core.raft.messages import Message
from dojopool.local.certificates import make_certificates
from dojopool.raft_ports import PeerEvents

WITHIN_S = 30
"""Far more than anything here takes; a test that waits for it fails."""


@dataclass
class Heard:
    """What links reported, in order, and a way to wait for it."""

    messages: list[Message] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    """How many messages were handed over together."""
    unreachable: list[int] = field(default_factory=list)
    snapshots: list[tuple[int, bool]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def events(self) -> PeerEvents:
        """As links report to it."""
        return PeerEvents(self._received, self._unreachable, self._snapshot_sent)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something that was heard makes it so."""
        async with asyncio.timeout(WITHIN_S):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    def _received(self, messages: Sequence[Message]) -> None:
        self.messages += messages
        self.turns.append(len(messages))
        self._news.set()

    def _unreachable(self, member: int) -> None:
        self.unreachable.append(member)
        self._news.set()

    def _snapshot_sent(self, member: int, is_whole: bool) -> None:
        self.snapshots.append((member, is_whole))
        self._news.set()


@dataclass
class Node:
    """One member."""

    links: RaftTcp
    heard: Heard

    async def until_rejected(self, kind: str, *, times: int = 1) -> None:
        """Wait until something of this kind was refused that often."""
        async with asyncio.timeout(WITHIN_S):
            while self.links.rejected.get(kind, 0) < times:  # noqa: ASYNC110 - it is counted, nobody is told of it
                await asyncio.sleep(0.01)  # the count is looked at again, under the deadline


def listening() -> socket.socket:
    """A socket that listens on a free port of this machine."""
    return socket.create_server(("127.0.0.1", 0))


def address(listening_socket: socket.socket) -> tuple[str, int]:
    """Where it listens."""
    host, port = listening_socket.getsockname()
    return host, port


def tls(folder: Path, name: str) -> MutualTls:
    """The files of a member, made when they are not there."""
    make_certificates(folder, [name])
    return MutualTls(folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key")


def disk_of(member: int) -> bytes:
    """The identity of a member's disk."""
    return bytes([member]) * 16


@asynccontextmanager
async def node(
    folder: Path,
    me: int,
    sockets: Mapping[int, socket.socket],
    *,
    security: Security | None = None,
    cluster: str = "test",
    disk_id: bytes | None = None,
) -> AsyncIterator[Node]:
    """Member `me` of the group that listens on these sockets; on plain TCP unless `security` is given."""
    links = RaftTcp(
        cluster=cluster,
        me=me,
        disk_id=disk_id or disk_of(me),
        peers=[Peer(id_, *address(at), f"n{id_}") for id_, at in sockets.items() if id_ != me],
        security=security or PlainTcp(),
        known_disks=folder / f"disks-{me}.json",
    )
    heard = Heard()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(links.run(sockets[me], heard.events))
        await asyncio.sleep(0)  # it has begun
        yield Node(links, heard)
        running.cancel()


async def linked(sender: Node, receiver: Node, probe: Message) -> None:
    """Send `probe` until it arrives: links drop what is sent before they are up. None is on its way on return."""
    before = len(receiver.heard.messages)
    async with asyncio.timeout(WITHIN_S):
        while len(receiver.heard.messages) == before:
            sender.links.send([probe])
            await asyncio.sleep(0.01)  # links report nothing when they come up
    last = replace(probe, context=b"the last probe")
    sender.links.send([last])  # a link keeps the order
    await receiver.heard.until(lambda: last in receiver.heard.messages)
    receiver.heard.messages.clear()
    receiver.heard.turns.clear()
