"""A connection begins by looking where it is, ends by sending what it took, and settles what is in doubt."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.client import Accepted, Limits, LogPosition, Receipt, Rejected, Unknown
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError, ConfigError, Unavailable
from support.region import NODE, NOW_MS, PARTITIONS, Region, doubtful, points
from support.virtual_time import in_virtual_time


def now() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()


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


@in_virtual_time
async def test_a_receipt_has_the_mode_of_its_partition() -> None:
    """Of two matches the one whose partition hears nothing of the other region is local-only, also when its receipt is
    settled by the clock; the region as a whole is healthy.
    """
    region = Region()
    near, far = ("m-1", next(name for name in ("m-2", "m-3") if number_of(name) != number_of("m-1")))
    await region.put_marks(eu=NOW_MS, us=NOW_MS)
    await region.store.put_status({str(number_of(far)): b'{"at": 1, "marks": {"us": %d}}' % (NOW_MS - 9_000)})
    async with region.connect() as dojo:
        receipts = [await (await dojo.match(name)).record(points()) for name in (near, far)]
        region.log.fail_next_append(stored=True)
        unknown = await (await dojo.match(far)).record(points(), timeout_s=0.000_1)
        region.log.stop_answering()
        await region.fold()
        assert isinstance(unknown, Unknown)
        settled = await dojo.settle(unknown)
        region.log.answer_again()

        assert dojo.mode == "healthy"
    assert isinstance(settled, Accepted)
    assert (settled.mode, settled.position) == ("local-only", None)
    assert [receipt.mode for receipt in receipts if isinstance(receipt, Accepted)] == ["healthy", "local-only"]


def number_of(match: str) -> int:
    """The partition of a match."""
    return partition_of(match, PARTITIONS)


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
