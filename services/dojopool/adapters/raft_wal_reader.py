"""Reads the directory of a Raft member and tells the trace of a crash from damage. Changes nothing.

A crash can leave one bad frame at the very end, half-made files, and snapshots that the log does not point at yet.
Everything else is refused, with the file, the offset and what to do: what cannot be read never counts as empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Final
from zlib import crc32

from dojopool.adapters.raft_directory import Files
from dojopool.adapters.raft_wal_form import Damage, Frame, Header, Pointer, frames, read_header
from dojopool.adapters.raft_wal_replay import Replay
from dojopool.codec.raft_wire import decode_snapshot, encode_snapshot
from dojopool.core.raft.messages import Snapshot, Stored
from dojopool.errors import CorruptState, RefusedRecord

LOG: Final = "log-"
BOOKMARK: Final = "bookmark"
SNAPSHOT: Final = "snapshot-"
TEMPORARY: Final = ".new"

REMEDY: Final = (
    "nothing was changed; this disk must not vote: bring back the whole directory as it was last, or remove the member"
    " from its group, empty the directory and let it join again under a new id"
)

_BOOKMARK: Final = Struct("<8s16sQII")
_BOOKMARK_MAGIC: Final = b"DOJOBMK\x01"
_SNAPSHOT_MAGIC: Final = b"DOJOSNP\x01"


@dataclass(slots=True)
class Segment:
    """One file of the log."""

    header: Header
    size: int
    highest: int = 0
    """Highest index of an entry in it, 0 without one."""

    @property
    def name(self) -> str:
        """The file's name."""
        return segment_name(self.header.number)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A frame that is durable."""

    disk_id: bytes
    sequence: int
    crc: int

    def encode(self) -> bytes:
        """The content of the file."""
        data = _BOOKMARK.pack(_BOOKMARK_MAGIC, self.disk_id, self.sequence, self.crc, 0)
        return data[:-4] + crc32(data[:-4]).to_bytes(4, "little")


@dataclass(slots=True)
class Found:
    """What a directory holds."""

    segments: list[Segment] = field(default_factory=list)
    """In order; empty: the directory was never used."""
    next: int = 1
    """Sequence of the next frame."""
    link: int = 0
    """Checksum of the last frame."""
    torn: bool = False
    """Whether bytes of a torn frame follow the `size` of the last segment."""
    pointer: Pointer | None = None
    stored: Stored = field(default_factory=Stored)


def segment_name(number: int) -> str:
    """The file that holds a segment."""
    return f"{LOG}{number:010}"


def snapshot_file(snapshot: Snapshot, disk_id: bytes) -> bytes:
    """The content of a snapshot's file."""
    return _SNAPSHOT_MAGIC + disk_id + encode_snapshot(snapshot)


def read_directory(files: Files, *, cluster: str, node: int) -> Found:
    """What the directory of this member holds. Raises CorruptState, and OSError as `files` does."""
    names = files.names()
    logs = [name for name in names if name.startswith(LOG) and not name.endswith(TEMPORARY)]
    bookmark = _bookmark(files) if BOOKMARK in names else None
    if not logs:
        left = [name for name in names if name.startswith((BOOKMARK, SNAPSHOT)) and not name.endswith(TEMPORARY)]
        if left:
            raise _corrupt(left[0], 0, "the log that belonged to it is gone")
        return Found()
    reading = _Reading(files, cluster, node, bookmark)
    for name in logs:
        reading.segment(name)
    return reading.end(names)


class _Reading:
    """One pass over the segments."""

    def __init__(self, files: Files, cluster: str, node: int, bookmark: Bookmark | None) -> None:
        self._files = files
        self._owner = (cluster, node)
        self._bookmark = bookmark
        self._durable = 0 if bookmark is None else bookmark.sequence
        self._replay = Replay()
        self._found = Found()

    def segment(self, name: str) -> None:
        """Read one, the next by name."""
        data = self._files.read(name)
        try:
            header, at = read_header(data)
        except ValueError as error:
            raise _corrupt(name, 0, str(error)) from error
        self._judge_header(name, header)
        segment = Segment(header, len(data))
        self._found.segments.append(segment)
        found: Frame | Damage
        for found in frames(data, header, at):
            if isinstance(found, Frame):
                self._take(segment, found)
            else:
                self._judge_damage(name, found)
                segment.size, self._found.torn = found.offset, True
        if self._found.next == header.first:
            raise _corrupt(name, at, "the frame that every segment begins with is missing")

    def _judge_header(self, name: str, header: Header) -> None:
        node, cluster = header.node, header.cluster
        if (cluster, node) != self._owner:
            here = f"this is node {self._owner[1]} of {self._owner[0]}"
            raise _corrupt(name, 0, f"it belongs to node {node} of {cluster}, {here}")
        if name != segment_name(header.number):
            raise _corrupt(name, 0, f"its content is that of {segment_name(header.number)}")
        if self._bookmark is not None and header.disk_id != self._bookmark.disk_id:
            other = self._bookmark.disk_id.hex()
            raise _corrupt(name, 0, f"it is of disk {header.disk_id.hex()}, the bookmark of {other}")
        if not self._found.segments:
            self._found.next, self._found.link = header.first, header.link
            return
        former = self._found.segments[-1].header
        if header.number != former.number + 1:
            raise _corrupt(name, 0, f"{segment_name(former.number + 1)} is missing before it")
        if (header.disk_id, header.first, header.link) != (former.disk_id, self._found.next, self._found.link):
            raise _corrupt(name, 0, f"it does not continue {segment_name(former.number)} as that ends now")

    def _take(self, segment: Segment, found: Frame) -> None:
        bookmark = self._bookmark
        if bookmark is not None and found.sequence == bookmark.sequence and found.crc != bookmark.crc:
            raise _corrupt(segment.name, found.offset, "another frame stood here when the bookmark was set")
        try:
            segment.highest = max(segment.highest, self._replay.take(found.payload))
        except ValueError as error:
            raise _corrupt(segment.name, found.offset, str(error)) from error
        self._found.next, self._found.link = found.sequence + 1, found.crc

    def _judge_damage(self, name: str, found: Damage) -> None:
        if found.valid_at is not None:
            raise _corrupt(name, found.offset, f"{found.reason}; valid data follows at offset {found.valid_at}")
        if found.sequence <= self._durable:  # so it is in every segment but the last
            raise _corrupt(name, found.offset, f"{found.reason}; what stood here was durable")

    def end(self, names: Sequence[str]) -> Found:
        """Judge the whole."""
        found, last = self._found, self._found.segments[-1]
        if self._bookmark is None and (last.header.number, found.next) != (1, 2):
            raise _corrupt(BOOKMARK, 0, "the file is missing")
        if found.next <= self._durable:
            short = f"the log ends with frame {found.next - 1} and was durable up to frame {self._durable}"
            raise _corrupt(last.name, last.size, f"{short}: it was rolled back")
        try:
            hard_state, entries = self._replay.result()
        except ValueError as error:
            raise _corrupt(last.name, last.size, str(error)) from error
        found.pointer = self._replay.pointer
        snapshot = None
        if found.pointer is not None:
            if found.pointer.name not in names:
                raise _corrupt(found.pointer.name, 0, "the file is missing, the log points at it")
            snapshot = _snapshot(found.pointer, self._files.read(found.pointer.name), last.header.disk_id)
        found.stored = Stored(hard_state, snapshot, entries)
        return found


def _snapshot(pointer: Pointer, data: bytes, disk_id: bytes) -> Snapshot:
    head = _SNAPSHOT_MAGIC + disk_id
    if data[: len(head)] != head:
        raise _corrupt(pointer.name, 0, "it is no snapshot of this disk")
    if (len(data), crc32(data)) != (pointer.size, pointer.crc):
        wanted = f"the {pointer.size} bytes that the log points at"
        raise _corrupt(pointer.name, len(head), f"its {len(data)} bytes are not {wanted}")
    try:
        return decode_snapshot(data[len(head) :])
    except RefusedRecord as error:
        raise _corrupt(pointer.name, len(head), str(error)) from error


def _bookmark(files: Files) -> Bookmark:
    data = files.read(BOOKMARK)
    if len(data) != _BOOKMARK.size or crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise _corrupt(BOOKMARK, 0, f"its {len(data)} bytes do not have the checksum they end with")
    magic, disk_id, sequence, crc, _ = _BOOKMARK.unpack(data)
    if magic != _BOOKMARK_MAGIC:
        raise _corrupt(BOOKMARK, 0, f"it begins with {magic!r}, a bookmark begins with {_BOOKMARK_MAGIC!r}")
    return Bookmark(disk_id, sequence, crc)


def _corrupt(name: str, offset: int, reason: str) -> CorruptState:
    return CorruptState(f"{name}, offset {offset}: {reason}; {REMEDY}")
