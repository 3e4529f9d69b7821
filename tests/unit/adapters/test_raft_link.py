"""The way out: one write a turn, a queue with an end, and a word about everything that was dropped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from dojopool.adapters import raft_link
from dojopool.adapters.raft_connection import Connection
from dojopool.adapters.raft_frames import BUFFER_BYTES, FrameReader, Kind, frame
from dojopool.adapters.raft_link import RETRY_S_MIN, Link, Peer
from dojopool.adapters.raft_rejections import Rejections
from dojopool.adapters.raft_snapshots import encode_done
from dojopool.codec.raft_wire import decode_message
from dojopool.core.raft.messages import ConfState, Entry, Message, MessageType, Snapshot
from support.raft_links import WITHIN_S, Heard, address, listening

SNAPSHOT = Message(
    MessageType.SNAPSHOT, to=2, from_=1, term=1, snapshot=Snapshot(9, 1, ConfState((1, 2)), bytes(2**20))
)


class CountedConnection(Connection):
    """A connection that counts what it is given to write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[int] = []

    def write(self, data: bytes) -> None:
        self.writes.append(len(data))
        super().write(data)


class Way:
    """A link to member 2, and that member's end of it."""

    def __init__(self, link: Link, heard: Heard, far: socket.socket, connection: CountedConnection) -> None:
        self.link, self.heard, self.far, self.connection = link, heard, far, connection
        self._reader, self._frames = FrameReader(10**6), list[tuple[Kind, bytes]]()

    async def arrived(self) -> tuple[Kind, bytes]:
        """The next frame at the far end."""
        async with asyncio.timeout(WITHIN_S):
            while not self._frames:
                size = await asyncio.get_running_loop().sock_recv_into(self.far, self._reader.room())
                self._frames += [(kind, bytes(body)) for kind, body in self._reader.received(size)]
        return self._frames.pop(0)

    async def answer(self, data: bytes) -> None:
        """Send something back."""
        await asyncio.get_running_loop().sock_sendall(self.far, data)


@asynccontextmanager
async def way() -> AsyncIterator[Way]:
    """A link that is up."""
    loop = asyncio.get_running_loop()
    heard = Heard()
    dialled: asyncio.Queue[CountedConnection] = asyncio.Queue()
    with listening() as there:
        there.setblocking(False)

        async def dial(peer: Peer) -> Connection:
            _, connection = await loop.create_connection(CountedConnection, peer.host, peer.port)
            dialled.put_nowait(connection)
            return connection

        link = Link(Peer(2, *address(there), "n2"), dial=dial, events=heard.events, rejections=Rejections())
        async with asyncio.TaskGroup() as group:
            running = group.create_task(link.run())
            far, _ = await loop.sock_accept(there)
            with far:
                far.setblocking(False)
                connection = await dialled.get()
                yield Way(link, heard, far, connection)
                running.cancel()


def append(index: int, *, size: int = 10) -> Message:
    """A message of about `size` bytes."""
    return Message(MessageType.APPEND, to=2, from_=1, index=index, entries=(Entry(1, index, data=bytes(size)),))


async def test_one_write_a_turn() -> None:
    """What is sent in one turn of the loop, by however many calls, leaves in one write."""
    async with way() as one:
        sent = [append(n) for n in range(9)]
        for message in sent:
            one.link.send([message])
        found = [decode_message((await one.arrived())[1]) for _ in sent]

        assert found == sent
        assert len(one.connection.writes) == 1


def news(index: int, *, commit: int, term: int = 1) -> Message:
    """An append without entries."""
    return Message(MessageType.APPEND, to=2, from_=1, term=term, index=index, commit=commit)


async def test_news_of_a_commit_alone() -> None:
    """An append without entries is sent by itself when nothing follows."""
    async with way() as one:
        one.link.send([news(3, commit=2)])

        assert decode_message((await one.arrived())[1]) == news(3, commit=2)


@pytest.mark.parametrize(
    ("later", "is_sent"),
    [
        (Message(MessageType.APPEND, to=2, from_=1, term=1, index=3, commit=2, entries=(Entry(1, 4),)), False),
        (news(3, commit=3), False),
        (Message(MessageType.APPEND, to=2, from_=1, term=1, index=3, commit=1, entries=(Entry(1, 4),)), True),
        (Message(MessageType.APPEND, to=2, from_=1, term=1, index=2, commit=2, entries=(Entry(1, 3),)), True),
        (news(3, commit=2, term=2), True),
        (Message(MessageType.HEARTBEAT, to=2, from_=1, term=1, index=3, commit=2), True),
    ],
)
async def test_news_that_is_told_anyway(later: Message, is_sent: bool) -> None:
    """An append without entries is left out when one right behind it says as much; else it goes first."""
    async with way() as one:
        one.link.send([news(3, commit=2)])
        one.link.send([later])
        found = [decode_message((await one.arrived())[1]) for _ in range(1 + is_sent)]

        assert found == ([news(3, commit=2)] if is_sent else []) + [later]


@pytest.mark.parametrize(("limit", "value"), [("QUEUE_BYTES_MAX", 300_000), ("QUEUE_MESSAGES_MAX", 3)])
async def test_c7_a_member_that_takes_nothing(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    """Messages to a member that reads nothing wait up to the limit; what finds the queue full is dropped, reported
    once a turn, and the rest arrives in order when it reads again.
    """
    monkeypatch.setattr(raft_link, limit, value)
    async with way() as one:
        sent = 0
        while not one.heard.unreachable:
            one.link.send([append(sent + 1, size=100_000), append(sent + 2, size=100_000)])
            sent += 2
            await asyncio.sleep(0)
        assert one.heard.unreachable == [2]
        found: list[int] = []
        while len(found) < sent - 1:
            found.append(decode_message((await one.arrived())[1]).index)
            if found[-1] >= sent - 2:
                break

        assert found == list(range(1, found[-1] + 1))
        assert sent - len(found) <= 2


async def test_a_message_that_no_frame_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message too large for any frame is dropped and reported; those around it arrive."""
    monkeypatch.setattr(raft_link, "FRAME_BYTES_MAX", 1000)
    async with way() as one:
        one.link.send([append(1), append(2, size=1001), append(3)])
        found = [decode_message((await one.arrived())[1]).index for _ in range(2)]

        assert found == [1, 3]
        assert one.heard.unreachable == [2]


async def test_c7_heartbeats_between_chunks() -> None:
    """While a snapshot is under way, a heartbeat waits for what fills the buffers, not for the snapshot."""
    async with way() as one:
        one.link.send([SNAPSHOT])
        assert (await one.arrived())[0] is Kind.CHUNK
        one.link.send([append(1)])
        kinds: list[Kind] = []
        while not kinds or kinds[-1] is Kind.CHUNK:
            kinds.append((await one.arrived())[0])

        assert kinds[-1] is Kind.MESSAGE
        assert len(kinds) < 2**20 // BUFFER_BYTES


async def test_the_end_of_a_transfer_is_told_once() -> None:
    """A snapshot counts as sent when the member says so of this transfer, not of another one."""
    async with way() as one:
        one.link.send([SNAPSHOT])
        await one.arrived()
        await one.answer(frame(Kind.CHUNKS_DONE, encode_done(7)))
        await one.answer(frame(Kind.CHUNKS_DONE, encode_done(1)) * 2)
        await one.heard.until(lambda: bool(one.heard.snapshots))

        assert one.heard.snapshots == [(2, True)]


async def test_a_transfer_that_breaks_off() -> None:
    """When the link is lost, the member is reported unreachable and its snapshot as not sent."""
    async with way() as one:
        one.link.send([SNAPSHOT])
        await one.arrived()
        one.far.close()
        await one.heard.until(lambda: bool(one.heard.snapshots))

        assert one.heard.snapshots == [(2, False)]
        assert one.heard.unreachable == [2]


async def test_an_answer_that_is_none() -> None:
    """A listener that sends what only a dialler may loses the connection."""
    async with way() as one:
        await one.answer(frame(Kind.MESSAGE, b""))
        await one.heard.until(lambda: bool(one.heard.unreachable))


async def test_attempts_become_rarer() -> None:
    """Attempts to connect come at growing distances, and at once when the member has shown itself."""
    loop = asyncio.get_running_loop()
    tried: asyncio.Queue[float] = asyncio.Queue()

    async def dial(peer: Peer) -> Connection:
        tried.put_nowait(loop.time())
        raise ConnectionRefusedError

    link = Link(Peer(2, "localhost", 1, "n2"), dial=dial, events=Heard().events, rejections=Rejections())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(link.run())
        times = [await tried.get() for _ in range(4)]
        distances = [later - earlier for earlier, later in pairwise(times)]
        link.hurry()
        await tried.get()
        running.cancel()

    assert all(distance >= 2 ** (n + 1) * RETRY_S_MIN * 0.99 for n, distance in enumerate(distances))
