"""Hybrid logical clock: a stamp that reads like a time, grows along causality and breaks ties between concurrent
writes.

A stamp is one integer, `milliseconds << 16 | logical`. A new stamp is the wall clock or one above the highest stamp
read, whichever is larger, so that an event is always stamped above everything its writer had seen, however wrong any
clock is (Kulkarni et al. 2014). The logical part carries into the milliseconds by plain addition when it is full.

An observed stamp is always followed: refusing it at delivery would let two replicas differ. What is guarded is this
machine's own wall clock: it may run at most `ahead_ms_max` ahead of the region's time, as marks show it, before it is
capped. So a game server whose clock is a day ahead cannot win every tie for a day.
"""

from __future__ import annotations

from typing import Final

from dojopool.core.event import STAMP_MAX
from dojopool.errors import InvalidEvent

LOGICAL_BITS: Final = 16

AHEAD_MS_MAX: Final = 10_000
"""Milliseconds by which a wall clock may lead the region's time: above mark period, mark lag and honest clock error
together, and still small beside the hours by which broken clocks are wrong.
"""


class HybridClock:
    """Makes stamps for one writer. Not for use from several threads."""

    __slots__ = ("_highest", "_region_ms", "_seen_at_ms")

    def __init__(self) -> None:
        self._highest = 0
        self._region_ms: int | None = None
        self._seen_at_ms = 0

    def observe(self, stamp: int) -> None:
        """Take note of a stamp that was read; every later stamp of this clock is above it, while there is one."""
        if stamp > self._highest:
            self._highest = stamp

    def observe_region(self, mark_ms: int, *, elapsed_ms: int) -> None:
        """Take note of the time of the region's newest mark, read when this machine's monotonic clock stood at
        `elapsed_ms`.

        The region's time is then estimated as the newest mark's plus what has passed here since.
        """
        if self._region_ms is None or mark_ms > self._region_ms:
            self._region_ms, self._seen_at_ms = mark_ms, elapsed_ms

    def stamp(self, wall_ms: int, *, elapsed_ms: int) -> int:
        """A stamp above every stamp made or observed here while there is one, and no more ahead of the region's time
        than its guard allows.

        `wall_ms` is the wall clock, `elapsed_ms` the monotonic clock, both in milliseconds. Above STAMP_MAX there is
        none: who has read it, as anybody may write it, makes that one again, and ties fall to node and number. Raises
        InvalidEvent for a wall clock beyond all stamps.
        """
        if self._region_ms is not None:
            wall_ms = min(wall_ms, self._region_ms + (elapsed_ms - self._seen_at_ms) + AHEAD_MS_MAX)
        wall = wall_ms << LOGICAL_BITS
        if wall > STAMP_MAX:
            raise InvalidEvent(f"the wall clock says {wall_ms} ms, and the largest stamp possible is {STAMP_MAX}")
        stamp = min(max(wall, self._highest + 1), STAMP_MAX)
        self._highest = stamp
        return stamp
