"""The real league file with mistakes in it, played from two regions while checkers are killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack

from dojopool.adapters.memory_partition import StoredRecord
from dojopool.checker.config import CheckerConfig
from dojopool.checker.service import Checker
from dojopool.core.invariants.history import History
from dojopool.core.partition import partition_of
from dojopool.local.demo import Watcher
from dojopool.local.embedded import PREFIX, Embedded, embedded
from dojopool.local.league import SAMPLE, MatchPlan, read_league
from dojopool.local.player import play
from support.checking import CODEC, OWN_RULES, CheckedFacts
from support.mistakes import Broken, Mistake, season_of
from support.pipeline import NOW_MS, POOL, LoopClock

REGIONS = ("eu", "us")
PARTITIONS = 4
SEED = 20171
DEADLINE_S = 120.0
EVENTS_PER_S = 2_000.0


class Checkers:
    """A checker for each region, which can be killed and started again."""

    def __init__(self, pipeline: Embedded, tasks: asyncio.TaskGroup) -> None:
        self._pipeline, self._tasks = pipeline, tasks
        self.running: dict[str, asyncio.Task[None]] = {}
        self.kills = 0

    def start(self, region: str) -> None:
        """Start one; the last one is gone without having settled anything."""
        if region in self.running:
            self.running[region].cancel()
            self.kills += 1
        config = CheckerConfig(
            region=region, regions=REGIONS, partitions=PARTITIONS, prefix=PREFIX, owner=f"{region}/{self.kills}"
        )
        checker = Checker(
            config,
            log=self._pipeline.regions[region].log,
            loaded=POOL,
            rules=OWN_RULES,
            codec=CODEC,
            clock=LoopClock(),
            observer=CheckedFacts(),
        )
        self.running[region] = self._tasks.create_task(checker.run())


def history_of(pipeline: Embedded, region: str) -> tuple[History, dict[tuple[str, str, str], set[bytes]]]:
    """Where the violations of a region stand, and the forms of each id, state and clock."""
    history = History()
    forms: dict[tuple[str, str, str], set[bytes]] = {}
    for number in range(PARTITIONS):
        for record in pipeline.regions[region].log.partition((f"{PREFIX}.violations", number)).read(0):
            violation = CODEC.decode(record.value or b"")
            history.add(violation)
            named = (violation.id, violation.state.value, str(violation.clock))
            forms.setdefault(named, set()).add(record.value or b"")
    return history, forms


def open_in(pipeline: Embedded, region: str) -> set[Broken]:
    """The open violations of a region."""
    latest = [standing.latest for standing in history_of(pipeline, region)[0].standings.values()]
    return {(found.rule, found.match or "", found.key) for found in latest if found.state.is_open}


def make(pipeline: Embedded, mistake: Mistake) -> None:
    """Write a mistake into its region's log, by a node of its own that has read nothing."""
    value = POOL.codec.encode(
        match=mistake.match,
        node=f"{mistake.region}/careless#1",
        seq=1,
        base=None,
        context=None,
        stamp=(NOW_MS << 16) + (1 << 50),
        type=mistake.type,
        body=mistake.body,
    )
    stream = (f"{PREFIX}.events.{mistake.region}", partition_of(mistake.match, PARTITIONS))
    record = StoredRecord(-1, mistake.match.encode(), value, (), NOW_MS)
    pipeline.regions[mistake.region].log.copy_in(stream, [record])


async def until(condition: Callable[[], Mapping[str, set[Broken]]], wanted: set[Broken]) -> None:
    """Wait until every region has exactly these open."""
    end_s = asyncio.get_running_loop().time() + DEADLINE_S
    while any(found != wanted for found in condition().values()):
        assert asyncio.get_running_loop().time() < end_s, {
            region: {"more": found - wanted, "less": wanted - found} for region, found in condition().items()
        }
        await asyncio.sleep(0.5)  # the next look, on a clock that jumps


async def played_with_kills(
    pipeline: Embedded,
    checkers: Checkers,
    mistakes: Sequence[Mistake],
    played: Callable[[Sequence[MatchPlan]], Awaitable[object]],
) -> None:
    """Play the file in thirds; mistakes follow the matches they are about; a checker dies between any two steps."""
    plans = read_league(SAMPLE)
    third = -(-len(plans) // 3)
    for region in REGIONS:
        checkers.start(region)
    for start in range(0, len(plans), third):
        some = plans[start : start + third]
        await played(some)
        checkers.start("eu")
        names = {plan.match for plan in some}
        for mistake in mistakes:
            if mistake.match in names:
                make(pipeline, mistake)
        checkers.start("us")


async def test_a_season_with_mistakes_leaves_exactly_these_open() -> None:
    """Both regions name every mistake and nothing else, though their checkers were killed on the way; whatever was
    published twice is the same bytes.
    """
    season = season_of(SAMPLE, seed=SEED)
    watchers = {region: Watcher() for region in REGIONS}
    async with AsyncExitStack() as stack:
        pipeline = await stack.enter_async_context(
            embedded(POOL, regions=REGIONS, partitions=PARTITIONS, observers=watchers)
        )
        clients = {region: await stack.enter_async_context(pipeline.connect(region)) for region in REGIONS}
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        checkers = Checkers(pipeline, tasks)
        await played_with_kills(
            pipeline, checkers, season.mistakes, lambda plans: play(plans, clients, rate=EVENTS_PER_S)
        )
        await until(lambda: {region: open_in(pipeline, region) for region in REGIONS}, season.broken)
        forms = {region: history_of(pipeline, region)[1] for region in REGIONS}
        for task in checkers.running.values():
            task.cancel()

    assert checkers.kills == 6
    assert {rule for rule, _, _ in season.broken} == {rule.name for rule in OWN_RULES}
    assert len(season.mistakes) > 50
    assert all(len(found) == 1 for of_region in forms.values() for found in of_region.values())
