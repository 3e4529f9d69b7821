"""One partition of the in-memory log: records with rising offsets, a first offset that rises, repeats recognised.

Offsets are kept on the records and looked up by bisection, because a log may have holes: where a broker keeps
transaction markers no reader sees a record. Left out: segments, retention by time and compaction.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record of a log. All of it is immutable, so that handing it out shares nothing that can change."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int
    """Milliseconds since the epoch, set when the record was first appended; copies keep it."""


class PartitionLog:
    """The records of one partition.

    `first` is the lowest offset still held, `end` the offset of the next record to come; reading starts anywhere from
    the one to the other.
    """

    __slots__ = ("_last_of_writer", "_records", "end", "first")

    def __init__(self) -> None:
        self.first = 0
        self.end = 0
        self._records: list[StoredRecord] = []
        self._last_of_writer: dict[int, tuple[int, int]] = {}

    def append(self, records: Sequence[StoredRecord]) -> int:
        """Keep copies of `records` under the next offsets, which replace their own, and return the first."""
        start = self.end
        self._records += [
            StoredRecord(offset, record.key, record.value, record.headers, record.timestamp)
            for offset, record in enumerate(records, start)
        ]
        self.end = start + len(records)
        return start

    def append_once(self, records: Sequence[StoredRecord], *, writer: int, sequence: int) -> int:
        """Append a writer's batch unless its number was seen last, and return where the batch starts.

        That is what makes a producer idempotent: a batch whose acknowledgement it missed is sent again under the same
        number. Only the last number is remembered, because a writer has one batch of a partition under way.
        """
        last = self._last_of_writer.get(writer)
        if last is not None and last[0] == sequence:
            return last[1]
        offset = self.append(records)
        self._last_of_writer[writer] = (sequence, offset)
        return offset

    def read(self, start: int, end: int | None = None) -> list[StoredRecord]:
        """The records at `start` and above, and below `end` when one is given."""
        until = len(self._records) if end is None else self._index(end)
        return self._records[self._index(start) : until]

    def trim(self, before: int) -> None:
        """Forget what is below `before`, which is at most `end`. The first offset never falls."""
        if before > self.first:
            del self._records[: self._index(before)]
            self.first = before

    def cut_tail(self, records: int) -> None:
        """Lose the newest records, at most all that are held; their offsets are given again."""
        if records > 0 and self._records:
            self.end = self._records[-records:][0].offset
            del self._records[-records:]

    def leave_hole(self, offsets: int) -> None:
        """Skip offsets that no record will have."""
        self.end += offsets

    def back_from(self, offset: int, *, records: int) -> int:
        """The offset of the record that is `records` before `offset`, or of the first one held."""
        index = max(self._index(offset) - records, 0)
        return self._records[index].offset if index < len(self._records) else offset

    def _index(self, offset: int) -> int:
        return bisect_left(self._records, offset, key=attrgetter("offset"))
