"""What every log keeps of the promises of LogAdmin."""

from __future__ import annotations

import pytest

from contracts.records import append, values_of
from contracts.waiting import bounds_of, read_partition
from dojopool.errors import CallerError
from dojopool.ports import EventLog


class LogAdminContract:
    """To be mixed into EventLogContract."""

    async def test_a_topic_is_made_once(self, log: EventLog, unique_prefix: str) -> None:
        """Creating says whether the topic is new; one that exists keeps its settings."""
        name = f"{unique_prefix}.events.us"
        async with log.admin() as admin:
            assert await admin.create_topic(name, partitions=3, config={"retention.ms": "-1"})
            assert not await admin.create_topic(name, partitions=5, config={"retention.ms": "1000"})
            found = await admin.describe_topic(name)

        assert found is not None
        assert found.partitions == 3
        assert found.config["retention.ms"] == "-1"

    async def test_a_new_topic_takes_records_at_once(self, log: EventLog, unique_prefix: str) -> None:
        """Whoever created a topic can append to each of its partitions and read them."""
        name = f"{unique_prefix}.events.us"
        async with log.admin() as admin:
            await admin.create_topic(name, partitions=3, config={})

        offsets = [await append(log, name, number, f"p{number}") for number in range(3)]

        for number, offset in enumerate(offsets):
            assert values_of(await read_partition(log, (name, number), start=offset, records=1)) == [f"p{number}"]

    async def test_a_topic_that_does_not_exist_is_none(self, log: EventLog, unique_prefix: str) -> None:
        """Describing a topic does not make it."""
        async with log.admin() as admin:
            assert await admin.describe_topic(f"{unique_prefix}.missing") is None
            assert await admin.describe_topic(f"{unique_prefix}.missing") is None

    @pytest.mark.parametrize(
        ("suffix", "partitions", "config"),
        [
            (".events.us", 1, {"no.such.setting": "1"}),
            (".events.us", 0, {}),
            ("/events us", 1, {}),
            ("." + "x" * 250, 1, {}),
        ],
        ids=["unknown setting", "no partitions", "bad name", "long name"],
    )
    async def test_an_impossible_topic_is_the_callers_fault(
        self, log: EventLog, unique_prefix: str, suffix: str, partitions: int, config: dict[str, str]
    ) -> None:
        """A topic that can never exist as asked for is refused, and nothing is made."""
        name = unique_prefix + suffix
        async with log.admin() as admin:
            with pytest.raises(CallerError):
                await admin.create_topic(name, partitions=partitions, config=config)
            if suffix == ".events.us":
                assert await admin.describe_topic(name) is None

    async def test_trimming_deletes_what_is_below(self, log: EventLog, topic: str) -> None:
        """After a trim the first offset is the one named, and the rest is as it was, in this partition alone."""
        await append(log, topic, 0, "a", "b")
        kept = await append(log, topic, 0, "c", "d")
        await append(log, topic, 1, "x")
        _, end = await bounds_of(log, (topic, 0))
        beside = await bounds_of(log, (topic, 1))
        async with log.admin() as admin:
            await admin.trim((topic, 0), before=kept)

        assert await bounds_of(log, (topic, 0)) == (kept, end)
        assert await bounds_of(log, (topic, 1)) == beside
        assert values_of(await read_partition(log, (topic, 0), start=kept, records=2)) == ["c", "d"]

    async def test_a_whole_partition_may_be_trimmed(self, log: EventLog, topic: str) -> None:
        """Trimming to the end leaves an empty partition whose offsets go on."""
        await append(log, topic, 0, "a", "b")
        _, end = await bounds_of(log, (topic, 0))
        async with log.admin() as admin:
            await admin.trim((topic, 0), before=end)

        assert await bounds_of(log, (topic, 0)) == (end, end)
        assert await append(log, topic, 0, "c") >= end

    async def test_trimming_below_the_first_offset_changes_nothing(self, log: EventLog, topic: str) -> None:
        """The first offset of a log never falls."""
        start = await append(log, topic, 0, "a", "b")
        async with log.admin() as admin:
            await admin.trim((topic, 0), before=start + 1)
            before = await bounds_of(log, (topic, 0))
            await admin.trim((topic, 0), before=start)

        assert await bounds_of(log, (topic, 0)) == before

    async def test_trimming_above_the_end_is_the_callers_fault(self, log: EventLog, topic: str) -> None:
        """Records that do not exist yet cannot be deleted."""
        await append(log, topic, 0, "a")
        before = await bounds_of(log, (topic, 0))
        async with log.admin() as admin:
            with pytest.raises(CallerError):
                await admin.trim((topic, 0), before=before[1] + 1)

        assert await bounds_of(log, (topic, 0)) == before
