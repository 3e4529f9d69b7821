"""What every log keeps of the promises of LogReader."""

from __future__ import annotations

import asyncio

import pytest

from contracts.records import append, outgoing, values_of
from contracts.waiting import DEADLINE_S, POLL_MS, bounds_of, drain
from dojopool.core.record import Record
from dojopool.errors import OffsetGone
from dojopool.ports import EventLog, LogReader


async def polled_until_gone(reader: LogReader) -> tuple[OffsetGone, list[Record]]:
    """The error that polling ends in, and the records of healthy partitions that came before it."""
    seen: list[Record] = []
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                for found in (await reader.poll(timeout_ms=POLL_MS)).values():
                    seen += found
            except OffsetGone as error:
                return error, seen


class LogReaderContract:
    """To be mixed into EventLogContract."""

    async def test_each_partition_is_read_from_its_own_offset(self, log: EventLog, topic: str) -> None:
        """An assignment names where each partition starts, and partitions outside it stay silent."""
        await append(log, topic, 0, "a0")
        from_0 = await append(log, topic, 0, "b0")
        from_1 = await append(log, topic, 1, "a1", "b1")
        await append(log, topic, 2, "a2")
        async with log.reader() as reader:
            reader.assign({(topic, 0): from_0, (topic, 1): from_1})

            drained = await drain(reader, 3)

        assert {key: values_of(found) for key, found in drained.items()} == {
            (topic, 0): ["b0"],
            (topic, 1): ["a1", "b1"],
        }

    async def test_reading_goes_on_where_it_stopped(self, log: EventLog, topic: str) -> None:
        """Each record comes once, whether it was there before the reader or came while it read."""
        start = await append(log, topic, 0, "a")
        async with log.reader() as reader, log.writer() as writer:
            reader.assign({(topic, 0): start})
            seen = values_of((await drain(reader, 1))[topic, 0])
            for value in ("b", "c", "d"):
                await writer.append(topic, 0, outgoing(value), timeout_s=DEADLINE_S)
                seen += values_of((await drain(reader, 1))[topic, 0])

        assert seen == ["a", "b", "c", "d"]

    async def test_assigning_replaces_the_assignment_and_what_was_prefetched(self, log: EventLog, topic: str) -> None:
        """After a new assignment nothing comes but what it asks for, also when it seeks back or leaves a partition."""
        start = await append(log, topic, 0, "a", "b", "c")
        other = await append(log, topic, 1, "x")
        async with log.reader() as reader:
            reader.assign({(topic, 0): start})
            whole = (await drain(reader, 3))[topic, 0]
            reader.assign({(topic, 0): whole[1].offset})
            again = await drain(reader, 2)
            await append(log, topic, 0, "d")
            reader.assign({(topic, 1): other})
            moved = await drain(reader, 1)

        assert values_of(whole) == ["a", "b", "c"]
        assert {key: values_of(found) for key, found in again.items()} == {(topic, 0): ["b", "c"]}
        assert {key: values_of(found) for key, found in moved.items()} == {(topic, 1): ["x"]}

    async def test_the_last_assignment_before_a_poll_counts(self, log: EventLog, topic: str) -> None:
        """Of two assignments without a poll between them the first has no effect."""
        await append(log, topic, 0, "a")
        start = await append(log, topic, 1, "x")
        async with log.reader() as reader:
            reader.assign({(topic, 0): 0})
            reader.assign({(topic, 1): start})

            drained = await drain(reader, 1)

        assert {key: values_of(found) for key, found in drained.items()} == {(topic, 1): ["x"]}

    async def test_without_partitions_nothing_comes(self, log: EventLog, topic: str) -> None:
        """A reader whose partitions were all taken away polls empty."""
        start = await append(log, topic, 0, "a")
        async with log.reader() as reader:
            reader.assign({(topic, 0): start})
            await drain(reader, 1)
            reader.assign({})
            await append(log, topic, 0, "b")

            assert await reader.poll(timeout_ms=50) == {}

    async def test_a_poll_at_the_end_of_the_log_waits_and_is_empty(self, log: EventLog, topic: str) -> None:
        """Without records a poll returns empty, and not before its time."""
        _, end = await bounds_of(log, (topic, 0))
        async with log.reader() as reader:
            reader.assign({(topic, 0): end})
            await reader.poll(timeout_ms=50)
            loop = asyncio.get_running_loop()
            started = loop.time()

            assert await reader.poll(timeout_ms=100) == {}
            assert loop.time() - started >= 0.09

    async def test_a_waiting_poll_returns_as_soon_as_a_record_comes(self, log: EventLog, topic: str) -> None:
        """A poll that would wait for ten minutes returns with the record that is appended meanwhile."""
        _, end = await bounds_of(log, (topic, 0))
        async with log.reader() as reader, asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
            reader.assign({(topic, 0): end})
            await reader.poll(timeout_ms=1)
            waiting = group.create_task(reader.poll(timeout_ms=600_000))
            await append(log, topic, 0, "a")
            polled = await waiting

        assert {key: values_of(list(found)) for key, found in polled.items()} == {(topic, 0): ["a"]}

    async def test_a_cancelled_poll_loses_nothing(self, log: EventLog, topic: str) -> None:
        """Records that come after a poll was cancelled are returned by the next one."""
        _, end = await bounds_of(log, (topic, 0))
        async with log.reader() as reader:
            reader.assign({(topic, 0): end})
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await reader.poll(timeout_ms=600_000)
            await append(log, topic, 0, "a", "b")

            assert values_of((await drain(reader, 2))[topic, 0]) == ["a", "b"]

    async def test_a_paused_partition_is_silent_and_keeps_its_place(self, log: EventLog, topic: str) -> None:
        """A paused partition gives nothing while others go on; once resumed, each of its records comes once."""
        start = await append(log, topic, 0, "a")
        other = await append(log, topic, 1, "x")
        async with log.reader() as reader:
            reader.assign({(topic, 0): start, (topic, 1): other})
            await drain(reader, 2)
            reader.pause((topic, 0))
            await append(log, topic, 0, "b", "c")
            await append(log, topic, 1, "y")
            while_paused = await drain(reader, 1)
            assert await reader.poll(timeout_ms=50) == {}
            reader.resume((topic, 0))
            resumed = await drain(reader, 2)

        assert {key: values_of(found) for key, found in while_paused.items()} == {(topic, 1): ["y"]}
        assert {key: values_of(found) for key, found in resumed.items()} == {(topic, 0): ["b", "c"]}

    async def test_a_partition_may_be_paused_before_the_first_poll(self, log: EventLog, topic: str) -> None:
        """Pausing needs no poll after assigning."""
        start = await append(log, topic, 0, "a")
        other = await append(log, topic, 1, "x")
        async with log.reader() as reader:
            reader.assign({(topic, 0): start, (topic, 1): other})
            reader.pause((topic, 0))

            assert set(await drain(reader, 1)) == {(topic, 1)}

    async def test_assigning_resumes(self, log: EventLog, topic: str) -> None:
        """A pause ends with the assignment it was made in."""
        start = await append(log, topic, 0, "a")
        async with log.reader() as reader:
            reader.assign({(topic, 0): start})
            reader.pause((topic, 0))
            assert await reader.poll(timeout_ms=50) == {}
            reader.assign({(topic, 0): start})

            assert values_of((await drain(reader, 1))[topic, 0]) == ["a"]

    async def test_resuming_what_is_not_paused_is_allowed(self, log: EventLog, topic: str) -> None:
        """A resume without a pause changes nothing."""
        start = await append(log, topic, 0, "a")
        async with log.reader() as reader:
            reader.assign({(topic, 0): start})
            reader.resume((topic, 0))

            assert values_of((await drain(reader, 1))[topic, 0]) == ["a"]

    async def test_an_offset_above_the_end_is_gone(self, log: EventLog, topic: str) -> None:
        """A position above the end raises, with both sides named, at every poll until it is assigned elsewhere."""
        start = await append(log, topic, 0, "a")
        first, end = await bounds_of(log, (topic, 0))
        async with log.reader() as reader:
            reader.assign({(topic, 0): end + 5})
            errors = [(await polled_until_gone(reader))[0] for _ in range(2)]
            reader.assign({(topic, 0): start})
            after = values_of((await drain(reader, 1))[topic, 0])

        assert [(each.topic, each.partition, each.wanted, each.first, each.end) for each in errors] == [
            (topic, 0, end + 5, first, end)
        ] * 2
        assert after == ["a"]

    async def test_an_offset_below_the_first_is_gone(self, log: EventLog, topic: str) -> None:
        """A position whose record was deleted raises, with what the log still holds, at every poll."""
        await append(log, topic, 0, "a", "b", "c")
        kept = await append(log, topic, 0, "d")
        start, end = await bounds_of(log, (topic, 0))
        async with log.admin() as admin:
            await admin.trim((topic, 0), before=kept)
        async with log.reader() as reader:
            reader.assign({(topic, 0): start})
            errors = [(await polled_until_gone(reader))[0] for _ in range(2)]
            reader.assign({(topic, 0): kept})
            after = values_of((await drain(reader, 1))[topic, 0])

        assert [(each.wanted, each.first, each.end) for each in errors] == [(start, kept, end)] * 2
        assert after == ["d"]

    async def test_a_gone_offset_takes_no_records_from_other_partitions(self, log: EventLog, topic: str) -> None:
        """The records of a healthy partition come, before the error or after the bad partition was left."""
        start = await append(log, topic, 1, "x", "y")
        _, end = await bounds_of(log, (topic, 0))
        async with log.reader() as reader:
            reader.assign({(topic, 0): end + 5, (topic, 1): start})
            error, seen = await polled_until_gone(reader)
            reader.assign({(topic, 1): seen[-1].offset + 1 if seen else start})
            seen += (await drain(reader, 2 - len(seen))).get((topic, 1), [])

        assert error.partition == 0
        assert values_of(seen) == ["x", "y"]

    async def test_the_end_of_the_log_is_a_place_to_read_from(self, log: EventLog, topic: str) -> None:
        """A position equal to the end is not gone: the next record comes from there."""
        await append(log, topic, 0, "a")
        _, end = await bounds_of(log, (topic, 0))
        async with log.reader() as reader:
            reader.assign({(topic, 0): end})
            assert await reader.poll(timeout_ms=50) == {}
            await append(log, topic, 0, "b")

            assert values_of((await drain(reader, 1))[topic, 0]) == ["b"]

    async def test_the_end_is_known_from_the_first_fetch_on(self, log: EventLog, topic: str) -> None:
        """Before a fetch no end is known; after it the end is the one the records came with."""
        start = await append(log, topic, 0, "a", "b")
        async with log.reader() as reader:
            reader.assign({(topic, 0): start})
            before = reader.end((topic, 0))
            await drain(reader, 2)
            after = reader.end((topic, 0))

            assert before is None
            assert after == (await reader.bounds([(topic, 0)]))[topic, 0][1]

    async def test_the_end_is_known_where_nothing_is_left_to_read(self, log: EventLog, topic: str) -> None:
        """A fetch that finds nothing tells the end as well: it shows that everything was read."""
        await append(log, topic, 0, "a")
        _, end = await bounds_of(log, (topic, 0))
        async with log.reader() as reader, asyncio.timeout(DEADLINE_S):
            reader.assign({(topic, 0): end, (topic, 1): 0})
            while None in (found := [reader.end((topic, 0)), reader.end((topic, 1))]):
                assert await reader.poll(timeout_ms=POLL_MS) == {}

            assert found == [end, 0]

    async def test_the_end_follows_the_log(self, log: EventLog, topic: str) -> None:
        """A later fetch sees a later end."""
        start = await append(log, topic, 0, "a")
        async with log.reader() as reader:
            reader.assign({(topic, 0): start})
            await drain(reader, 1)
            last = await append(log, topic, 0, "b", "c")
            await drain(reader, 2)

            assert (reader.end((topic, 0)) or 0) > last + 1

    async def test_bounds_need_no_assignment(self, log: EventLog, topic: str) -> None:
        """First offset and end of any partitions are asked of the log at the time of the call."""
        async with log.reader() as reader:
            empty = await reader.bounds([(topic, 0), (topic, 3)])
            await append(log, topic, 3, "a", "b")
            filled = await reader.bounds([(topic, 0), (topic, 3)])

        assert all(first == end for first, end in empty.values())
        assert filled[topic, 0] == empty[topic, 0]
        assert filled[topic, 3][0] == empty[topic, 3][0]
        assert filled[topic, 3][1] >= empty[topic, 3][1] + 2
