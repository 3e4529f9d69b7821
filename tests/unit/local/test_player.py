"""A play goes through the SDK: in order per scorekeeper, concurrent between them, and every outcome is counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.adapters.memory_store import MemoryStore
from dojopool.adapters.system_clock import SystemClock
from dojopool.client import Accepted, Dojo, Receipt, Rejected, open_dojo
from dojopool.core.event import Event
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError, Unavailable
from dojopool.games.loading import load_game
from dojopool.games.pool import FoulCalled, MatchFinished, PointsAwarded
from dojopool.local.league import MatchPlan
from dojopool.local.player import SCOREKEEPERS_MAX, PlayReport, play
from dojopool.local.topics import create_topics
from support.virtual_time import run_in_virtual_time

POOL = load_game("pool")
REGIONS = ("eu", "us")
PARTITIONS = 4
TOO_LONG = "x" * 65536
HOME = tuple(PointsAwarded(frame=1, player="ana", points=points) for points in (1, 2, 3))
AWAY = tuple(FoulCalled(frame=frame, player="bo") for frame in (1, 2))


class Stage:
    """Regions' logs and stores, without replicas: what is played is looked at in the logs."""

    def __init__(self, *regions: str) -> None:
        self.logs = {region: MemoryLog(region=region) for region in regions or REGIONS}
        self.stores = {region: MemoryStore(region=region) for region in self.logs}
        self.answers: list[Receipt] = []

    async def play(self, plans: Sequence[MatchPlan], *, rate: float | None = None) -> PlayReport:
        """Play through a connection of each region."""
        async with AsyncExitStack() as stack:
            clients = {region: await stack.enter_async_context(self.client(region)) for region in self.logs}
            return await play(plans, clients, rate=rate, answered=self.answers.append)

    def written(self, region: str, match: str) -> list[Event]:
        """The events of a match in a region's log, in log order."""
        place = (f"test.events.{region}", partition_of(match, PARTITIONS))
        values = [record.value or b"" for record in self.logs[region].partition(place).read(0)]
        events = map(POOL.codec.decode, values)
        return [event for event in events if isinstance(event, Event) and event.match == match]

    @asynccontextmanager
    async def client(self, region: str) -> AsyncIterator[Dojo]:
        """A connection of one region, whose topics are made first."""
        log = self.logs[region]
        async with log.admin() as admin:
            await create_topics({region: admin}, regions=tuple(self.logs), partitions=PARTITIONS, prefix="test")
        async with open_dojo(
            log=log,
            views=self.stores[region],
            clock=SystemClock(),
            loaded=POOL,
            region=region,
            regions=tuple(self.logs),
            partitions=PARTITIONS,
            prefix="test",
            node=f"{region}/player#1",
        ) as dojo:
            yield dojo


def points_of(events: Sequence[Event]) -> list[int]:
    """The points awarded, in order."""
    return [event.body.points for event in events if event.type == "points_awarded"]


def test_each_scorekeeper_writes_in_its_region() -> None:
    """Home events are in the first region's log, away events in the second's, each in order and numbered."""
    stage = Stage()
    report = run_in_virtual_time(stage.play([MatchPlan("m-1", HOME, AWAY)]))
    home, away = stage.written("eu", "m-1"), stage.written("us", "m-1")

    assert points_of(home) == [1, 2, 3]
    assert [event.body.frame for event in away] == [1, 2]
    assert [event.dot for event in home] == [("eu/player#1", seq) for seq in (1, 2, 3)]
    assert (report.events, report.accepted, report.left_out, report.is_good) == (5, 5, 0, True)
    assert report.to_json() == {
        "matches": 1,
        "events": 5,
        "accepted": 5,
        "rejected": 0,
        "unknown": 0,
        "left_out": 0,
        "seconds": 0.0,
        "events_per_second": 0,
        "reasons": {},
    }


def test_scorekeepers_do_not_wait_for_each_other() -> None:
    """Nothing that one writes says that it has seen the other."""
    stage = Stage()
    run_in_virtual_time(stage.play([MatchPlan("m-1", HOME, AWAY)]))

    assert not any(event.context for region in REGIONS for event in stage.written(region, "m-1"))


def test_one_region_plays_both_parts() -> None:
    """With one region both scorekeepers write there; they share a node and are concurrent all the same."""
    stage = Stage("eu")
    report = run_in_virtual_time(stage.play([MatchPlan("m-1", HOME[:1], AWAY[:1])]))
    first, second = stage.written("eu", "m-1")

    assert report.is_good
    assert {first.type, second.type} == {"points_awarded", "foul_called"}
    assert not second.sees(first.dot)


def test_the_clocks_contain_what_was_accepted() -> None:
    """The report says, per match, which events a view must contain to show the whole play."""
    stage = Stage()
    report = run_in_virtual_time(stage.play([MatchPlan("m-1", HOME, AWAY), MatchPlan("m-2", HOME, ())]))

    assert {match: clock.as_dict() for match, clock in report.clocks.items()} == {
        "m-1": {"eu/player#1": 3, "us/player#1": 2},
        "m-2": {"eu/player#1": 3},
    }


def test_every_answer_is_told() -> None:
    """Progress is told once for each event, with its receipt."""
    stage = Stage()
    run_in_virtual_time(stage.play([MatchPlan(f"m-{number}", HOME, AWAY) for number in range(10)]))

    assert len(stage.answers) == 50
    assert all(isinstance(answer, Accepted) for answer in stage.answers)


def test_a_rejected_event_is_counted_with_its_reason() -> None:
    """An event that can never be written is left out, and its scorekeeper goes on."""
    unusable = FoulCalled.model_construct(frame=1, player=TOO_LONG)
    stage = Stage()
    report = run_in_virtual_time(stage.play([MatchPlan("m-1", (unusable, *HOME), (unusable,))]))
    [(reason, count)] = report.reasons.items()

    assert (report.accepted, report.rejected, report.left_out, report.is_good) == (3, 2, 0, False)
    assert (count, "65" in reason) == (2, True)
    assert points_of(stage.written("eu", "m-1")) == [1, 2, 3]
    assert sum(isinstance(answer, Rejected) for answer in stage.answers) == 2


def test_an_outcome_that_settles_is_no_trouble() -> None:
    """A log that answers late delays the play; every event is in it once at the end."""
    stage = Stage("eu")
    stage.logs["eu"].fail_next_append(stored=False, times=12)
    report = run_in_virtual_time(stage.play([MatchPlan("m-1", HOME, ())]))

    assert (report.is_good, report.unknown) == (True, 0)
    assert report.seconds > 10.0
    assert points_of(stage.written("eu", "m-1")) == [1, 2, 3]


def test_an_outcome_that_stays_unknown_ends_the_play() -> None:
    """When a log stays silent, no more than what was under way is tried, and the rest is counted as left out."""
    stage = Stage("eu")
    plans = [MatchPlan(f"m-{number}", HOME, ()) for number in range(2 * SCOREKEEPERS_MAX)]

    async def silent() -> PlayReport:
        async with stage.client("eu") as client:
            stage.logs["eu"].stop_answering()
            return await play(plans, {"eu": client})

    report = run_in_virtual_time(silent())

    assert report.accepted == 0
    assert 0 < report.unknown <= SCOREKEEPERS_MAX
    assert report.left_out == report.events - report.unknown
    assert not report.is_good


def test_a_silent_store_is_raised() -> None:
    """A region whose store does not answer ends the play with the error, bare of any group."""
    stage = Stage("eu")

    async def silent() -> None:
        async with stage.client("eu") as client:
            stage.stores["eu"].stop_answering()
            await play([MatchPlan("m-1", HOME, ())], {"eu": client})

    with pytest.raises(Unavailable):
        run_in_virtual_time(silent())


def test_a_rate_is_kept_over_all_matches() -> None:
    """At ten events a second, 21 events of seven matches take two seconds."""
    stage = Stage()
    plans = [MatchPlan(f"m-{number}", (HOME[0], MatchFinished()), AWAY[:1]) for number in range(7)]
    report = run_in_virtual_time(stage.play(plans, rate=10))

    assert report.seconds == pytest.approx(2.0, abs=0.2)
    assert report.per_second == pytest.approx(10.5, rel=0.1)


def test_the_number_under_way_is_bounded() -> None:
    """A season does not begin all of its matches at once."""
    under_way: set[str] = set()
    most = 0

    stage = Stage("eu")
    plans = [MatchPlan(f"m-{number}", HOME, ()) for number in range(3 * SCOREKEEPERS_MAX)]
    run_in_virtual_time(stage.play(plans))
    seen: dict[str, int] = {}
    for answer in stage.answers:
        assert isinstance(answer, Accepted)
        seen[answer.match] = seen.get(answer.match, 0) + 1
        under_way.add(answer.match)
        most = max(most, len(under_way))
        if seen[answer.match] == len(HOME):
            under_way.discard(answer.match)

    assert 1 < most <= SCOREKEEPERS_MAX


async def test_a_play_needs_a_region() -> None:
    """Without a connection there is nothing to play through."""
    with pytest.raises(CallerError, match="at least one region"):
        await play([], {})


def test_an_empty_play_is_good() -> None:
    """No matches are no failure."""
    report = run_in_virtual_time(Stage("eu").play([]))

    assert (report.events, report.is_good, report.per_second) == (0, True, 0.0)
