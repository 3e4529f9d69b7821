"""An Unknown receipt is settled by the log or by the region's clock, now or on a later connection."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.client import Accepted, LogPosition, Receipt, Rejected, Unknown
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError
from support.region import BRISK, NODE, PARTITIONS, Region, doubtful, points
from support.virtual_time import in_virtual_time


def now() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_an_unknown_receipt_is_settled_by_the_acknowledgement() -> None:
    """The event that was in doubt is accepted with its place, as often as one asks."""
    region = Region()
    async with region.connect() as dojo, asyncio.TaskGroup() as tasks:
        unknown = await doubtful(region, await dojo.match("m-1"))
        settling = tasks.create_task(dojo.settle(unknown))
        await asyncio.sleep(2.0)  # of a clock that jumps
        assert not settling.done()
        region.log.answer_again()
        settled = await settling

        assert isinstance(settled, Accepted)
        assert (settled.dot, settled.clock) == (unknown.dot, unknown.clock)
        assert settled.position == LogPosition("dojo.events.eu", partition_of("m-1", PARTITIONS), 0)
        assert await dojo.settle(unknown) == settled
    assert region.dots("m-1") == [(NODE, 1)]


@in_virtual_time
async def test_an_unknown_receipt_is_settled_by_the_regions_clock() -> None:
    """An event that got in without an answer shows in the region's state."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        region.log.fail_next_append(stored=True)
        calls = asyncio.gather(match.record(points(), timeout_s=0.000_1))
        await asyncio.sleep(0.000_2)  # of a clock that jumps: stored, unanswered, and not sent again yet
        [unknown] = await calls
        region.log.stop_answering()
        assert isinstance(unknown, Unknown)
        await region.fold()
        settled = await dojo.settle(unknown)
        region.log.answer_again()

        assert isinstance(settled, Accepted)
        assert (settled.dot, settled.position) == ((NODE, 1), None)


@in_virtual_time
async def test_what_cannot_be_settled_stays_unknown() -> None:
    """After its time the same receipt comes back, also while the store does not answer."""
    region = Region()
    async with region.connect() as dojo:
        unknown = await doubtful(region, await dojo.match("m-1"))
        assert await dojo.settle(unknown, timeout_s=2.0) is unknown
        assert now() == 3.0
        region.store.stop_answering()
        assert await dojo.settle(unknown, timeout_s=2.0) is unknown
        assert now() == 5.0

        region.store.answer_again()
        region.log.answer_again()


@in_virtual_time
async def test_a_store_that_comes_back_settles_after_all() -> None:
    """Settling does not give up with the first error of the store."""
    region = Region()
    async with region.connect() as dojo, asyncio.TaskGroup() as tasks:
        match = await dojo.match("m-1")
        region.log.fail_next_append(stored=True, times=9)
        unknown = await match.record(points(), timeout_s=0.000_1)
        await region.fold()
        region.store.stop_answering()
        region.log.stop_answering()
        settling = tasks.create_task(dojo.settle(unknown, timeout_s=9.0))
        await asyncio.sleep(3.0)  # of a clock that jumps
        region.store.answer_again()

        assert isinstance(await settling, Accepted)
        assert now() < 5.0
        region.log.answer_again()


@in_virtual_time
async def test_an_event_that_certainly_never_got_in_is_settled_as_rejected() -> None:
    """Behind a record that the log never takes, whatever was not sent yet is rejected."""
    region = Region(config={"max.message.bytes": "400"})
    async with region.connect() as dojo, asyncio.TaskGroup() as tasks:
        match = await dojo.match("m-1")
        region.log.stop_answering()
        large = tasks.create_task(match.record_body("player_joined", {"player": "x" * 1000}, timeout_s=90.0))
        await asyncio.sleep(0.1)  # of a clock that jumps: its append is under way
        unknown = await match.record(points(), timeout_s=1.0)
        assert isinstance(unknown, Unknown)
        region.log.answer_again()

        assert isinstance(await dojo.settle(unknown), Rejected)
        assert isinstance(await large, Rejected)


@in_virtual_time
async def test_a_record_given_up_in_doubt_may_still_show() -> None:
    """That it is not sent any more decides nothing: the region's clock is looked at until the deadline."""
    region = Region(config={"max.message.bytes": "400"})
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        region.log.stop_answering()
        unknown = await match.record_body("player_joined", {"player": "x" * 1000}, timeout_s=1.0)
        await asyncio.sleep(BRISK.attempt_timeout_s)  # of a clock that jumps: the append has failed
        region.log.answer_again()
        began_s = now()

        assert await dojo.settle(unknown, timeout_s=7.0) is unknown
        assert now() == began_s + 7.0


@in_virtual_time
async def test_settling_ends_with_the_connection() -> None:
    """Whoever still waits then gets the Unknown receipt back, to be settled on the next connection."""
    region = Region()
    async with asyncio.TaskGroup() as tasks:
        async with region.connect(close_timeout_s=1.0) as dojo:
            unknown = await doubtful(region, await dojo.match("m-1"))
            settling = tasks.create_task(dojo.settle(unknown, timeout_s=90.0))
            await asyncio.sleep(0.1)  # of a clock that jumps
        assert now() == pytest.approx(2.1)

    assert settling.result() is unknown
    assert now() < 3.0


@in_virtual_time
async def test_other_receipts_are_settled_already() -> None:
    """They come back as they are, without asking anyone."""
    region = Region()
    async with region.connect() as dojo:
        accepted: Receipt = await (await dojo.match("m-1")).record(points())
        rejected: Receipt = Rejected("no")
        region.store.stop_answering()

        assert await dojo.settle(accepted) is accepted
        assert await dojo.settle(rejected) is rejected


@in_virtual_time
async def test_a_later_connection_settles_by_sending_the_record_again() -> None:
    """It is the same event with the same bytes, and counts as accepted once the region shows it."""
    region = Region()
    async with region.connect(close_timeout_s=1.0) as dojo:
        unknown = await doubtful(region, await dojo.match("m-1"))
    region.log.answer_again()
    assert region.dots("m-1") == []

    async with region.connect("eu/gs-1#b") as later, asyncio.TaskGroup() as tasks:
        settling = tasks.create_task(later.settle(unknown))
        await asyncio.sleep(1.0)  # of a clock that jumps
        assert not settling.done()
        assert await later.settle(unknown, timeout_s=0.5) is unknown
        await region.fold()

        assert isinstance(await settling, Accepted)
    assert region.events("m-1", repeats=True)[0].data == unknown.record
    assert len(region.events("m-1", repeats=True)) == 1


@in_virtual_time
async def test_a_record_sent_again_is_not_accepted_before_what_it_depends_on() -> None:
    """That it is in the log is not enough: an event behind a hole is delivered to nobody."""
    region = Region()
    async with region.connect(close_timeout_s=1.0) as dojo:
        match = await dojo.match("m-1")
        region.log.stop_answering()
        first, second = await asyncio.gather(*(match.record(points(), timeout_s=1.0) for _ in range(2)))
    region.log.answer_again()

    async with region.connect("eu/gs-1#b") as later:
        assert isinstance(await later.settle(second, timeout_s=1.0), Unknown)
        await region.fold()
        assert isinstance(await later.settle(second, timeout_s=1.0), Unknown)
        assert isinstance(await later.settle(first, timeout_s=1.0), Unknown)
        await region.fold()

        assert [type(await later.settle(each, timeout_s=1.0)) for each in (first, second)] == [Accepted, Accepted]
        assert (await later.read("m-1")).state.frames[1].points["ana"] == 2


@in_virtual_time
async def test_a_receipt_is_settled_in_its_region() -> None:
    """Its record belongs into that region's log."""
    region = Region()
    async with region.connect(close_timeout_s=1.0) as dojo:
        unknown = await doubtful(region, await dojo.match("m-1"))
    other = Region()
    other.log.create("dojo.events.us", partitions=PARTITIONS, config={})
    async with other.connect("us/gs-9#a", region="us") as dojo:
        with pytest.raises(CallerError, match="was written in eu: settle it there"):
            await dojo.settle(unknown)
