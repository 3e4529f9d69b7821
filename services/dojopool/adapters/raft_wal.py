"""The disk of a Raft member as an engine without threads: a segmented log, snapshot files and a bookmark.

Term, vote, entries and snapshots are one ordered stream (rule D1). `append` collects, `sync` writes all of it as one
frame and flushes; nothing else writes the log, so whatever a crash tears is the last frame. The rules, by their numbers
in docs/raft.md:

- D4: after the first error nothing is written any more, for nobody knows what a second flush would mean.
- D5, D6: a torn last frame is cut off; anything else that is wrong is refused with file and offset.
- D7: a segment or snapshot is made beside its name, flushed, renamed, and the directory flushed.
- D9: a snapshot is durable before the log points at it, and the log points at it durably before anything is removed.
- D10: contradictions are refused.
- D11: the identity of the disk is in every file, and a file of another disk, member or group is refused.

The bookmark says how far the log was durable when the disk was last opened or closed or began a segment. A log that
ends before it was rolled back, and is refused. A directory rolled back as a whole, its bookmark included, looks as it
did then: only the other members can notice.

It runs on `Files`, so that the simulator breaks the very code that runs. Left out: locking and the writer thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Final
from zlib import crc32

from dojopool.adapters.raft_directory import Files
from dojopool.adapters.raft_wal_form import (
    COMPACTED,
    DISK_ID_BYTES,
    INSTALLED,
    Header,
    Pointer,
    entries_item,
    frame,
    hard_state_item,
    item,
    salt_of,
)
from dojopool.adapters.raft_wal_reader import (
    BOOKMARK,
    LOG,
    SNAPSHOT,
    TEMPORARY,
    Bookmark,
    Segment,
    read_directory,
    segment_name,
    snapshot_file,
)
from dojopool.core.raft.messages import HardState, Snapshot, Stored
from dojopool.errors import Unavailable
from dojopool.raft_ports import DiskWrite

SEGMENT_BYTES: Final = 64 << 20
"""The next segment is begun when the current one is longer: it is what compaction can remove at once, and about what a
start has to read."""


class Wal:
    """The log and snapshots of one member. Call `recover` once, first. `save` may run in another thread than the rest.

    Every method raises Unavailable once one of them met an error of the files: end the process.
    """

    def __init__(
        self,
        files: Files,
        *,
        cluster: str,
        node: int,
        draw_id: Callable[[], bytes],
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """`draw_id` gives 16 bytes that no other disk has; it is asked when the directory was never used."""
        self._files = files
        self._cluster, self._node = cluster, node
        self._draw_id = draw_id
        self._segment_bytes = segment_bytes
        self._segments: list[Segment] = []
        self._next = 1
        self._link = 0
        self._state = HardState()
        """The newest, durable or not."""
        self._durable_state = HardState()
        self._pointer: Pointer | None = None
        """The newest, durable or not."""
        self._durable_pointer: Pointer | None = None
        self._numbers = count(1)
        self._items: list[bytes] = []
        self._highest = 0
        self._must_sync = False
        self._is_replaced = False
        self._failure: str | None = None

    @property
    def disk_id(self) -> bytes:
        """16 bytes that name this disk, from `recover` on."""
        return self._segments[-1].header.disk_id

    def recover(self) -> Stored:
        """Read what is stored, cut a torn tail off and make ready for writing; found a directory that was never used.

        Raises CorruptState that names file, offset and remedy, and has changed nothing then.
        """
        with self._ending("read"):
            found = read_directory(self._files, cluster=self._cluster, node=self._node)
            self._segments, self._next, self._link = found.segments, found.next, found.link
            self._state = self._durable_state = found.stored.hard_state
            self._pointer = self._durable_pointer = found.pointer
            if not self._segments:
                disk_id = self._draw_id()
                assert len(disk_id) == DISK_ID_BYTES, disk_id
                self._begin_segment(disk_id)
                return found.stored
            last = self._segments[-1]
            if found.torn:
                self._files.truncate(last.name, last.size)
            # What a process wrote and was killed before flushing is read like the rest, and counts as stored from now
            # on: it is acknowledged without being written again (rule D2).
            self._files.fsync(last.name)
            self._remove_leftovers(self._files.names())
            self._write_bookmark()
            return found.stored

    def _remove_leftovers(self, names: Sequence[str]) -> None:
        """What a crash left beside the log: half-made files, and snapshots it does not point at."""
        current = "" if self._pointer is None else self._pointer.name
        if self._pointer is not None:
            self._numbers = count(self._pointer.number + 1)
        for name in names:
            half_made = name.endswith(TEMPORARY) and name.startswith((LOG, BOOKMARK, SNAPSHOT))
            if half_made or (name.startswith(SNAPSHOT) and name != current):
                self._files.remove(name)

    def append(self, write: DiskWrite) -> None:
        """Take a write. A snapshot in it is written to its own file at once; the rest waits for `sync`."""
        with self._ending("written"):
            if write.snapshot is not None:
                self._pointer = self.save(write.snapshot)
                self._items = [item(INSTALLED, self._pointer.encode())]  # it replaces what was waiting
                self._highest = 0
                self._is_replaced = True
            if write.entries:
                self._items.append(entries_item(write.entries))
                self._highest = max(self._highest, write.entries[-1].index)
            if write.hard_state is not None:
                self._state = write.hard_state
            self._must_sync |= write.must_sync or write.snapshot is not None or bool(write.entries)

    def sync(self) -> None:
        """Make all that was appended durable, with one write and one flush; with none when all of it can wait."""
        with self._ending("written"):
            if self._must_sync:
                self._write_frame()

    def save(self, snapshot: Snapshot) -> Pointer:
        """Write a snapshot to a file of its own, durable on return. Nothing points at it yet."""
        with self._ending("written"):
            data = snapshot_file(snapshot, self.disk_id)
            pointer = Pointer(snapshot.index, snapshot.term, next(self._numbers), len(data), crc32(data))
            self._make(pointer.name, data)
            return pointer

    def compact(self, snapshot: Snapshot, *, keep_from: int) -> None:
        """Keep a snapshot of the application and forget entries below `keep_from`: `save`, then `point`."""
        self.point(self.save(snapshot), keep_from=keep_from)

    def point(self, pointer: Pointer, *, keep_from: int) -> None:
        """Let the log begin behind a saved snapshot; on return that is durable, with all that was appended. Then remove
        the segments whose entries are all below `keep_from`, and older snapshots. A snapshot older than the one known
        is dropped instead.
        """
        with self._ending("written"):
            if self._pointer is not None and self._pointer.index > pointer.index:
                if pointer.name in self._files.names():
                    self._files.remove(pointer.name)
                return
            self._pointer = pointer
            self._items.append(item(COMPACTED, pointer.encode()))
            self._write_frame()
            self._remove_segments(keep_from=min(keep_from, pointer.index + 1))
            self._remove_snapshots()

    def close(self) -> None:
        """Note how far the log is durable. What was appended and not synced is lost."""
        with self._ending("written"):
            self._write_bookmark()

    def _write_frame(self) -> None:
        if self._segments[-1].size >= self._segment_bytes:
            self._begin_segment(self.disk_id)
        segment = self._segments[-1]
        payload = b"".join([*self._items, hard_state_item(self._state)])
        data, self._link = frame(salt_of(segment.header), self._next, payload)
        self._files.append(segment.name, data)
        self._files.fsync(segment.name)
        segment.size += len(data)
        segment.highest = max(segment.highest, self._highest)
        self._next += 1
        self._items, self._highest, self._must_sync = [], 0, False
        self._durable_state, self._durable_pointer = self._state, self._pointer
        if self._is_replaced:
            self._is_replaced = False
            self._remove_segments(keep_from=None)
            self._remove_snapshots()

    def _begin_segment(self, disk_id: bytes) -> None:
        """Its first frame says all that is durable and must be known when the segments before are gone."""
        former = self._segments[-1].header.number if self._segments else 0
        header = Header(disk_id, self._cluster, self._node, former + 1, self._next, self._link)
        known = [hard_state_item(self._durable_state)]
        if self._durable_pointer is not None:
            known.insert(0, item(COMPACTED, self._durable_pointer.encode()))
        base, self._link = frame(salt_of(header), self._next, b"".join(known))
        data = header.encode() + base
        self._make(segment_name(header.number), data)
        self._segments.append(Segment(header, len(data)))
        self._next += 1
        self._write_bookmark()

    def _remove_segments(self, *, keep_from: int | None) -> None:
        """Remove the oldest segments that hold only entries below `keep_from`; without one, all but the current."""
        while len(self._segments) > 1 and (keep_from is None or self._segments[0].highest < keep_from):
            self._files.remove(self._segments[0].name)
            self._files.fsync_dir()  # else a crash could bring this one back without the next
            del self._segments[0]

    def _remove_snapshots(self) -> None:
        """Remove the snapshots before the current one."""
        assert self._durable_pointer is not None
        for name in self._files.names():
            if name.startswith(SNAPSHOT) and not name.endswith(TEMPORARY) and name < self._durable_pointer.name:
                self._files.remove(name)

    def _make(self, name: str, data: bytes) -> None:
        self._files.create(name + TEMPORARY, data)
        self._files.fsync(name + TEMPORARY)
        self._files.rename(name + TEMPORARY, name)
        self._files.fsync_dir()

    def _write_bookmark(self) -> None:
        self._make(BOOKMARK, Bookmark(self.disk_id, self._next - 1, self._link).encode())

    @contextmanager
    def _ending(self, verb: str) -> Iterator[None]:
        """The first error of the files ends all use of them (rule D4)."""
        if self._failure is not None:
            raise Unavailable(self._failure)
        try:
            yield
        except OSError as error:
            self._failure = (
                f"the Raft log could not be {verb}: {error}; what was being written is in doubt and is not tried again:"
                " end this process, see to the disk, start it anew"
            )
            raise Unavailable(self._failure) from error
