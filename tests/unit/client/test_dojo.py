"""A connection begins by looking where it is, ends by sending what it took, and settles what is in doubt."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.client import Accepted, Limits, LogPosition, MatchHandle, Receipt, Rejected, Unknown
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError, ConfigError, Unavailable
from support.region import BRISK, NODE, NOW_MS, PARTITIONS, Region, points
from support.virtual_time import in_virtual_time


def now() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()


async def doubtful(region: Region, match: MatchHandle) -> Unknown:
    """An event that the log stopped answering for."""
    region.log.stop_answering()
    receipt = await match.record(points(), timeout_s=1.0)
    assert isinstance(receipt, Unknown)
    return receipt


# --- beginning


@in_virtual_time
async def test_a_connection_says_where_it_is() -> None:
    """Region, node and mode can be asked for, and its text names it."""
    region = Region()
    await region.put_marks(eu=NOW_MS, us=NOW_MS)
    async with region.connect() as dojo:
        assert (dojo.region, dojo.node, dojo.mode, repr(dojo)) == ("eu", NODE, "healthy", f"Dojo({NODE!r})")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"prefix": "staging"}, r"no topic staging.events.eu: create it"),
        ({"partitions": 8}, r"has 4 partitions, this connection was told 8.* Set DOJO_PARTITIONS=4"),
        ({"node": "eu"}, r"is not region/instance#incarnation"),
        ({"node": "us/gs-1#a"}, r"does not belong to region eu"),
    ],
)
@in_virtual_time
async def test_a_connection_that_would_write_into_the_void_is_refused(changes: dict[str, Any], text: str) -> None:
    """Topic, partitions and node are checked before anything is written."""
    with pytest.raises(ConfigError, match=text):
        async with Region().connect(**changes):
            pass


@in_virtual_time
async def test_the_number_of_partitions_in_the_status_is_checked_too() -> None:
    """Where the topic cannot be described, the replicas' word remains."""
    region = Region()
    await region.store.put_status({"partitions": b"16"})

    with pytest.raises(ConfigError, match="Set DOJO_PARTITIONS=16"):
        async with region.connect():
            pass


class WriteOnly(MemoryLog):
    """A log whose user may write and describe nothing."""

    def admin(self) -> NoReturn:
        """See `ports.EventLog`."""
        raise ConfigError("describing topic dojo.events.eu: Kafka does not allow it to this user")


@in_virtual_time
async def test_who_may_only_write_may_connect() -> None:
    """Describing a topic is a right of its own, which a producer need not have."""
    region = Region()
    log = WriteOnly(region="eu")
    log.create(region.topic, partitions=PARTITIONS, config={})
    async with region.connect(log=log) as dojo:
        assert isinstance(await (await dojo.match("m-1")).record(points()), Accepted)


@in_virtual_time
async def test_a_store_that_does_not_answer_ends_the_beginning() -> None:
    """There is no connection without views."""
    region = Region()
    region.store.stop_answering()

    with pytest.raises(Unavailable):
        async with region.connect():
            pass


# --- receipts


@in_virtual_time
async def test_a_receipt_says_where_the_event_is() -> None:
    """Dot, clock, region, mode and place in the log."""
    region = Region()
    async with region.connect() as dojo:
        receipt = await (await dojo.match("m-1")).record(points())

    assert isinstance(receipt, Accepted)
    assert (receipt.match, receipt.dot, receipt.clock.as_dict()) == ("m-1", (NODE, 1), {NODE: 1})
    assert (receipt.region, receipt.mode) == ("eu", "local-only")
    assert receipt.position == LogPosition("dojo.events.eu", partition_of("m-1", PARTITIONS), 0)


@in_virtual_time
async def test_receipts_tell_the_mode_of_their_time() -> None:
    """Once another region is heard of again, new receipts say healthy."""
    region = Region()
    modes = []
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        for mark_ms in (NOW_MS - 9_000, NOW_MS):
            await region.put_marks(eu=NOW_MS, us=mark_ms)
            await asyncio.sleep(1.5)  # of a clock that jumps: one look at the status
            receipt = await match.record(points())
            assert isinstance(receipt, Accepted)
            modes.append(receipt.mode)

    assert modes == ["local-only", "healthy"]


# --- settling


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


# --- ending


@in_virtual_time
async def test_leaving_sends_what_was_taken() -> None:
    """Calls that nobody waits for any more are finished before the connection closes."""
    region = Region()
    async with asyncio.TaskGroup() as tasks, region.connect() as dojo:
        match = await dojo.match("m-1")
        region.log.fail_next_append(stored=False, times=5)
        calls = [tasks.create_task(match.record(points())) for _ in range(3)]
        await asyncio.sleep(0)

    assert [type(await call) for call in calls] == [Accepted] * 3
    assert len(region.dots("m-1")) == 3


@in_virtual_time
async def test_leaving_waits_no_longer_than_it_may() -> None:
    """What is left then is Unknown, and who still waits for room is rejected at once."""
    region = Region()
    async with asyncio.TaskGroup() as tasks:
        async with region.connect(close_timeout_s=4.0) as dojo:
            match = await dojo.match("m-1")
            region.log.stop_answering()
            call = tasks.create_task(match.record(points(), timeout_s=60.0))
            await asyncio.sleep(0)
        assert now() == 4.0

    receipt = await call
    assert isinstance(receipt, Unknown)
    assert "closed before the log of region eu answered" in receipt.reason


@in_virtual_time
async def test_leaving_tells_those_who_wait_for_room() -> None:
    """They are rejected as soon as the connection begins to close, not at their deadline."""
    region = Region()
    async with asyncio.TaskGroup() as tasks, region.connect(limits=Limits(queue_records_max=1)) as dojo:
        match = await dojo.match("m-1")
        region.log.stop_answering()
        calls = [tasks.create_task(match.record(points(), timeout_s=60.0)) for _ in range(2)]
        await asyncio.sleep(0.1)  # of a clock that jumps
        tasks.create_task(_answers_after_a_second(region))

    first, second = [await call for call in calls]
    assert isinstance(first, Accepted)
    assert isinstance(second, Rejected)
    assert "being closed" in second.reason


@in_virtual_time
async def test_after_leaving_nothing_is_taken() -> None:
    """Recording through a handle of a closed connection is the caller's fault."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        unknown = await doubtful(region, match)
        region.log.answer_again()
    with pytest.raises(CallerError, match="connection is closed"):
        await match.record(points())
    with pytest.raises(CallerError, match="connection is closed"):
        await dojo.settle(unknown)

    assert region.dots("m-1") == [(NODE, 1)]


@in_virtual_time
async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    """It is not wrapped in a group, and what was taken is sent all the same."""
    region = Region()
    async with asyncio.TaskGroup() as tasks:

        async def use() -> None:
            async with region.connect() as dojo:
                tasks.create_task((await dojo.match("m-1")).record(points()))
                await asyncio.sleep(0)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await use()

    assert region.dots("m-1") == [(NODE, 1)]


@in_virtual_time
async def test_cancelling_the_block_sends_what_was_taken() -> None:
    """Cancellation is a normal way to stop."""
    region = Region()
    async with asyncio.TaskGroup() as tasks:
        calls, used = await _used(region, tasks)
        region.log.fail_next_append(stored=False, times=3)
        used.cancel()

    assert isinstance(calls[0].result(), Accepted)
    assert region.dots("m-1") == [(NODE, 1)]


@in_virtual_time
async def test_cancelling_twice_ends_the_wait_and_leaves_nobody_hanging() -> None:
    """Whoever does not want to wait for the log need not, and open receipts say Unknown."""
    region = Region()
    async with asyncio.TaskGroup() as tasks:
        calls, used = await _used(region, tasks)
        region.log.stop_answering()
        used.cancel()
        await asyncio.sleep(1.0)  # of a clock that jumps
        assert not used.done()
        used.cancel()

    assert isinstance(calls[0].result(), Unknown)
    assert now() == 1.0


async def _used(region: Region, tasks: asyncio.TaskGroup) -> tuple[list[asyncio.Task[Receipt]], asyncio.Task[None]]:
    """A connection in a block that does not end by itself, with an event just put on its way."""
    calls: list[asyncio.Task[Receipt]] = []
    opened = asyncio.Event()

    async def use() -> None:
        async with region.connect(close_timeout_s=100.0) as dojo:
            calls.append(tasks.create_task((await dojo.match("m-1")).record(points(), timeout_s=90.0)))
            await asyncio.sleep(0)
            opened.set()
            await asyncio.sleep(1000.0)  # of a clock that jumps

    used = tasks.create_task(use())
    await opened.wait()
    return calls, used


async def _answers_after_a_second(region: Region) -> None:
    await asyncio.sleep(1.0)  # of a clock that jumps: the connection is closing
    region.log.answer_again()
