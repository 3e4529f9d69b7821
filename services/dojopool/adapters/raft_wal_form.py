"""How the log of a Raft member lies in its files: segments of frames, each frame one flush; and what damage looks like.

    segment = magic:8 disk id:16 node number first:u64 link:u32 length of cluster:u8, cluster, crc:u32, then frames
    frame   = salt length crc:u32 sequence:u64, payload
    payload = items: kind:u8 length:u32, body

A frame is what one flush makes durable. So at most the last frame of the last segment can be torn by a crash, and
whatever a crash leaves of it, holes included, is one bad frame with nothing valid behind it. A bad frame with a valid
one behind it was durable once, so it is damage. Behind a bad frame lengths mean nothing: the search for a valid one
goes from salt to salt. The salt is drawn from the segment's header and the sequence never repeats, so bytes of another
segment, an older life of the file or another disk do not pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

from dojopool.codec.raft_wire import encode_entries, encode_hard_state
from dojopool.core.raft.messages import Entry, HardState

MAGIC: Final = b"DOJOWAL\x01"
DISK_ID_BYTES: Final = 16

_HEADER: Final = Struct("<8s16sQQQIB")
_CRC: Final = Struct("<I")
_FRAME: Final = Struct("<IIIQ")
_COUNTED: Final = Struct("<IQ")
_ITEM: Final = Struct("<BI")
_POINTER: Final = Struct("<QQQQI")

ENTRIES: Final = 1
HARD_STATE: Final = 2
INSTALLED: Final = 3
"""A snapshot replaced the whole log."""
COMPACTED: Final = 4
"""A snapshot stands for the log up to its index; what is above stays."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first bytes of a segment."""

    disk_id: bytes
    cluster: str
    node: int
    number: int
    """Counts the segments of a disk from 1."""
    first: int
    """Sequence of the first frame."""
    link: int
    """Checksum of the last frame of the segment before, 0 when there was none."""

    def encode(self) -> bytes:
        """Its bytes."""
        cluster = self.cluster.encode()
        head = _HEADER.pack(MAGIC, self.disk_id, self.node, self.number, self.first, self.link, len(cluster)) + cluster
        return head + _CRC.pack(crc32(head))


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which file holds a snapshot, and what that file must be."""

    index: int
    term: int
    number: int
    """Tells files of one index apart."""
    size: int
    crc: int

    def encode(self) -> bytes:
        """Its bytes."""
        return _POINTER.pack(self.index, self.term, self.number, self.size, self.crc)

    @classmethod
    def decode(cls, data: bytes) -> Pointer:
        """Undo `encode`. Raises ValueError for anything else."""
        if len(data) != _POINTER.size:
            raise ValueError(f"a snapshot's pointer has {len(data)} bytes, not {_POINTER.size}")
        return cls(*_POINTER.unpack(data))

    @property
    def name(self) -> str:
        """The file's name."""
        return f"snapshot-{self.index:016}-{self.number:08}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One flush."""

    offset: int
    sequence: int
    crc: int
    payload: bytes
    end: int
    """Offset of the first byte behind it."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Where the good frames of a segment end, when bytes follow."""

    offset: int
    sequence: int
    """Of the frame that should stand there."""
    reason: str
    valid_at: int | None
    """Offset of a valid frame behind it: then no crash can be the cause."""


def read_header(data: bytes) -> tuple[Header, int]:
    """The header of a segment and the offset of its first frame. Raises ValueError that says what is wrong."""
    if len(data) < _HEADER.size:
        raise ValueError(f"it has {len(data)} bytes, too few for its header")
    magic, disk_id, node, number, first, link, length = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise ValueError(f"it begins with {magic!r}, a segment begins with {MAGIC!r}")
    size = _HEADER.size + length
    if len(data) < size + _CRC.size or _CRC.unpack_from(data, size)[0] != crc32(data[:size]):
        raise ValueError("the checksum of its header is wrong")
    cluster = data[_HEADER.size : size].decode()
    return Header(disk_id, cluster, node, number, first, link), size + _CRC.size


def salt_of(header: Header) -> int:
    """What every frame of a segment begins with: the checksum of its header. (A checksum over that one too would be
    the same for all headers.)
    """
    salt: int
    (salt,) = _CRC.unpack(header.encode()[-_CRC.size :])
    return salt


def frame(salt: int, sequence: int, payload: bytes) -> tuple[bytes, int]:
    """The bytes of a frame and its checksum."""
    crc = crc32(payload, crc32(_COUNTED.pack(len(payload), sequence), salt))
    return _FRAME.pack(salt, len(payload), crc, sequence) + payload, crc


def frames(data: bytes, header: Header, at: int) -> Iterator[Frame | Damage]:
    """The good frames from offset `at`, then the damage if the bytes do not end with a good frame."""
    salt, sequence = salt_of(header), header.first
    while at < len(data):
        found = _frame_at(data, at, salt)
        if isinstance(found, str) or found.sequence != sequence:
            reason = found if isinstance(found, str) else f"its sequence is {found.sequence}, not {sequence}"
            yield Damage(at, sequence, reason, _valid_behind(data, at, salt, sequence))
            return
        yield found
        at, sequence = found.end, sequence + 1


def _frame_at(data: bytes, at: int, salt: int) -> Frame | str:
    """The frame at an offset, or what is wrong there."""
    if len(data) - at < _FRAME.size:
        return f"{len(data) - at} bytes are too few for a frame"
    found, length, crc, sequence = _FRAME.unpack_from(data, at)
    if found != salt:
        return "no frame of this segment begins here"
    start = at + _FRAME.size
    if not 0 < length <= len(data) - start:
        return f"its length is {length}, {len(data) - start} bytes are left"
    payload = data[start : start + length]
    if crc32(payload, crc32(_COUNTED.pack(length, sequence), salt)) != crc:
        return "its checksum is wrong"
    return Frame(at, sequence, crc, payload, start + length)


def _valid_behind(data: bytes, at: int, salt: int, sequence: int) -> int | None:
    """Offset of a valid frame behind `at` that was written later than `sequence`."""
    beginning = _CRC.pack(salt)
    while (at := data.find(beginning, at + 1)) >= 0:
        found = _frame_at(data, at, salt)
        if isinstance(found, Frame) and found.sequence > sequence:
            return at
    return None


def entries_item(entries: tuple[Entry, ...]) -> bytes:
    """Entries, as an item of a payload."""
    return item(ENTRIES, encode_entries(entries))


def hard_state_item(state: HardState) -> bytes:
    """A hard state, as an item of a payload."""
    return item(HARD_STATE, encode_hard_state(state))


def item(kind: int, body: bytes) -> bytes:
    """One item of a payload."""
    return _ITEM.pack(kind, len(body)) + body


def items(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each item. Raises ValueError when they do not fill the payload."""
    at = 0
    while at < len(payload):
        if len(payload) - at < _ITEM.size:
            raise ValueError(f"{len(payload) - at} bytes are too few for an item")
        kind, length = _ITEM.unpack_from(payload, at)
        at += _ITEM.size
        if length > len(payload) - at:
            raise ValueError(f"an item of {length} bytes, {len(payload) - at} are left")
        yield kind, payload[at : at + length]
        at += length
