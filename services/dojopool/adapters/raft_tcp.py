"""Links between the members of a Raft group over TCP: `raft_ports.PeerLinks`.

    raft_link       out to each other member          raft_handshake     who is at the other end
    raft_listener   in from all of them               raft_tls           that nobody else can say so
    raft_connection frames of one connection          raft_known_disks   and that it still has its memory
    raft_frames     their form                        raft_snapshots     a large message in chunks

This module holds them together. It leaves out discovery: the addresses are told to it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from dojopool.adapters.raft_connection import Connection
from dojopool.adapters.raft_frames import Kind, Rejected, frame
from dojopool.adapters.raft_handshake import (
    Hello,
    check_certificate,
    check_hello,
    decode_hello,
    encode_hello,
)
from dojopool.adapters.raft_known_disks import KnownDisks
from dojopool.adapters.raft_link import Link, Peer
from dojopool.adapters.raft_listener import Listener
from dojopool.adapters.raft_rejections import Rejections
from dojopool.adapters.raft_tls import Security, certified_names
from dojopool.core.raft.messages import Message
from dojopool.errors import ConfigError
from dojopool.raft_ports import PeerEvents


class RaftTcp:
    """The links of one member. Everything is called in one event loop."""

    def __init__(
        self, *, cluster: str, me: int, disk_id: bytes, peers: Iterable[Peer], security: Security, known_disks: Path
    ) -> None:
        """`peers` are the other members, `known_disks` is the file that keeps which disk each of them has.

        Raises ConfigError for what cannot be used, CorruptState when the file is damaged.
        """
        self._hello = Hello(cluster, me, 0, disk_id)
        self._peers = {peer.id: peer for peer in peers}
        if me in self._peers:
            raise ConfigError(f"member {me} is told to link with itself: name the others only")
        self._dialling, self._listening = security.dialling(), security.listening()
        self._known = KnownDisks(known_disks)
        self._links: dict[int, Link] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._rejections = Rejections()
        self._knowing = asyncio.Lock()

    @property
    def rejected(self) -> Mapping[str, int]:
        """How often something was refused, by kind."""
        return self._rejections.counts

    def send(self, messages: Sequence[Message]) -> None:
        """See `PeerLinks`. To a member that is not known here nothing is sent, and nothing is reported."""
        for to, found in groupby(sorted(messages, key=attrgetter("to")), key=attrgetter("to")):
            if (link := self._links.get(to)) is not None:
                link.send(list(found))

    async def run(self, listening: socket.socket, events: PeerEvents) -> None:
        """Keep links with all peers and take theirs on this listening socket, until cancelled. Call it once."""
        listening.setblocking(False)
        self._events = events
        self._listener = Listener(
            tls=self._listening,
            me=self._hello.from_,
            admit=self._admit,
            received=events.received,
            came=self._came,
            rejections=self._rejections,
        )
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for peer in self._peers.values():
                    self._start(peer)
                await self._listener.run(listening)
        finally:
            self._group = None
            self._links.clear()

    def add_peer(self, peer: Peer) -> None:
        """Link with another member too, or with one at another address."""
        self.remove_peer(peer.id)
        self._peers[peer.id] = peer
        if self._group is not None:
            self._start(peer)

    def remove_peer(self, member: int) -> None:
        """Link with this one no longer; its disk stays known, for ids are never used twice."""
        self._peers.pop(member, None)
        self._links.pop(member, None)
        if (task := self._tasks.pop(member, None)) is not None:
            task.cancel()
            self._listener.close_member(member)

    def _start(self, peer: Peer) -> None:
        assert self._group is not None
        link = Link(peer, dial=self._dial, events=self._events, rejections=self._rejections)
        self._links[peer.id] = link
        self._tasks[peer.id] = self._group.create_task(link.run())

    def _came(self, member: int) -> None:
        if (link := self._links.get(member)) is not None:
            link.hurry()

    async def _dial(self, peer: Peer) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, peer.host, peer.port, ssl=self._dialling)
        try:
            connection.write(frame(Kind.HELLO, encode_hello(self._saying(peer.id))))
            greeting = await connection.greeting
            if greeting is None:
                raise connection.lost.result() or ConnectionError("it closed the connection instead of an answer")
            kind, body = greeting
            if kind is Kind.REFUSED:
                raise Rejected("refused", f"member {peer.id} refuses this one: {body.decode(errors='replace')}")
            if kind is not Kind.WELCOME:
                raise Rejected("malformed", f"a {kind.name} came where a welcome is due")
            await self._check(connection, decode_hello(body), expected=peer.id)
        except BaseException:  # also when cancelled: nobody else would close it
            connection.abort()
            raise
        return connection

    async def _admit(self, connection: Connection, body: bytes) -> Hello:
        found = decode_hello(body)
        await self._check(connection, found, expected=None)
        return self._saying(found.from_)

    async def _check(self, connection: Connection, found: Hello, *, expected: int | None) -> None:
        check_hello(found, self._hello, expected=expected, members=self._peers)
        names = certified_names(connection.transport)
        if names is not None:
            check_certificate(names, self._peers[found.from_].name)
        async with self._knowing:  # its file is written by one at a time
            await asyncio.to_thread(self._known.check, found.from_, found.disk_id)

    def _saying(self, to: int) -> Hello:
        return Hello(self._hello.cluster, self._hello.from_, to, self._hello.disk_id)
