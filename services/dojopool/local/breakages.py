"""Things broken on purpose, and how soon a checker of each region says so: the second part of the demonstration.

Checkers start on the logs as they are. Then somebody scores above the maximum, breaks twice in a row, two scorekeepers
name different winners while the link between the regions is cut, and a node writes two events under one number. What
can be put right is put right, and must be cleared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from dojopool.adapters.system_clock import SystemClock
from dojopool.check_facts import CheckFacts
from dojopool.checker.config import CheckerConfig
from dojopool.checker.service import Checker
from dojopool.client.dojo import Dojo
from dojopool.client.violations import BEGINNING
from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.partition import partition_of
from dojopool.games.pool import FrameFinished, FrameStarted, MatchScheduled, PointsAwarded
from dojopool.local.embedded import PREFIX, Embedded
from dojopool.ports import Outgoing

SHOWN_S_MAX: Final = 20.0
"""For one violation to appear: the link may just have been healed."""

READY_S_MAX: Final = 60.0
LOOK_S: Final = 0.02
MAXIMUM: Final = 10
APPEND_TIMEOUT_S: Final = 10.0

Sight = tuple[str, str, str, str]
"""Region, match, rule and state of a violation."""


@dataclass(frozen=True, slots=True)
class Appeared:
    """One violation in one region."""

    what: str
    """What was done, in words."""
    region: str
    rule: str
    state: str
    delay_s: float | None
    """From the write to the record of the violation; None when it did not come."""


class Quiet:
    """A `CheckObserver` that keeps nothing: what counts here is on the topic."""

    def checked(self, facts: CheckFacts, *, publish_s: float) -> None:
        """Nothing to show."""

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """Nothing to show."""

    def partition_released(self, partition: int, *, reason: str) -> None:
        """Nothing to show."""

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        """Nothing to show: a violation that does not appear is shown."""


class Sights:
    """When each violation was seen first, by the loop's clock."""

    def __init__(self) -> None:
        self._seen: dict[Sight, asyncio.Future[float]] = {}

    async def follow(self, region: str, client: Dojo) -> None:
        """Read a region's violations, for ever."""
        async with aclosing(client.violations(since=BEGINNING)) as alerts:
            async for alert in alerts:
                found = alert.violation
                when = self._when((region, found.match or "", found.rule, found.state.value))
                if not when.done():
                    when.set_result(asyncio.get_running_loop().time())

    async def of(self, what: str, sight: Sight, *, since_s: float) -> Appeared:
        """Wait for a violation of something that was done at `since_s`."""
        region, _, rule, state = sight
        try:
            async with asyncio.timeout(SHOWN_S_MAX):
                delay_s = await asyncio.shield(self._when(sight)) - since_s
        except TimeoutError:
            return Appeared(what, region, rule, state, None)
        return Appeared(what, region, rule, state, max(0.0, delay_s))

    def _when(self, sight: Sight) -> asyncio.Future[float]:
        return self._seen.setdefault(sight, asyncio.get_running_loop().create_future())


@asynccontextmanager
async def checkers(pipeline: Embedded) -> AsyncIterator[None]:
    """A checker in each region while the context lasts, each of them caught up when it begins."""
    regions = tuple(pipeline.regions)
    running = [
        Checker(
            CheckerConfig(
                region=region, regions=regions, partitions=pipeline.partitions, prefix=PREFIX, owner=f"{region}/demo"
            ),
            log=pipeline.regions[region].log,
            loaded=pipeline.loaded,
            rules=tuple(pipeline.loaded.game.invariants.values()),
            codec=ViolationCodec(),
            clock=SystemClock(),
            observer=Quiet(),
        )
        for region in regions
    ]
    async with asyncio.TaskGroup() as tasks:
        for checker in running:
            tasks.create_task(checker.run())
        try:
            async with asyncio.timeout(READY_S_MAX):
                while not all(map(_is_caught_up, running)):  # noqa: ASYNC110 - a checker rings nobody
                    await asyncio.sleep(LOOK_S)
            yield
        finally:
            for checker in running:
                checker.stop()


def _is_caught_up(checker: Checker) -> bool:
    lanes = {} if checker.holdings is None else checker.holdings.lanes
    return len(lanes) == checker.config.partitions and not any(lane.is_catching_up for lane in lanes.values())


async def break_things(pipeline: Embedded, clients: Mapping[str, Dojo]) -> list[Appeared]:
    """Do everything that the module names, one after the other. `clients` by region, two of them."""
    sights = Sights()
    async with checkers(pipeline), asyncio.TaskGroup() as tasks:
        following = [tasks.create_task(sights.follow(region, client)) for region, client in clients.items()]
        shown = [
            *await _score(sights, clients),
            *await _turn(sights, clients),
            *await _winners(sights, clients, pipeline),
            *await _two_payloads(sights, clients, pipeline),
        ]
        for task in following:
            task.cancel()
    return shown


async def _score(sights: Sights, clients: Mapping[str, Dojo]) -> list[Appeared]:
    home, away = clients
    match = await _scheduled(clients[home], "demo-score")
    await clients[away].read(match, at_least=(await clients[home].read(match)).clock)
    handle = await clients[away].match(match)
    since_s = _now()
    await handle.record(PointsAwarded(frame=1, player="ana", points=MAXIMUM + 1))
    shown = await _in_each(sights, clients, match, "score-validity", "suspected", since_s, "a score above the maximum")
    since_s = _now()
    await handle.record(PointsAwarded(frame=1, player="ana", points=-1))
    return shown + await _in_each(sights, clients, match, "score-validity", "cleared", since_s, "the score corrected")


async def _turn(sights: Sights, clients: Mapping[str, Dojo]) -> list[Appeared]:
    home = next(iter(clients))
    handle = await clients[home].match(await _scheduled(clients[home], "demo-turn"))
    await handle.record(FrameStarted(frame=1, breaker="ana"))
    since_s = _now()
    await handle.record(FrameStarted(frame=2, breaker="ana"))
    return await _in_each(sights, clients, handle.id, "turn-order", "suspected", since_s, "a turn taken twice")


async def _winners(sights: Sights, clients: Mapping[str, Dojo], pipeline: Embedded) -> list[Appeared]:
    home, away = clients
    match = await _scheduled(clients[home], "demo-winners")
    await clients[away].read(match, at_least=(await clients[home].read(match)).clock)
    handles = {region: await client.match(match) for region, client in clients.items()}
    pipeline.cut()
    receipt = await handles[home].record(FrameFinished(frame=1, winner="ana"))
    other = await handles[away].record(FrameFinished(frame=1, winner="ben"))
    pipeline.heal()
    since_s = _now()
    what = "two winners across the cut, healed"
    shown = await _in_each(sights, clients, match, "single-winner", "suspected", since_s, what)
    await handles[home].read(at_least=receipt)
    await handles[home].read(at_least=other)
    since_s = _now()
    await handles[home].record(FrameFinished(frame=1, winner="ana"))
    what = "one scorekeeper decided"
    return shown + await _in_each(sights, clients, match, "single-winner", "cleared", since_s, what)


async def _two_payloads(sights: Sights, clients: Mapping[str, Dojo], pipeline: Embedded) -> list[Appeared]:
    home = next(iter(clients))
    match = await _scheduled(clients[home], "demo-equivocation")
    codec, number = pipeline.loaded.codec, partition_of(match, pipeline.partitions)
    envelope: dict[str, Any] = {"match": match, "node": f"{home}/twin#1", "seq": 1, "base": None, "context": None}
    said = [
        codec.encode(**envelope, stamp=1, type="foul_called", body={"frame": 1, "player": player})
        for player in ("ana", "ben")
    ]
    since_s = _now()
    async with pipeline.regions[home].log.writer() as writer:
        records = [Outgoing(match.encode(), value) for value in said]
        await writer.append(f"{PREFIX}.events.{home}", number, records, timeout_s=APPEND_TIMEOUT_S)
    return await _in_each(sights, clients, match, "equivocation", "confirmed", since_s, "two events under one number")


async def _scheduled(client: Dojo, match: str) -> str:
    handle = await client.match(match)
    receipt = await handle.record(
        MatchScheduled(players=["ana", "ben"], frames_to_play=3, break_rule="alternate", max_score=MAXIMUM)
    )
    await handle.read(at_least=receipt)
    return match


async def _in_each(
    sights: Sights, clients: Mapping[str, Dojo], match: str, rule: str, state: str, since_s: float, what: str
) -> list[Appeared]:
    waited = (sights.of(what, (region, match, rule, state), since_s=since_s) for region in clients)
    return [*await asyncio.gather(*waited)]


def _now() -> float:
    return asyncio.get_running_loop().time()
