"""Waking whoever waits in memory, as a server's push wakes a client that holds a long poll.

There is no lock and no lost ring: on one event loop nothing happens between looking whether there is something and
beginning to wait for the next ring, as long as the caller does not await in between.
"""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes everyone who waits when it rings; whoever comes later waits for the next ring."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        self._event.set()
        self._event = asyncio.Event()

    async def rung(self) -> None:
        """Wait for the next ring."""
        await self._event.wait()

    async def rung_before(self, deadline_s: float) -> bool:
        """Wait for the next ring; False when the loop's clock reaches `deadline_s` first."""
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._event.wait()
        except TimeoutError:
            return False
        return True
