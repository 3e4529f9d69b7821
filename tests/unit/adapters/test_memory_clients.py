"""What the in-memory clients do beyond the contract: order of faults, misuse, nothing shared with the caller."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.adapters.memory_broker import AppendFault
from dojopool.adapters.memory_clients import MemoryReader, MemoryWriter
from dojopool.adapters.memory_log import MemoryLog
from dojopool.errors import CallerError, OffsetGone, Unavailable
from dojopool.ports import Outgoing
from support.virtual_time import run_in_virtual_time

TOPIC = "dojo.events.eu"


@pytest.fixture
def log() -> MemoryLog:
    """A log with one topic of two partitions."""
    log = MemoryLog(region="eu", clock=StoppedClock())
    log.create(TOPIC, partitions=2, config={})
    return log


class StoppedClock:
    """A wall clock that shows one time."""

    def now_ms(self) -> int:
        """That time."""
        return 1_754_000_000_000


def outgoing(*values: bytes) -> list[Outgoing]:
    """Records with these values."""
    return [Outgoing(b"m-1", value) for value in values]


def stored(log: MemoryLog, partition: int = 0) -> list[bytes | None]:
    """All values of a partition."""
    return [record.value for record in log.partition((TOPIC, partition)).read(0)]


async def test_what_is_stored_is_not_the_callers(log: MemoryLog) -> None:
    """A caller that changes its buffers after an append changes nothing in the log."""
    key, value, header = bytearray(b"key"), bytearray(b"value"), bytearray(b"header")
    record = Outgoing(key, value, (("h", header),))  # type: ignore[arg-type]  # buffers are the point of the test
    async with log.writer() as writer:
        await writer.append(TOPIC, 0, [record], timeout_s=1.0)
    key[:], value[:], header[:] = b"xxx", b"xxxxx", b"xxxxxx"

    [kept] = log.partition((TOPIC, 0)).read(0)
    assert (kept.key, kept.value, kept.headers) == (b"key", b"value", (("h", b"header"),))


async def test_records_carry_the_clock_of_the_log(log: MemoryLog) -> None:
    """The time of a record is what the clock port says."""
    async with log.writer() as writer:
        await writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0)

    assert [record.timestamp for record in log.partition((TOPIC, 0)).read(0)] == [1_754_000_000_000]


@pytest.mark.parametrize("times", [1, 3])
async def test_a_retry_of_the_writer_stores_nothing_twice(log: MemoryLog, times: int) -> None:
    """When acknowledgements are lost the writer sends again by itself, and the log knows the batch."""
    log.lose_next_acknowledgement(times=times)
    async with log.writer() as writer:
        offset = await writer.append(TOPIC, 0, outgoing(b"a", b"b"), timeout_s=1.0)
        again = await writer.append(TOPIC, 0, outgoing(b"a", b"b"), timeout_s=1.0)

    assert (offset, again) == (0, 2)
    assert stored(log) == [b"a", b"b", b"a", b"b"]


async def test_two_writers_never_take_each_other_for_a_retry(log: MemoryLog) -> None:
    """Batches are numbered per writer."""
    async with log.writer() as one, log.writer() as two:
        await one.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0)
        await two.append(TOPIC, 0, outgoing(b"b"), timeout_s=1.0)

    assert stored(log) == [b"a", b"b"]


@pytest.mark.parametrize(("kept", "expected"), [(None, [b"a", b"b"]), (1, [b"a"]), (0, [])])
async def test_an_unknown_outcome_is_all_some_or_none(log: MemoryLog, kept: int | None, expected: list[bytes]) -> None:
    """A fault decides how much of the batch got in; the caller is told only that nobody knows."""
    log.order_fault(AppendFault(TOPIC, kept, is_retried=False))
    async with log.writer() as writer:
        with pytest.raises(Unavailable, match="append the same bytes again"):
            await writer.append(TOPIC, 0, outgoing(b"a", b"b"), timeout_s=1.0)

        assert stored(log) == expected
        await writer.append(TOPIC, 0, outgoing(b"a", b"b"), timeout_s=1.0)
        assert stored(log) == [*expected, b"a", b"b"]


async def test_overlapping_appends_to_one_partition_are_a_bug(log: MemoryLog) -> None:
    """Two appends to one partition at once are refused loudly, since their order would be chance."""
    async with log.writer() as writer:
        first, second = await asyncio.gather(
            writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0),
            writer.append(TOPIC, 0, outgoing(b"b"), timeout_s=1.0),
            return_exceptions=True,
        )

        assert first == 0
        assert isinstance(second, AssertionError)
        assert await writer.append(TOPIC, 0, outgoing(b"c"), timeout_s=1.0) == 1


async def test_an_append_of_nothing_is_a_bug(log: MemoryLog) -> None:
    """There is no offset to return for no records."""
    async with log.writer() as writer:
        with pytest.raises(AssertionError, match="without records"):
            await writer.append(TOPIC, 0, [], timeout_s=1.0)


async def test_clients_end_with_their_context(log: MemoryLog) -> None:
    """Using a closed client is a bug."""
    async with log.writer() as writer, log.reader() as reader:
        pass

    with pytest.raises(AssertionError, match="closed"):
        await writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0)
    with pytest.raises(AssertionError, match="closed"):
        await reader.poll(timeout_ms=0)


async def test_an_append_that_is_cancelled_on_its_way_back_is_stored(log: MemoryLog) -> None:
    """Cancelling after the log has the records leaves them there."""
    writer = MemoryWriter(log, clock=StoppedClock())
    async with asyncio.TaskGroup() as group:
        appending = group.create_task(writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0))
        await log.bell.rung()
        appending.cancel()

    assert appending.cancelled()
    assert stored(log) == [b"a"]


def test_a_log_that_does_not_answer_fails_appends_at_their_deadline(log: MemoryLog) -> None:
    """Without answers an append ends as unknown when its time is up, and has stored nothing."""

    async def append() -> float:
        log.stop_answering()
        async with log.writer() as writer:
            with pytest.raises(Unavailable):
                await writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=3.0)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(append()) == 3.0
    assert stored(log) == []


def test_a_log_that_does_not_answer_leaves_polls_empty(log: MemoryLog) -> None:
    """A poll finds nothing until answers come again, and then at once."""

    async def poll() -> tuple[list[int], float]:
        loop, reader = asyncio.get_running_loop(), MemoryReader(log)
        async with log.writer() as writer:
            await writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0)
        log.stop_answering()
        reader.assign({(TOPIC, 0): 0})
        found = [len(await reader.poll(timeout_ms=1_000))]
        loop.call_later(4.0, log.answer_again)
        found.append(len(await reader.poll(timeout_ms=60_000)))
        return found, loop.time()

    assert run_in_virtual_time(poll()) == ([0, 1], 5.0)


async def test_a_gone_partition_moves_no_other(log: MemoryLog) -> None:
    """A poll that raises has handed out nothing, so nothing may count as read."""
    async with log.writer() as writer, log.reader() as reader:
        await writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0)
        reader.assign({(TOPIC, 0): 0, (TOPIC, 1): 7})
        with pytest.raises(OffsetGone):
            await reader.poll(timeout_ms=0)
        reader.pause((TOPIC, 1))

        assert [len(found) for found in (await reader.poll(timeout_ms=0)).values()] == [1]


async def test_a_poll_that_finds_records_gives_way(log: MemoryLog) -> None:
    """A reader that always finds something does not keep other tasks from their turn."""
    ran: list[str] = []
    async with log.writer() as writer, log.reader() as reader:
        await writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0)
        reader.assign({(TOPIC, 0): 0})
        asyncio.get_running_loop().call_soon(ran.append, "other")
        await reader.poll(timeout_ms=0)

    assert ran == ["other"]


async def test_a_hole_at_the_end_is_passed(log: MemoryLog) -> None:
    """Offsets that have no record yield nothing, and reading goes on behind them."""
    log.leave_hole((TOPIC, 0), 3)
    async with log.writer() as writer, log.reader() as reader:
        reader.assign({(TOPIC, 0): 0})
        assert await reader.poll(timeout_ms=0) == {}
        assert reader.end((TOPIC, 0)) == 3
        await writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0)

        assert [record.offset for record in (await reader.poll(timeout_ms=0))[TOPIC, 0]] == [3]


async def test_reading_a_topic_that_does_not_exist_is_refused(log: MemoryLog) -> None:
    """The topics of an assignment must exist; the poll that takes it up says which does not."""
    async with log.reader() as reader:
        reader.assign({("dojo.events.us", 0): 0})
        with pytest.raises(CallerError, match=r"dojo\.events\.us"):
            await reader.poll(timeout_ms=0)
        with pytest.raises(CallerError, match=r"dojo\.events\.us"):
            await reader.bounds([("dojo.events.us", 0)])


def test_resuming_wakes_a_waiting_poll(log: MemoryLog) -> None:
    """A poll that began while its partition was paused sees the records as soon as it is resumed."""

    async def poll() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        async with log.writer() as writer, log.reader() as reader:
            await writer.append(TOPIC, 0, outgoing(b"a"), timeout_s=1.0)
            reader.assign({(TOPIC, 0): 0})
            reader.pause((TOPIC, 0))
            loop.call_later(2.0, reader.resume, (TOPIC, 0))
            return len(await reader.poll(timeout_ms=60_000)), loop.time()

    assert run_in_virtual_time(poll()) == (1, 2.0)
