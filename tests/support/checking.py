"""Checkers at work on the in-memory log of a region, and what they published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from dojopool.adapters.memory_partition import StoredRecord
from dojopool.check_facts import CheckFacts
from dojopool.checker.config import CheckerConfig
from dojopool.checker.service import Checker
from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.invariants.rules import Rule
from dojopool.core.invariants.violation import Violation
from dojopool.replica.failpoints import OFF, Failpoints
from support.pipeline import DEADLINE_S, NOW_MS, POOL, LoopClock, Pipeline, until

CODEC = ViolationCodec()
OWN_RULES = tuple(POOL.game.invariants.values())


def check_facts(**changes: Any) -> CheckFacts:
    """A batch in which one violation was found."""
    facts = CheckFacts(
        partition=3,
        records=10,
        events=9,
        matches=4,
        nodes=2,
        rules=5,
        published={("single-winner", "suspected"): 1},
        suppressed={"known-player": 7},
        ids=("a1",),
        open_count=1,
        judge_s=0.002,
        began_s=0.0,
        oldest_ms=NOW_MS,
        lag_records={"eu": 6},
        is_catching_up=False,
    )
    return replace(facts, **changes)


@dataclass(slots=True)
class CheckedFacts:
    """An observer that remembers everything."""

    batches: list[CheckFacts] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def checked(self, facts: CheckFacts, *, publish_s: float) -> None:
        self.batches.append(facts)

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """Nothing to remember."""

    def partition_released(self, partition: int, *, reason: str) -> None:
        """Nothing to remember."""

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        self.failed.append(str(error))


@dataclass(slots=True)
class Checking:
    """A checker at work."""

    checker: Checker
    facts: CheckedFacts
    task: asyncio.Task[None]

    def has_read(self, pipeline: Pipeline, *, partition: int = 0) -> bool:
        """Whether everything in the streams of a partition is folded and what it gave is published."""
        lanes = {} if self.checker.holdings is None else self.checker.holdings.lanes
        if partition not in lanes or not all(write.done() for write in lanes[partition].writes):
            return False
        ends = {
            region: pipeline.log.partition((topic, partition)).end for region, topic in pipeline.config.topics.items()
        }
        return all(lanes[partition].partition.next_offset(region) == end for region, end in ends.items())


class Region(Pipeline):
    """A pipeline with a violations topic."""

    def __init__(self, *, partitions: int = 1) -> None:
        super().__init__(partitions=partitions)
        self.log.create("dojo.violations", partitions=partitions, config={})

    @asynccontextmanager
    async def checking(
        self, owner: str = "checker-1", *, rules: Sequence[Rule] = OWN_RULES, failpoints: Failpoints = OFF
    ) -> AsyncIterator[Checking]:
        """A running checker, told to stop at the end, which it must do well."""
        config = CheckerConfig(
            region="eu",
            regions=self.regions,
            partitions=self.partitions,
            prefix=self.prefix,
            owner=owner,
            failpoints=failpoints,
        )
        facts = CheckedFacts()
        checker = Checker(
            config, log=self.log, loaded=POOL, rules=rules, codec=CODEC, clock=LoopClock(), observer=facts
        )
        task = asyncio.create_task(checker.run())  # allowed: awaited below, before this returns
        try:
            yield Checking(checker, facts, task)
            checker.stop()
            async with asyncio.timeout(DEADLINE_S):
                await task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def checked(self, checking: Checking, *, partition: int = 0) -> None:
        """Wait until a checker has read and published everything."""
        await until(lambda: checking.has_read(self, partition=partition), "everything read is judged and published")

    async def check_once(self) -> CheckedFacts:
        """Let a checker read everything there is, and end."""
        async with self.checking() as checking:
            for number in range(self.partitions):
                await self.checked(checking, partition=number)
        return checking.facts

    def published_records(self, partition: int = 0) -> Sequence[StoredRecord]:
        """The records of the violations topic."""
        return self.log.partition(("dojo.violations", partition)).read(0)

    def published(self, partition: int = 0) -> list[Violation]:
        """The violations published, in order."""
        return [CODEC.decode(record.value or b"") for record in self.published_records(partition)]

    def told(self, partition: int = 0) -> list[tuple[str, str, str]]:
        """State, rule and key of what was published, in order."""
        return [(found.state.value, found.rule, found.key) for found in self.published(partition)]
