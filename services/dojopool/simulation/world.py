"""Virtual time: a queue of what happens next, and the one seed from which all chance comes.

Nothing here sleeps. Time jumps from event to event, and two events of one instant happen in the order in which they
were asked for, so that equal seeds give equal runs.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Final

Action = Callable[[], None]

MS: Final = 1_000
"""One millisecond of virtual time; time is counted in whole microseconds."""
SECOND: Final = 1_000 * MS


class World:
    """The clock, and everything that is going to happen."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now = 0
        """Microseconds since the run began."""
        self._queue: list[tuple[int, int, Action]] = []
        self._asked = 0

    def chance(self, concern: str) -> Random:
        """A source of its own for one concern: what one draws does not shift what the others draw."""
        return Random(f"{self.seed}/{concern}")  # noqa: S311 - to be repeated by its seed, not to be secret

    def after(self, delay: int, action: Action) -> None:
        """Let `action` happen `delay` microseconds from now, after all that was asked for at that instant before."""
        assert delay >= 0
        self._asked += 1
        heappush(self._queue, (self.now + delay, self._asked, action))

    def run(self, until: int, *, stop: Callable[[], bool] | None = None) -> bool:
        """Let happen what is due up to `until` inclusive; end early, with True, once `stop` says so after an event."""
        queue = self._queue
        while queue and queue[0][0] <= until:
            self.now, _, action = heappop(queue)
            action()
            if stop is not None and stop():
                return True
        self.now = max(self.now, until)
        return False
