"""Somebody who connects to a member's port and says what nobody should."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from dojopool.adapters.raft_frames import HEAD, Kind, frame
from dojopool.adapters.raft_handshake import Hello, encode_hello
from dojopool.adapters.raft_snapshots import Outgoing
from dojopool.codec.raft_wire import encode_message
from dojopool.core.raft.messages import ConfState, Entry, Message, MessageType, Snapshot

ANSWER_S = 20


class Stranger:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, data: bytes) -> None:
        """Send bytes; who was cut off says nothing more."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until what was said has left, or cannot."""
        with suppress(OSError):
            await self._writer.drain()

    async def answer(self) -> tuple[Kind, bytes]:
        """The next frame."""
        async with asyncio.timeout(ANSWER_S):
            length, _, kind = HEAD.unpack(await self._reader.readexactly(HEAD.size))
            return Kind(kind), await self._reader.readexactly(length)

    async def is_cut_off(self) -> bool:
        """Wait until the member ends the connection."""
        async with asyncio.timeout(ANSWER_S):
            with suppress(OSError):
                while await self._reader.read(4096):
                    pass
        return True

    def end(self) -> None:
        """Leave without a word."""
        self._writer.transport.abort()


@asynccontextmanager
async def stranger(address: tuple[str, int], *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Stranger]:
    """Connect to a member."""
    reader, writer = await asyncio.open_connection(*address, ssl=tls)
    one = Stranger(reader, writer)
    try:
        yield one
    finally:
        one.end()


def hello(*, from_: int = 2, to: int = 1, cluster: str = "test", disk_id: bytes | None = None) -> bytes:
    """A hello, by default one that is let in."""
    return frame(Kind.HELLO, encode_hello(Hello(cluster, from_, to, disk_id or bytes([from_]) * 16)))


def nonsense(chance: random.Random) -> bytes:
    """Something that is not, or not quite, what a member says: random, cut, damaged, oversized, foreign, swapped."""
    sound = [
        hello(),
        hello(cluster="other"),
        hello(from_=9),
        frame(Kind.MESSAGE, encode_message(Message(MessageType.HEARTBEAT, to=1, from_=2, term=1))),
        frame(Kind.MESSAGE, encode_message(Message(MessageType.VOTE, to=1, from_=3, term=1))),
        frame(
            Kind.MESSAGE,
            encode_message(
                Message(MessageType.APPEND, to=1, from_=2, entries=(Entry(1, 1, data=chance.randbytes(100)),))
            ),
        ),
        frame(Kind.CHUNK, _transfer(chance).next_chunk()),
        frame(Kind.CHUNKS_DONE, chance.randbytes(8)),
        frame(chance.choice(list(Kind)), chance.randbytes(chance.randrange(3000))),
        HEAD.pack(chance.randrange(2**32), chance.randrange(2**32), chance.randrange(256)),
        chance.randbytes(chance.randrange(1, 5000)),
        b"GET / HTTP/1.1\r\nHost: member\r\n\r\n",
    ]
    said = b"".join(chance.choices(sound, k=chance.randrange(1, 6)))
    match chance.randrange(4):
        case 0:
            return said[: chance.randrange(len(said))]
        case 1:
            at = chance.randrange(len(said))
            return said[:at] + bytes([said[at] ^ 1 << chance.randrange(8)]) + said[at + 1 :]
        case _:
            return said


def _transfer(chance: random.Random) -> Outgoing:
    snapshot = Snapshot(5, 1, ConfState((1, 2)), chance.randbytes(200_000))
    transfer = Outgoing(chance.randrange(3), Message(MessageType.SNAPSHOT, to=1, from_=2, term=1, snapshot=snapshot))
    for _ in range(chance.randrange(4)):
        transfer.next_chunk()
    return transfer
