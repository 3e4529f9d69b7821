"""How long an accepted event takes to be readable in every other region, measured on a sample with the SDK alone.

For an event accepted while regions were linked, the time from its receipt; for one accepted while the link was cut, the
time from the moment it was healed: nothing could have been faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Final

from dojopool.client.dojo import Dojo
from dojopool.client.receipts import Accepted
from dojopool.errors import Unavailable

WAITING_MAX: Final = 400
"""Reads waiting at one time: enough for a percentile, and no load worth mentioning."""


@dataclass(slots=True)
class Delays:
    """Delays in seconds, those of events written while linked apart from those written while cut."""

    healthy: list[float] = field(default_factory=list)
    healed: list[float] = field(default_factory=list)


class ConvergenceProbe:
    """Samples accepted events, by reading them in the other regions. The reads run in `tasks`."""

    def __init__(self, clients: Mapping[str, Dojo], tasks: asyncio.TaskGroup, *, every: int, timeout_s: float) -> None:
        self.delays = Delays()
        self._clients, self._tasks, self._every, self._timeout_s = clients, tasks, every, timeout_s
        self._cuts = 0
        self._healed_at: float | None = None
        """When the last cut was healed; None before the first heal and while the link is cut."""
        self._seen = self._reading = 0

    def link_was_cut(self) -> None:
        """From now on events are counted as written while cut."""
        self._cuts += 1
        self._healed_at = None

    def link_was_healed(self) -> None:
        """From now on events are counted as written while linked; for those written before, time begins now."""
        self._healed_at = asyncio.get_running_loop().time()

    def note(self, receipt: Accepted) -> None:
        """Take an accepted event into the sample, if it is its turn and not too many are being waited for."""
        self._seen += 1
        if self._seen % self._every == 0 and self._reading < WAITING_MAX:
            self._reading += 1
            self._tasks.create_task(self._follow(receipt))

    async def _follow(self, receipt: Accepted) -> None:
        now = asyncio.get_running_loop().time
        accepted_at, cuts = now(), self._cuts
        was_cut = cuts > 0 and self._healed_at is None
        others = [client for region, client in self._clients.items() if region != receipt.region]
        try:
            for other in others:
                await other.read(receipt.match, at_least=receipt, timeout_s=self._timeout_s)
        except Unavailable:
            return  # not seen there in time: the digests will say so, a delay cannot
        finally:
            self._reading -= 1
        if not was_cut and self._cuts == cuts:
            self.delays.healthy.append(now() - accepted_at)
        else:  # it was cut off, or its copy was on the way when the link was cut
            self.delays.healed.append(now() - max(accepted_at, self._healed_at or accepted_at))


def p50_and_p99(delays: list[float]) -> tuple[float, float] | None:
    """Median and 99th percentile, None for fewer than two values."""
    if len(delays) < 2:
        return None
    cuts = quantiles(delays, n=100, method="inclusive")
    return cuts[49], cuts[98]
