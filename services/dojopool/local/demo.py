"""The demonstration: a season of league matches played from two regions, with the link between them cut for a while.

Everything shown is measured in this run, and what must be right is checked: every event was accepted, each region shows
all of them, and the digests of all matches are the same in both. Then things are broken on purpose (`breakages`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from dojopool.client.dojo import Dojo
from dojopool.client.receipts import Accepted, Receipt
from dojopool.core.clock import VectorClock
from dojopool.errors import Unavailable
from dojopool.games.loading import LoadedGame, load_game
from dojopool.local.breakages import Appeared, break_things
from dojopool.local.convergence import ConvergenceProbe, Delays, p50_and_p99
from dojopool.local.embedded import Embedded, embedded
from dojopool.local.league import MatchPlan
from dojopool.local.player import PlayReport, play
from dojopool.ports import BatchFacts

REGIONS: Final = ("eu", "us")
PARTITIONS: Final = 8
EVENTS_PER_S: Final = 2_000.0
"""Slow enough to watch, and to leave the processor to what is measured: the season then takes a few seconds."""

SAMPLE_EVERY: Final = 5
CUT_FROM: Final = 1 / 3
CUT_TO: Final = 2 / 3
"""Part of the season during which the link is cut."""

CONVERGE_TIMEOUT_S: Final = 20.0

Progress = Callable[[int, int, bool], None]
"""`progress(done, total, is_cut)`."""


class Watcher:
    """Observes one region's replica and adds up what its batches were."""

    links_max = 0
    """A demonstration is not traced."""

    def __init__(self) -> None:
        self.duplicates = self.waited = 0
        self.problems: list[str] = []

    def batch_applied(self, facts: BatchFacts, *, write_s: float) -> None:
        """Count."""
        self.duplicates += facts.duplicates
        self.waited += facts.waited

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """Nothing to show."""

    def partition_released(self, partition: int, *, reason: str) -> None:
        """Nothing to show."""

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        """Keep the reason."""
        self.problems.append(f"partition {partition}: {error}")

    def mark_failed(self, partition: int, *, error: Exception) -> None:
        """Keep the reason."""
        self.problems.append(f"a mark of partition {partition}: {error}")

    def letter_written(self, *, topic: str, partition: int, offset: int, kind: str, reason: str) -> None:
        """Keep the reason: nothing the demonstration writes should become a letter."""
        self.problems.append(f"{topic}/{partition}/{offset} became a dead letter: {reason}")


@dataclass(slots=True)
class DemoReport:
    """What happened."""

    played: PlayReport
    matches: int
    cut_s: float
    """How long the link was cut; to the end when it was not healed."""
    delays: Delays
    duplicates: dict[str, int]
    waited: dict[str, int]
    problems: list[str]
    digests: dict[str, str]
    broken_rules: Counter[str] = field(default_factory=Counter)
    """Rule -> matches that break it."""
    appeared: list[Appeared] = field(default_factory=list)
    """Violations of what was broken on purpose; none when the link was not healed."""
    example: str = ""
    """A match worth looking at: the first that breaks a rule, else the first."""

    @property
    def is_good(self) -> bool:
        """Whether every event was accepted and is in both regions, which hold the same, and what broke was told."""
        is_told = all(found.delay_s is not None for found in self.appeared)
        return is_told and self.played.is_good and not self.problems and len(set(self.digests.values())) == 1

    def to_json(self) -> dict[str, Any]:
        """Everything shown, as plain values; delays in milliseconds, null where too few were measured."""
        return {
            "ok": self.is_good,
            "played": self.played.to_json(),
            "matches": self.matches,
            "cut_s": round(self.cut_s, 3),
            "convergence_ms": {
                "while_linked": _milliseconds(self.delays.healthy),
                "after_the_heal": _milliseconds(self.delays.healed),
            },
            "duplicates": self.duplicates,
            "waited": self.waited,
            "rules_broken": dict(self.broken_rules),
            "violations": [asdict(found) for found in self.appeared],
            "problems": self.problems,
            "digests": self.digests,
            "example": self.example,
        }


def _milliseconds(delays: list[float]) -> dict[str, float | int] | None:
    found = p50_and_p99(delays)
    if found is None:
        return None
    return {"p50": round(found[0] * 1000, 1), "p99": round(found[1] * 1000, 1), "events": len(delays)}


class Link:
    """Cuts the link between the regions when a third of the season is played, and heals it after two thirds."""

    def __init__(self, pipeline: Embedded, probe: ConvergenceProbe, *, total: int, heals: bool) -> None:
        self._pipeline, self._probe, self._total, self._heals = pipeline, probe, total, heals
        self._cut_at: float | None = None
        self._healed_at: float | None = None

    @property
    def is_cut(self) -> bool:
        """Whether the link is cut now."""
        return self._cut_at is not None and self._healed_at is None

    @property
    def cut_s(self) -> float:
        """How long the link was cut, or has been."""
        if self._cut_at is None:
            return 0.0
        return (self._healed_at or asyncio.get_running_loop().time()) - self._cut_at

    def follow(self, done: int) -> None:
        """Do what is due once `done` events were answered."""
        now = asyncio.get_running_loop().time()
        if self._cut_at is None and done >= self._total * CUT_FROM:
            self._cut_at = now
            self._pipeline.cut()
            self._probe.link_was_cut()
        elif self.is_cut and self._heals and done >= self._total * CUT_TO:
            self._healed_at = now
            self._pipeline.heal()
            self._probe.link_was_healed()


async def run_demo(
    plans: Sequence[MatchPlan],
    *,
    progress: Progress,
    rate: float | None = EVENTS_PER_S,
    heals: bool = True,
    converge_timeout_s: float = CONVERGE_TIMEOUT_S,
) -> DemoReport:
    """Play `plans` at `rate` events a second and report.

    With `heals` False the link stays cut, and the report is not good.
    """
    loaded = load_game("pool")
    watchers = {region: Watcher() for region in REGIONS}
    async with AsyncExitStack() as stack:
        pipeline = await stack.enter_async_context(
            embedded(loaded, regions=REGIONS, partitions=PARTITIONS, observers=watchers)
        )
        clients = {region: await stack.enter_async_context(pipeline.connect(region)) for region in REGIONS}
        async with asyncio.TaskGroup() as tasks:
            probe = ConvergenceProbe(clients, tasks, every=SAMPLE_EVERY, timeout_s=converge_timeout_s)
            link = Link(pipeline, probe, total=sum(len(plan.home) + len(plan.away) for plan in plans), heals=heals)
            played = await play(plans, clients, rate=rate, answered=_answers(plans, link, probe, progress))
            problems = await _unseen(clients, played.clocks, timeout_s=converge_timeout_s)
        report = DemoReport(
            played=played,
            matches=len(plans),
            cut_s=link.cut_s,
            delays=probe.delays,
            duplicates={region: watcher.duplicates for region, watcher in watchers.items()},
            waited={region: watcher.waited for region, watcher in watchers.items()},
            problems=problems + [problem for watcher in watchers.values() for problem in watcher.problems],
            digests=await pipeline.region_digests(),
        )
        await _judge(report, clients[REGIONS[0]], loaded, [plan.match for plan in plans])
        if heals:
            report.appeared = await break_things(pipeline, clients)
    return report


def _answers(
    plans: Sequence[MatchPlan], link: Link, probe: ConvergenceProbe, progress: Progress
) -> Callable[[Receipt], None]:
    """What is to be done at each answer."""
    total = sum(len(plan.home) + len(plan.away) for plan in plans)
    done = 0

    def answered(receipt: Receipt) -> None:
        nonlocal done
        done += 1
        if isinstance(receipt, Accepted):
            probe.note(receipt)
        link.follow(done)
        progress(done, total, link.is_cut)

    return answered


async def _unseen(clients: Mapping[str, Dojo], clocks: Mapping[str, VectorClock], *, timeout_s: float) -> list[str]:
    """Wait until every region shows everything accepted; what is missing after `timeout_s`, a line per region."""
    now = asyncio.get_running_loop().time
    deadline = now() + timeout_s
    problems = []
    for region, client in clients.items():
        missing = 0
        for match, clock in clocks.items():
            try:
                await client.read(match, at_least=clock, timeout_s=max(0.001, deadline - now()))
            except Unavailable:
                missing += 1
        if missing:
            problems.append(f"region {region} does not show everything that was accepted of {missing} matches")
    return problems


async def _judge(report: DemoReport, client: Dojo, loaded: LoadedGame, matches: Sequence[str]) -> None:
    """Count the matches that break each rule of the game."""
    report.example = matches[0]
    for match in matches:
        broken = loaded.game.violations((await client.read(match)).state)
        if broken and not report.broken_rules:
            report.example = match
        report.broken_rules.update(broken)
