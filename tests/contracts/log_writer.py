"""What every log keeps of the promises of LogWriter."""

from __future__ import annotations

import asyncio
import time
from itertools import groupby

import pytest

from contracts.records import append, outgoing, values_of
from contracts.waiting import DEADLINE_S, bounds_of, read_partition, read_until
from dojopool.errors import CallerError, Unavailable
from dojopool.ports import EventLog, Outgoing

TOO_LARGE = bytes(2 << 20)
"""Twice what a broker takes as it comes."""


class LogWriterContract:
    """To be mixed into EventLogContract."""

    async def test_a_batch_is_read_back_in_order_from_the_returned_offset(self, log: EventLog, topic: str) -> None:
        """The returned offset is that of the first record, and the others follow in order."""
        await append(log, topic, 1, "before")
        first = await append(log, topic, 1, "a", "b", "c")

        records = await read_partition(log, (topic, 1), start=first, records=3)

        assert values_of(records) == ["a", "b", "c"]
        assert records[0].offset == first
        assert [record.offset for record in records] == sorted({record.offset for record in records})

    async def test_later_appends_stand_behind_earlier_ones(self, log: EventLog, topic: str) -> None:
        """Appends of one writer to one partition are in the log in the order of the calls."""
        async with log.writer() as writer:
            offsets = [
                await writer.append(topic, 0, outgoing(str(number)), timeout_s=DEADLINE_S) for number in range(20)
            ]

        records = await read_partition(log, (topic, 0), start=offsets[0], records=20)

        assert values_of(records) == [str(number) for number in range(20)]
        assert [record.offset for record in records] == offsets

    async def test_an_append_is_in_the_log_when_it_returns(self, log: EventLog, topic: str) -> None:
        """Whoever asks after the return sees an end above the record."""
        async with log.writer() as writer:
            offset = await writer.append(topic, 2, outgoing("a"), timeout_s=DEADLINE_S)

            assert (await bounds_of(log, (topic, 2)))[1] > offset

    async def test_a_record_is_kept_byte_for_byte(self, log: EventLog, topic: str) -> None:
        """Key, value and headers come back as they were, also empty, missing, binary and repeated ones."""
        every_byte = bytes(range(256))
        sent = [
            Outgoing(b"m-1", every_byte, (("trace", b"1"), ("trace", b""), ("bin", every_byte))),
            Outgoing(None, b""),
            Outgoing(b"", b"\x00"),
        ]
        async with log.writer() as writer:
            first = await writer.append(topic, 0, sent, timeout_s=DEADLINE_S)

        records = await read_partition(log, (topic, 0), start=first, records=3)

        assert [Outgoing(each.key, each.value or b"", tuple(each.headers)) for each in records] == sent

    async def test_a_record_carries_the_time_it_was_written(self, log: EventLog, topic: str) -> None:
        """A timestamp is in milliseconds since the epoch."""
        before = time.time() * 1000
        first = await append(log, topic, 0, "a")

        [record] = await read_partition(log, (topic, 0), start=first, records=1)

        assert before - 1 <= record.timestamp <= time.time() * 1000

    async def test_no_foreign_record_stands_inside_a_batch(self, log: EventLog, topic: str) -> None:
        """Two writers that append to one partition at once never split each other's batches."""

        async def write(name: str) -> None:
            async with log.writer() as writer:
                for number in range(20):
                    await writer.append(topic, 0, outgoing(*[f"{name}-{number}"] * 5), timeout_s=DEADLINE_S)

        start, _ = await bounds_of(log, (topic, 0))
        await asyncio.gather(write("a"), write("b"))

        records = await read_partition(log, (topic, 0), start=start, records=200)

        assert [len(list(batch)) for _, batch in groupby(values_of(records))] == [5] * 40

    async def test_different_partitions_are_written_at_once(self, log: EventLog, topic: str) -> None:
        """Appends of one writer to different partitions may overlap, and each goes where it was sent."""
        async with log.writer() as writer:
            offsets = await asyncio.gather(
                *(writer.append(topic, number, outgoing(f"p{number}"), timeout_s=DEADLINE_S) for number in range(4))
            )

        for number, offset in enumerate(offsets):
            assert values_of(await read_partition(log, (topic, number), start=offset, records=1)) == [f"p{number}"]

    async def test_a_batch_may_be_larger_than_a_record_may_be(self, log: EventLog, topic: str) -> None:
        """Only a single record can be too large: 40 of 60 KiB in one call are taken, in order."""
        sent = [Outgoing(b"m-1", bytes([number]) * 60 * 1024) for number in range(40)]
        async with log.writer() as writer:
            first = await writer.append(topic, 0, sent, timeout_s=DEADLINE_S)

        records = await read_partition(log, (topic, 0), start=first, records=40)

        assert [record.value for record in records] == [each.value for each in sent]

    async def test_a_record_that_is_too_large_keeps_its_whole_batch_out(self, log: EventLog, topic: str) -> None:
        """When one record can never be taken, none of its batch is in the log, and the writer goes on."""
        before = await bounds_of(log, (topic, 0))
        async with log.writer() as writer:
            with pytest.raises(CallerError):
                await writer.append(
                    topic, 0, [*outgoing("small"), Outgoing(b"m-1", TOO_LARGE), *outgoing("last")], timeout_s=DEADLINE_S
                )

            assert await bounds_of(log, (topic, 0)) == before
            offset = await writer.append(topic, 0, outgoing("next"), timeout_s=DEADLINE_S)

        assert values_of(await read_partition(log, (topic, 0), start=offset, records=1)) == ["next"]

    async def test_an_unknown_topic_is_the_callers_fault(self, log: EventLog, topic: str) -> None:
        """A record for a topic that does not exist can never be taken, and the topic is not made by trying."""
        async with log.writer() as writer:
            with pytest.raises(CallerError, match=r"missing"):
                await writer.append(f"{topic}.missing", 0, outgoing("a"), timeout_s=DEADLINE_S)
        async with log.admin() as admin:
            assert await admin.describe_topic(f"{topic}.missing") is None

    async def test_an_unknown_partition_is_the_callers_fault(self, log: EventLog, topic: str) -> None:
        """A record for a partition that the topic does not have can never be taken."""
        async with log.writer() as writer:
            with pytest.raises(CallerError):
                await writer.append(topic, 4, outgoing("a"), timeout_s=DEADLINE_S)

    @pytest.mark.parametrize("how", ["short of time", "cancelled"])
    async def test_appending_again_remedies_an_unknown_outcome(self, log: EventLog, topic: str, how: str) -> None:
        """After a try of unknown outcome the same bytes again bring every record, first occurrences in order."""
        start, _ = await bounds_of(log, (topic, 0))
        wanted = [str(number) for number in range(50)]
        async with log.writer() as writer:
            await writer.append(topic, 0, outgoing("start"), timeout_s=DEADLINE_S)
            try:
                async with asyncio.timeout(0 if how == "cancelled" else DEADLINE_S):
                    await writer.append(
                        topic, 0, outgoing(*wanted), timeout_s=DEADLINE_S if how == "cancelled" else 0.000_1
                    )
            except (Unavailable, TimeoutError):
                pass
            await writer.append(topic, 0, outgoing(*wanted), timeout_s=DEADLINE_S)
            await writer.append(topic, 0, outgoing("end"), timeout_s=DEADLINE_S)

        found = await read_until(log, (topic, 0), b"end", start=start)

        assert [(value or b"").decode() for value in dict.fromkeys(found)] == ["start", *wanted, "end"]
