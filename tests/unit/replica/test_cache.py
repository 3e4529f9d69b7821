"""Matches that are not written any more leave memory, and are loaded again when they are."""

from __future__ import annotations

import pytest

from dojopool.core.cut import Position
from dojopool.errors import Refused
from dojopool.ports import Batch, MatchChange, Outcome
from dojopool.replica import cache
from dojopool.replica.lane import Lane
from support.lanes import ENDS, lane_on
from support.pipeline import POOL, Pipeline, Scorer, records
from support.slow_store import SlowStore


@pytest.fixture(autouse=True)
def _two_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than two matches stay in memory."""
    monkeypatch.setattr(cache, "MATCHES_MAX", 2)
    monkeypatch.setattr(cache, "ROOM_SHARE", 0)


async def played(lane: Lane, scorer: Scorer, *matches: str, first: int = 0) -> None:
    """One point in each of these matches, one batch a match, each stored before the next."""
    for place, match in enumerate(matches):
        await lane.take({"eu": records(first + place, scorer.points(match), match=match)}, ends=ENDS)
        await lane.settle(timeout_s=1)


async def write_over(store: SlowStore, lane: Lane, change: MatchChange) -> None:
    """Store something in the lane's name that it did not make, and let its positions be as they were."""
    stored = lane.stored
    moved = {region: position.moved_to(position.next_offset + 1) for region, position in stored.items()}
    for expected, positions in ((stored, moved), (moved, stored)):
        batch = Batch(0, lane.partition.epoch, POOL.version, expected, positions, [change], 0)
        assert (await store.write(batch))[0] is Outcome.APPLIED


async def test_no_more_matches_stay_than_the_limit() -> None:
    """Those that were written last stay, and one more while it is folded."""
    async with lane_on(SlowStore()) as (lane, _):
        await played(lane, Scorer(), "m-1", "m-2", "m-3", "m-1", "m-4")

        assert list(lane.partition.fold.matches) == ["m-3", "m-1", "m-4"]


async def test_a_match_that_is_written_again_goes_on_where_it_was() -> None:
    """Its state is loaded before the event is folded, so no point is lost."""
    store = SlowStore()
    async with lane_on(store) as (lane, _):
        await played(lane, Scorer(), "m-1", "m-2", "m-3", "m-4", "m-1", "m-2", "m-1")

    assert b'"ana":3' in (await store.view(0, "m-1"))["frames"]
    assert b'"ana":2' in (await store.view(0, "m-2"))["frames"]
    assert store.take_copy().partitions[0].positions == {
        "eu": Position(next_offset=7),
        "us": Position(),
    }


async def test_a_record_of_unknown_schema_joins_the_stored_match() -> None:
    """What is held undecoded is kept with the match as it is stored, not with an empty one."""
    store, scorer = SlowStore(), Scorer()
    async with lane_on(store) as (lane, _):
        await played(lane, scorer, "m-1", "m-2", "m-3", "m-4")
        unknown = b"\xc3\x01" + bytes(8)
        await lane.take({"eu": records(4, unknown, match="m-1")}, ends=ENDS)
        await lane.settle(timeout_s=1)

    view = await store.view(0, "m-1")
    assert (view["@pending"], b'"ana":1' in view["frames"]) == (b"1", True)


async def test_a_match_that_something_waits_for_stays() -> None:
    """What waits is counted against the limit of its stream, so its match is not forgotten."""
    us = Scorer("us/gs-2#b")
    async with lane_on(SlowStore()) as (lane, _):
        await lane.take({"us": records(0, us.points("m-0", seen={"eu/gs-1#a": 9}), match="m-0")}, ends=ENDS)
        await played(lane, Scorer(), "m-1", "m-2", "m-3", "m-4")

        assert "m-0" in lane.partition.fold.matches
        assert lane.partition.fold.waiting("us") == 1


async def test_a_match_whose_change_is_on_its_way_stays() -> None:
    """The store does not have it yet: loaded again, it would be as it was before."""
    store, scorer = SlowStore(), Scorer()
    async with lane_on(store) as (lane, _):
        await played(lane, scorer, "m-1", "m-2")
        store.shut()
        written = ("m-3", "m-4", "m-5")
        batch = [records(2 + place, scorer.points(match), match=match)[0] for place, match in enumerate(written)]
        await lane.take({"eu": batch}, ends=ENDS)
        await lane.take({"eu": records(5, scorer.points("m-6"), match="m-6")}, ends=ENDS)
        kept = set(lane.partition.fold.matches)
        store.open()

    assert kept == {"m-3", "m-4", "m-5", "m-6"}


async def test_records_wait_beside_while_a_match_cannot_be_loaded() -> None:
    """A store that does not answer costs nothing but time."""
    store, scorer = SlowStore(), Scorer()
    async with lane_on(store) as (lane, _):
        await played(lane, scorer, "m-1", "m-2", "m-3", "m-4")
        again = records(4, scorer.points("m-1"), match="m-1")
        store.stop_answering()
        await lane.take({"eu": again}, ends=ENDS)
        left, trouble = dict(lane.left), lane.trouble
        store.answer_again()
        await lane.take({}, ends=ENDS)
        await lane.settle(timeout_s=1)

    assert (list(left["eu"]), trouble is not None, lane.trouble) == (again, True, None)
    assert b'"ana":2' in (await store.view(0, "m-1"))["frames"]


async def test_a_match_that_cannot_be_read_again_loses_the_lane() -> None:
    """Its partition is taken over anew, which says what is wrong with it."""
    store, scorer = SlowStore(), Scorer()
    async with lane_on(store) as (lane, _):
        await played(lane, scorer, "m-1", "m-2", "m-3", "m-4")
        await write_over(store, lane, MatchChange("m-1", b"damaged", {}))
        await lane.take({"eu": records(4, scorer.points("m-1"), match="m-1")}, ends=ENDS)

        assert isinstance(lane.lost, Refused)
        assert "cannot be loaded again" in str(lane.lost)


async def test_loading_a_partition_stops_at_the_limit() -> None:
    """Taking over reads all states, for what waits in them, and keeps no more than fit."""
    store, pipeline = SlowStore(), Pipeline()
    async with lane_on(store, pipeline) as (lane, _):
        await played(lane, Scorer(), "m-1", "m-2", "m-3", "m-4", "m-5")
    scorer = Scorer()
    pipeline.append(*(scorer.points(f"m-{number}") for number in range(5)))
    async with lane_on(store, pipeline) as (lane, _):
        assert len(lane.partition.fold.matches) == 2


async def test_keys_that_are_no_matches_are_not_asked_for() -> None:
    """Beside the states stand an epoch and positions: a record with such a key is a letter, and no match to load."""
    store, pipeline = SlowStore(), Pipeline()
    async with lane_on(store, pipeline) as (lane, _):
        await played(lane, Scorer(), "m-1", "m-2", "m-3", "m-4")
        names = ("@epoch", "@positions", "no match", "m-1")
        found = [records(4, b"damaged", match=name) for name in names]

        assert lane.partition.cache.absent(found) == ["m-1"]
