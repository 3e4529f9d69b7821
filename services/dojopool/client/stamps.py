"""Stamps for the events of one connection: the hybrid clock of core, fed with this machine's clocks."""

from __future__ import annotations

import asyncio

from dojopool.core.clock import HybridClock
from dojopool.ports import Clock


class Stamps:
    """One hybrid clock for all matches of a connection. Must be used inside an event loop."""

    __slots__ = ("_clock", "_hybrid", "_loop")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hybrid = HybridClock()
        self._loop = asyncio.get_running_loop()

    def next(self) -> int:
        """A stamp above every one made or observed, the largest there is once that was. Raises InvalidEvent for a wall
        clock beyond all stamps.
        """
        return self._hybrid.stamp(self._clock.now_ms(), elapsed_ms=self._elapsed_ms())

    def observe(self, stamp: int) -> None:
        """Take note of the stamp of a view that was read."""
        self._hybrid.observe(stamp)

    def observe_region(self, mark_ms: int) -> None:
        """Take note of the time of the region's newest mark, by which this machine's wall clock is guarded."""
        self._hybrid.observe_region(mark_ms, elapsed_ms=self._elapsed_ms())

    def _elapsed_ms(self) -> int:
        return int(self._loop.time() * 1000)
