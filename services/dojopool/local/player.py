"""Playing matches through the SDK: two scorekeepers a match, each in a region of its own, many matches at a time.

A scorekeeper writes its events in order and waits for each answer before the next, and looks at the match before each
frame, so that what it writes has seen what had come from the other region by then. It waits for nothing of the other:
a match is as concurrent as two people with a score sheet each, and the log gets as many events at once as there are
scorekeepers under way.

An event whose outcome is unknown is waited for, since it may still arrive and must not be recorded anew. When it stays
unknown the play ends: what comes later would only wait behind it. What was not begun then is counted as left out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dojopool.client import Accepted, Dojo, Receipt, Rejected, Unknown
from dojopool.core.clock import VectorClock
from dojopool.errors import CallerError, DojoError, Unavailable
from dojopool.games.pool import PoolEvent
from dojopool.local.league import MatchPlan
from dojopool.local.pace import Pace

SCOREKEEPERS_MAX: Final = 256
"""Under way at a time: their events share appends, and a slow partition holds up only its own."""

SETTLE_TIMEOUT_S: Final = 60.0
"""How long an unknown outcome is waited for: longer than a broker takes to come back."""

REASONS_MAX: Final = 20
"""Distinct reasons of rejections that are kept; a thousand equal ones are one."""


@dataclass(slots=True)
class PlayReport:
    """What became of the events of a play."""

    events: int
    """That were to be played."""
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why events were rejected or stayed unknown."""
    clocks: dict[str, VectorClock] = field(default_factory=dict)
    """Per match, what a view has seen once it shows everything that was accepted."""

    @property
    def left_out(self) -> int:
        """Events that were not tried, because the play ended before."""
        return self.events - self.accepted - self.rejected - self.unknown

    @property
    def per_second(self) -> float:
        """Events accepted per second, over the whole play."""
        return self.accepted / self.seconds if self.seconds else 0.0

    @property
    def is_good(self) -> bool:
        """Whether every event was accepted."""
        return self.accepted == self.events

    def to_json(self) -> dict[str, Any]:
        """The figures, as commands print them."""
        return {
            "matches": len(self.clocks),
            "events": self.events,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "unknown": self.unknown,
            "left_out": self.left_out,
            "seconds": round(self.seconds, 3),
            "events_per_second": round(self.per_second),
            "reasons": dict(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class _Part:
    """What one scorekeeper does in one match."""

    client: Dojo
    match: str
    events: Sequence[PoolEvent]


async def play(
    plans: Sequence[MatchPlan],
    clients: Mapping[str, Dojo],
    *,
    rate: float | None = None,
    answered: Callable[[Receipt], None] | None = None,
) -> PlayReport:
    """Play every match: the home scorekeeper through the first of `clients` (by region), the away one through the
    second, or through the same when there is only one.

    At most `rate` events a second in all. `answered` is told the final receipt of each event. Matches begin in the
    order given. Raises what the SDK raises, such as Unavailable when a region's store does not answer.
    """
    if not clients:
        raise CallerError("a play needs at least one region")
    return await _Play(plans, list(clients.values()), Pace(rate), answered).run()


class _Play:
    def __init__(
        self,
        plans: Sequence[MatchPlan],
        clients: Sequence[Dojo],
        pace: Pace,
        answered: Callable[[Receipt], None] | None,
    ) -> None:
        self._parts = _parts(plans, home=clients[0], away=clients[min(1, len(clients) - 1)])
        self._report = PlayReport(events=sum(len(plan.home) + len(plan.away) for plan in plans))
        self._pace, self._answered = pace, answered
        self._failure: DojoError | None = None
        self._has_ended = False

    async def run(self) -> PlayReport:
        now = asyncio.get_running_loop().time
        started_s = now()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(SCOREKEEPERS_MAX):
                tasks.create_task(self._keep_scores())
        if self._failure is not None:
            raise self._failure
        self._report.seconds = now() - started_s
        return self._report

    async def _keep_scores(self) -> None:
        """One part after another, until there is none left or the play has ended."""
        for part in self._parts:
            try:
                await self._play_part(part)
            except DojoError as error:
                self._failure = self._failure or error
                self._has_ended = True
            if self._has_ended:
                return

    async def _play_part(self, part: _Part) -> None:
        handle = await part.client.match(part.match)
        frame: int | None = None
        for event in part.events:
            await self._pace.turn()
            if self._has_ended:
                return
            if getattr(event, "frame", None) != frame:
                frame = getattr(event, "frame", None)
                with contextlib.suppress(Unavailable):  # who cannot look at the score goes on writing
                    await handle.read()
            receipt = await handle.record(event)
            self._note(await part.client.settle(receipt, timeout_s=SETTLE_TIMEOUT_S))

    def _note(self, receipt: Receipt) -> None:
        report = self._report
        match receipt:
            case Accepted():
                report.accepted += 1
                report.clocks[receipt.match] = report.clocks.get(receipt.match, VectorClock()).merge(receipt.clock)
            case Rejected():
                report.rejected += 1
                self._note_reason(receipt.reason)
            case Unknown():
                report.unknown += 1
                self._note_reason(receipt.reason)
                self._has_ended = True
        if self._answered is not None:
            self._answered(receipt)

    def _note_reason(self, reason: str) -> None:
        if reason in self._report.reasons or len(self._report.reasons) < REASONS_MAX:
            self._report.reasons[reason] += 1


def _parts(plans: Sequence[MatchPlan], *, home: Dojo, away: Dojo) -> Iterator[_Part]:
    for plan in plans:
        yield _Part(home, plan.match, plan.home)
        yield _Part(away, plan.match, plan.away)
