"""Playing no faster than asked."""

from __future__ import annotations

import asyncio

from dojopool.errors import CallerError


class Pace:
    """Hands out turns at `rate` a second, over all who ask; without a rate at once. Must be made inside an event loop.

    A turn that comes late is not made up for: a player that was held up goes on at its pace instead of rushing.
    """

    def __init__(self, rate: float | None) -> None:
        if rate is not None and not rate > 0:
            raise CallerError(f"a rate of {rate} events per second was asked for; it must be above 0")
        self._interval_s = 0.0 if rate is None else 1 / rate
        self._next_s = 0.0
        self._now = asyncio.get_running_loop().time

    async def turn(self, count: int = 1) -> None:
        """Wait for `count` turns; the first of them is now or when the last one given out is over."""
        if self._interval_s:
            start_s = max(self._next_s, self._now())
            self._next_s = start_s + count * self._interval_s
            await asyncio.sleep(start_s - self._now())
