"""The lane of one partition in a checker: records in, violations published, in order, one append on the way at a time.

While the partition is read from its beginning nothing is judged: what was wrong once and is right by now concerns
nobody. When everything that was in the log at the take-over is folded, every match is judged once, what is published
and no longer holds is cleared, and from then on a batch judges the matches that changed in it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dojopool.check_facts import IDS_MAX, CheckFacts, CheckObserver
from dojopool.checker.publisher import Publisher
from dojopool.core.invariants.judge import judge
from dojopool.core.invariants.register import Register
from dojopool.core.invariants.rules import Rule
from dojopool.core.invariants.stream_findings import proven_by
from dojopool.core.invariants.violation import Violation
from dojopool.core.record import Record
from dojopool.core.streams import Fed
from dojopool.errors import EnvironmentFault
from dojopool.ports import Clock
from dojopool.replica.failpoints import OFF, Failpoints
from dojopool.replica.intake import Intake
from dojopool.replica.partition import OwnedPartition

TURN_MATCHES_MAX: Final = 200
"""Matches judged without letting other tasks run: about 20 ms."""

SWEEP_MATCHES_MAX: Final = 250
"""Matches judged again at a time because something of them may have been put off."""

SWEEP_PERIOD_S: Final = 1.0
"""Between two such times: what is new must not wait for what was put off. About 50 ms in each."""


@dataclass
class CheckLane(Intake):
    """One partition on its way from records to violations. Used by one task."""

    partition: OwnedPartition
    topics: Mapping[str, str]
    rules: Sequence[Rule]
    known: Register
    """What is published of the partition."""
    targets: Mapping[str, int]
    """Per region, the end of the log when the partition was taken over."""
    publisher: Publisher
    clock: Clock
    observer: CheckObserver
    tasks: asyncio.TaskGroup
    """Owns the appends."""
    failpoints: Failpoints = OFF
    left: dict[str, Sequence[Record]] = field(default_factory=dict)
    trouble: str | None = None
    lost: EnvironmentFault | None = None
    writes: tuple[asyncio.Task[None], ...] = ()
    sweep: list[str] = field(default_factory=list)
    """Matches that are still to be judged again, the next one last."""
    swept_s: float = 0.0
    """When some were last judged again, by the loop's clock."""

    @property
    def watcher(self) -> CheckObserver:
        return self.observer

    @property
    def is_catching_up(self) -> bool:
        """Whether something that was in the log at the take-over is not folded yet. A stream that is broken or full is
        not waited for.
        """
        streams, broken = self.partition.streams, self.partition.broken
        return any(
            streams.positions[region].next_offset < end
            for region, end in self.targets.items()
            if region not in broken and not streams.is_full(region)
        )

    async def _loaded(self, pieces: Mapping[str, Sequence[Record]]) -> bool:
        return True  # all matches of the partition are in memory: there is no store to load them from

    async def _fold_and_send(
        self, pieces: Mapping[str, Sequence[Record]], ends: Mapping[str, int | None]
    ) -> dict[str, int]:
        now = asyncio.get_running_loop().time
        began_s = now()
        fed = await self._feed(pieces)
        number = self.partition.number
        news = [
            violation
            for region, done in fed.items()
            for violation in self.known.proven(proven_by(done, region=region, partition=number))
        ]
        matches: list[str] = []
        judging_s = now()
        if not self.is_catching_up:
            matches = self._due()
            news += await self._judge(matches)
        suppressed, self.known.suppressed = self.known.suppressed, Counter()
        facts = CheckFacts(
            partition=number,
            records=sum(done.records for done in fed.values()),
            events=sum(done.delivered for done in fed.values()),
            matches=len(matches),
            nodes=len({node for match_id in matches for node in self.partition.fold.matches[match_id].inbox.nodes}),
            rules=len(self.rules),
            published=Counter((violation.rule, violation.state.value) for violation in news),
            suppressed=suppressed,
            ids=tuple(violation.id for violation in news[:IDS_MAX]),
            open_count=self.known.open_count,
            judge_s=now() - judging_s,
            began_s=began_s,
            oldest_ms=_oldest_ms(pieces, fed),
            lag_records=self._lag_records(ends),
            is_catching_up=self.is_catching_up,
        )
        before = self.writes[-1:]
        self.writes = (*before, self.tasks.create_task(self._send(news, facts, before)))
        return {region: done.records for region, done in fed.items()}

    def _due(self) -> list[str]:
        """The matches to judge now: those that changed, and some of those of which something was put off."""
        fold, known = self.partition.fold, self.known
        changed = fold.take_changed()
        now_s = asyncio.get_running_loop().time()
        if now_s < self.swept_s + SWEEP_PERIOD_S:
            return list(changed)
        if not self.sweep and known.is_behind:
            known.is_behind = False
            self.sweep = list(fold.matches)
        if self.sweep:
            self.swept_s = now_s
        again, self.sweep = self.sweep[-SWEEP_MATCHES_MAX:], self.sweep[:-SWEEP_MATCHES_MAX]
        return [*changed, *(match_id for match_id in again if match_id not in changed)]

    async def _judge(self, matches: Sequence[str]) -> list[Violation]:
        fold, kind, rules = self.partition.fold, self.partition.fold.kind, self.rules
        now_s, at_ms = asyncio.get_running_loop().time(), self.clock.now_ms()
        news: list[Violation] = []
        for count, match_id in enumerate(matches, start=1):
            match = fold.matches[match_id]
            judgements = judge(rules, kind, match.root, at_ms=at_ms)
            news += self.known.judged(match_id, match, judgements, now_s=now_s)
            if count % TURN_MATCHES_MAX == 0:
                await asyncio.sleep(0)
        return news

    async def _send(self, news: Sequence[Violation], facts: CheckFacts, before: Collection[asyncio.Task[None]]) -> None:
        """Publish what was found, once what was found before it is published."""
        now = asyncio.get_running_loop().time
        if before:
            await asyncio.wait(before)
        started = now()
        if news:
            self.failpoints.reach("judged")
            await self.publisher.write(facts.partition, news, suppressed=facts.suppressed, failed=self._failed)
            self.failpoints.reach("published")
        self.trouble = None
        self.observer.checked(facts, publish_s=now() - started)


def _oldest_ms(pieces: Mapping[str, Sequence[Record]], fed: Mapping[str, Fed]) -> int | None:
    times = [pieces[region][0].timestamp for region, done in fed.items() if done.records]
    return min(times, default=None)
