"""A snapshot on its way from one member to another: cut into chunks, put together and verified.

    chunk = number of transfer:u64 total:u64 offset:u64 SHA-256 of everything up to this chunk's end:32 piece

What is transferred is an encoded SNAPSHOT message. Every chunk says which transfer it belongs to, so that one of
another transfer is dropped and never mixed in (rule S7). The digest runs along on both sides, so neither has to stop
for a large one; that of the last chunk covers the whole, and nothing is decoded before it is right.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from struct import Struct
from typing import Final

from dojopool.adapters.raft_frames import Rejected
from dojopool.codec.raft_wire import encode_message
from dojopool.core.raft.messages import Message

CHUNK_BYTES: Final = 64 * 1024
"""A heartbeat waits behind one chunk at most in our own buffers: 5 ms at 100 Mbit/s."""

SNAPSHOT_BYTES_MAX: Final = 1024 * 1024 * 1024
"""Greatest snapshot taken. It is in memory twice while it is decoded."""

_HEAD: Final = Struct("<QQQ32s")
_DONE: Final = Struct("<Q")


class Outgoing:
    """A snapshot being sent. Its data is not copied, but for the chunk under way."""

    __slots__ = ("_at", "_data", "_digest", "_head", "_total", "number")

    def __init__(self, number: int, message: Message) -> None:
        """`number` tells this transfer from all others on the connection."""
        assert message.snapshot is not None
        self.number = number
        # The data comes last in an encoded message, so the rest can be encoded without it.
        self._head = encode_message(replace(message, snapshot=replace(message.snapshot, data=b"")))
        self._data = memoryview(message.snapshot.data)
        self._total = len(self._head) + len(self._data)
        self._at = 0
        self._digest = hashlib.sha256()

    @property
    def is_cut(self) -> bool:
        """Whether all chunks were given out."""
        return self._at == self._total

    def next_chunk(self) -> bytes:
        """Body of the next CHUNK frame."""
        offset, begin = self._at, self._at - len(self._head)
        piece = self._data[begin : begin + CHUNK_BYTES] if begin >= 0 else self._head
        self._digest.update(piece)
        self._at += len(piece)
        return b"".join((_HEAD.pack(self.number, self._total, offset, self._digest.digest()), piece))


class Incoming:
    """The snapshot that arrives on one connection. At most one: the first chunk of another one replaces it."""

    __slots__ = ("_bytes_max", "_data", "_digest", "_number", "_total")

    def __init__(self, bytes_max: int = SNAPSHOT_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._begin(0, 0)

    @property
    def held_bytes(self) -> int:
        """Bytes of the transfer that arrived."""
        return len(self._data)

    def add(self, chunk: memoryview) -> tuple[int, bytearray] | None:
        """Take a chunk. The number of the transfer and all of it when this was the last one; None before, and for a
        chunk of another transfer, which is dropped.

        Raises Rejected when it is damaged, too large or not what a sender makes; the transfer is forgotten then.
        """
        if len(chunk) <= _HEAD.size:
            raise Rejected("chunk", f"a chunk has more than {_HEAD.size} bytes, this one {len(chunk)}")
        number, total, offset, digest = _HEAD.unpack_from(chunk)
        piece = chunk[_HEAD.size :]
        if total > self._bytes_max:
            raise Rejected("chunk", f"a snapshot of {total} bytes is announced, at most {self._bytes_max} are taken")
        if offset + len(piece) > total:
            raise Rejected("chunk", f"a chunk ends at {offset + len(piece)}, the snapshot at {total}")
        if offset == 0:
            self._begin(number, total)
        if (number, total, offset) != (self._number, self._total, len(self._data)):
            return None
        self._digest.update(piece)
        if self._digest.digest() != digest:
            self._begin(0, 0)
            raise Rejected("chunk", f"a snapshot does not match its digest at byte {offset + len(piece)} of {total}")
        self._data += piece
        if len(self._data) < total:
            return None
        whole = self._data
        self._begin(0, 0)
        return number, whole

    def _begin(self, number: int, total: int) -> None:
        self._number, self._total = number, total
        self._data = bytearray()
        self._digest = hashlib.sha256()


def encode_done(number: int) -> bytes:
    """Body of a CHUNKS_DONE frame."""
    return _DONE.pack(number)


def decode_done(body: memoryview) -> int:
    """Number of the transfer that was taken; Rejected for anything else."""
    if len(body) != _DONE.size:
        raise Rejected("malformed", f"the end of a transfer is told in {_DONE.size} bytes, not {len(body)}")
    (number,) = _DONE.unpack(body)
    return int(number)
