"""One timer for many deadlines: rings at the earliest, so that a deadline costs a comparison and not a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf


class Alarm:
    """Calls `ring` once the loop's clock reaches the earliest time it was set to; then it must be set again."""

    __slots__ = ("_ring", "_timer", "_when_s")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._when_s = inf
        self._timer: asyncio.TimerHandle | None = None

    def at(self, when_s: float) -> None:
        """Ring at `when_s` of the loop's clock, unless it rings earlier."""
        if when_s < self._when_s:
            self.cancel()
            self._when_s = when_s
            self._timer = asyncio.get_running_loop().call_at(when_s, self._now)

    def cancel(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.cancel()
        self._when_s, self._timer = inf, None

    def _now(self) -> None:
        self._when_s, self._timer = inf, None
        self._ring()
