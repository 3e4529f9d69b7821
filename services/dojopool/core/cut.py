"""Marks and positions: how far a stream was read, said in words that mean the same in every region.

A *stream* is the records of one region's events in one partition. Offsets differ between a region and its mirrors, and
a mirror repeats records after a restart, so offsets cannot name a point in the stream. *Marks* can: the region's own
programs append `mark(region, tick, time)` about once a second, ticks count from 1, and mirroring keeps the order of
first occurrences. "Up to tick t" therefore names one set of events everywhere.

`Position` is what state carries per stream: the next offset to read here, and the last mark with its local offset. The
offset of the mark is kept because a log that was replaced, or lost its tail, no longer holds that mark there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dojopool.errors import StreamBroken


@dataclass(frozen=True, slots=True)
class Mark:
    """A control record of a stream, written by a program of the stream's own region."""

    region: str
    tick: int
    """Number of the mark in its stream, from 1, without holes."""
    time_ms: int
    """Wall clock of the writer; serves lag and staleness, never order."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far one stream of one partition was read, in this region."""

    next_offset: int = 0
    """Offset of the next record to read; every record below it is in the state."""
    tick: int = 0
    """Tick of the last mark read, 0 before the first."""
    mark_offset: int = -1
    """Offset of that mark's first occurrence here, -1 before the first."""
    mark_time_ms: int = 0
    """Time that mark carries."""

    def moved_to(self, next_offset: int) -> Position:
        """The same position with everything below `next_offset` read."""
        return replace(self, next_offset=next_offset)

    def marked(self, mark: Mark, offset: int) -> Position:
        """The position after `mark` was read at `offset`.

        A tick already seen is a repeat and moves only the next offset. Raises StreamBroken when a tick is missing.
        """
        if mark.tick <= self.tick:
            return self.moved_to(offset + 1)
        if mark.tick > self.tick + 1:
            raise StreamBroken(
                f"the stream of region {mark.region} jumps from mark {self.tick} (offset {self.mark_offset}) to mark"
                f" {mark.tick} (offset {offset}): records between them are missing from this copy of the log."
                " Copy them again from the region's own log, or rebuild this partition from a snapshot"
            )
        return Position(next_offset=offset + 1, tick=mark.tick, mark_offset=offset, mark_time_ms=mark.time_ms)
