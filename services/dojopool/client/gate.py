"""A bounded place whose callers wait in line: whoever came first enters first, and nobody waits past a deadline."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Gate:
    """Lets callers into a bounded place in the order in which they came.

    `has_room(coming)` says whether one more fits beside those inside and the `coming` ones that were let in and are
    not inside yet. Whoever makes room calls `admit`.
    """

    def __init__(self, has_room: Callable[[int], bool]) -> None:
        self._has_room = has_room
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._coming = 0
        self.is_closed = False
        """Whether everyone is sent away."""

    @property
    def is_open(self) -> bool:
        """Whether a caller may enter at once: there is room, and nobody who came before is about to take it."""
        return not (self.is_closed or self._coming) and self._has_room(0)

    @asynccontextmanager
    async def entered(self, deadline_s: float) -> AsyncIterator[bool]:
        """Wait in line; the block may use one place, without awaiting. False: none came free before the loop's clock
        reached `deadline_s`, or the gate was closed.
        """
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self.admit()
        try:
            yield await self._granted(place, deadline_s)
        finally:
            if place in self._waiting:
                self._waiting.remove(place)
            elif place.done() and not place.cancelled() and place.result():
                self._coming -= 1
            self.admit()  # whatever was not used, because of an error or a cancellation, is the next one's

    def admit(self) -> None:
        """Let in as many of those who wait as there is room for."""
        while self._waiting and (self.is_closed or self._has_room(self._coming)):
            place = self._waiting.popleft()
            if not place.done():
                self._coming += not self.is_closed
                place.set_result(not self.is_closed)

    def close(self) -> None:
        """Send everyone away who waits or comes later."""
        self.is_closed = True
        self.admit()

    @staticmethod
    async def _granted(place: asyncio.Future[bool], deadline_s: float) -> bool:
        try:
            async with asyncio.timeout_at(deadline_s):
                return await place
        except TimeoutError:
            return False
