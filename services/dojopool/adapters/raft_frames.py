"""What stands on a connection between two members: frames with a length, a checksum and a kind.

    frame = length of body:u32 crc32 of kind and body:u32 kind:u8 body           (little-endian)

The length is judged before anything is kept, and memory grows with the bytes that came, never with a length that was
only claimed. The checksum is not against attackers, who are TLS's matter: it finds what TCP's own sum lets pass when
there is no TLS, and whoever speaks another protocol.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import Final

from dojopool.errors import RefusedRecord

HEAD: Final = Struct("<IIB")

BUFFER_BYTES: Final = 128 * 1024
"""Room for what comes in one turn. TLS hands over 16 KiB at most at a time, plain TCP as much as there is room."""

FRAME_BYTES_MAX: Final = 32 * 1024 * 1024
"""Greatest body. An entry goes alone when it is larger than the core's message limit, so this bounds an entry."""


class Rejected(RefusedRecord):
    """A connection, or something on it, was refused. `kind` is one word to count it by."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Kind(IntEnum):
    """What a frame's body is. The values are sent: never renumber them."""

    HELLO = 1
    """The dialler says who it is, once, first."""
    WELCOME = 2
    """The listener's answer: who it is itself."""
    REFUSED = 3
    """The listener's other answer: why not, as UTF-8; the connection ends."""
    MESSAGE = 4
    """One message to the core."""
    CHUNK = 5
    """A piece of a snapshot."""
    CHUNKS_DONE = 6
    """From the listener: the snapshot of this transfer was taken."""


_KINDS: Final = {int(kind): kind for kind in Kind}


def frame(kind: Kind, body: bytes) -> bytes:
    """One frame."""
    checksum = zlib.crc32(body, zlib.crc32(bytes((kind,))))
    return HEAD.pack(len(body), checksum, kind) + body


class FrameReader:
    """Cuts a stream of bytes into frames, for `asyncio.BufferedProtocol`: the bytes are received into its buffer."""

    __slots__ = ("_buffer", "_end", "body_bytes_max")

    def __init__(self, body_bytes_max: int) -> None:
        self.body_bytes_max = body_bytes_max
        """Greatest body taken. Small until the other side has proved who it is."""
        self._buffer = bytearray(BUFFER_BYTES)
        self._end = 0

    @property
    def held_bytes(self) -> int:
        """Memory that the buffer takes."""
        return len(self._buffer)

    def room(self) -> memoryview:
        """Where the next bytes go; never empty."""
        return memoryview(self._buffer)[self._end :]

    def received(self, size: int) -> Iterator[tuple[Kind, memoryview]]:
        """Take the `size` bytes that were put into `room()` and yield each whole frame; its body is a view that holds
        until the next frame is asked for. Exhaust the iterator before asking for room again.

        Raises Rejected when a frame is too long, damaged or of no known kind: the stream cannot be read further.
        """
        self._end += size
        view, start = memoryview(self._buffer), 0
        while self._end - start >= HEAD.size:
            length, checksum, kind = HEAD.unpack_from(view, start)
            if length > self.body_bytes_max:
                raise Rejected("frame", f"a frame claims {length} bytes, at most {self.body_bytes_max} are taken here")
            body = start + HEAD.size
            if self._end - body < length:
                break
            if zlib.crc32(view[body - 1 : body + length]) != checksum:
                raise Rejected("frame", f"a frame of {length} bytes does not match its checksum")
            if kind not in _KINDS:
                raise Rejected("frame", f"a frame is of kind {kind}, known are 1 to {max(_KINDS)}")
            yield _KINDS[kind], view[body : body + length]
            start = body + length
        self._keep_from(start)

    def _keep_from(self, start: int) -> None:
        """Move what is left to the front of a buffer that fits: larger only when a frame has filled this one."""
        left = self._end - start
        size = len(self._buffer)
        if left == size:
            size *= 2
        elif left <= BUFFER_BYTES // 2:
            size = BUFFER_BYTES
        if start == 0 and size == len(self._buffer):
            return
        moved = self._buffer[start : self._end]
        if size != len(self._buffer):
            self._buffer = bytearray(size)
        self._buffer[:left] = moved
        self._end = left
