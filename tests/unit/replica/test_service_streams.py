"""What a replica makes of its streams: marks, letters, repeats, gaps, limits, and logs that are not what they were."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dojopool.core import streams
from dojopool.core.cut import Mark
from dojopool.games.loading import LoadedGame
from dojopool.replica import intake
from support.pipeline import POOL, Pipeline, Running, Scorer, passed, until

US = "us/gs-2#b"


class Newer(LoadedGame):
    """The same game of another fold version."""

    @property
    def version(self) -> str:
        return "pool-2"


async def named(running: Running, *parts: str) -> str:
    """Wait until the problems name all `parts`, and return them."""
    await until(lambda: all(part in running.problems() for part in parts), f"problems name {parts}")
    return running.problems()


async def test_repeated_records_count_once() -> None:
    """A mirror that copies again what it had copied changes nothing, and the repeats are told."""
    pipeline, us = Pipeline(), Scorer(US)
    values = [us.points("m-1") for _ in range(5)]
    async with pipeline.replica() as running:
        pipeline.append(*values, region="us")
        pipeline.append(*values[2:], us.points("m-1"), region="us")
        await pipeline.settled()

    assert await pipeline.points("m-1") == 6
    assert sum(facts.duplicates for facts in running.facts.batches) == 3


async def test_repeated_marks_mean_nothing() -> None:
    """A mirror that goes back over marks and stops short of the newest leaves no gap: what counts is the first time a
    tick is seen.
    """
    pipeline = Pipeline()
    async with pipeline.replica() as running:
        for tick in (1, 2, 3, 4, 5, 2, 3):
            pipeline.append_mark(tick, region="us")
            await pipeline.settled(regions=["us"])
        repeated = pipeline.stored()["us"]
        pipeline.append_mark(6, region="us")
        await pipeline.settled(regions=["us"])
        problems = running.problems()

    assert (repeated.tick, repeated.mark_offset, repeated.next_offset) == (5, 4, 7)
    assert (pipeline.stored()["us"].tick, problems) == (6, "")


async def test_an_event_counts_only_in_its_own_region_s_stream() -> None:
    """What a node of us writes into eu's stream is a letter there, and an event in its own."""
    pipeline, us = Pipeline(), Scorer(US)
    value = us.points("m-1", 5)
    async with pipeline.replica():
        pipeline.append(value, region="eu")
        pipeline.append(value, region="us")
        await pipeline.settled()

    [letter] = pipeline.letters()
    assert letter.key == b"dojo.events.eu/0/0"
    assert dict(letter.headers)["dojo-reason"].startswith(b"node us/gs-2#b is not of region eu")
    assert await pipeline.points("m-1") == 5


async def test_a_damaged_record_is_a_letter_and_the_stream_goes_on() -> None:
    """Bytes and headers are kept in the letter, and what stands behind the record is read."""
    pipeline, eu = Pipeline(), Scorer()
    async with pipeline.replica() as running:
        pipeline.append_raw((b"m-1", b"damaged"), headers=(("trace", b"t-1"),))
        pipeline.append(eu.points("m-1"))
        await pipeline.settled()

    [letter] = pipeline.letters()
    assert (letter.value, letter.headers[0]) == (b"damaged", ("trace", b"t-1"))
    assert await pipeline.points("m-1") == 1
    assert [offset for _, _, offset, _ in running.facts.letters] == [0]


async def test_marks_come_about_once_a_second() -> None:
    """The own stream of each partition is marked without a gap, whether anything is written to it or not."""
    pipeline = Pipeline(partitions=2)
    async with pipeline.replica():
        await passed(20)

    for number in range(2):
        values = pipeline.values(pipeline.config.own_topic, number)
        marks = [found for found in map(POOL.codec.decode, values) if isinstance(found, Mark)]
        assert [mark.tick for mark in marks] == list(range(1, len(marks) + 1))
        gaps_ms = [later.time_ms - earlier.time_ms for earlier, later in pairwise(marks)]
        assert min(gaps_ms) >= 1000
        assert max(gaps_ms) <= 1300
    assert pipeline.ticks(region="us") == []


async def test_marks_that_cannot_be_appended_are_told() -> None:
    """The reason shows with the partition, and to the observer, until a mark of that partition is in the log."""
    pipeline = Pipeline()
    async with pipeline.replica() as running:
        await until(lambda: pipeline.ticks() != [], "the first mark")
        pipeline.log.fail_next_append(stored=False, topic=pipeline.config.own_topic)
        problems = await named(running, "the marks of partition 0: appending 1 records to dojo.events.eu/0")
        await until(lambda: running.problems() == "", "a mark is appended")

    assert problems.count("partition 0") == 1
    assert [number for number, _ in running.facts.marks_failed] == [0]


async def test_marks_of_others_are_kept_to() -> None:
    """While somebody else marks the stream every second, nobody adds to it; a repeated tick harms nothing."""
    pipeline = Pipeline()
    async with pipeline.replica() as running:
        await until(lambda: pipeline.ticks() == [1], "the first mark")
        for tick in range(2, 12):
            pipeline.append_mark(tick)
            pipeline.append_mark(tick)
            await passed(0.8)
        kept_to = pipeline.ticks()
        await until(lambda: pipeline.ticks()[-1] == 12, "the next mark is the replica's own again")
        await pipeline.settled(regions=["eu"])
        problems = running.problems()

    assert kept_to == [1, *sorted([*range(2, 12), *range(2, 12)])]
    assert problems == ""


async def test_a_stream_that_was_not_read_to_its_end_is_not_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the own stream is held up, behind where it is read a mark may lie that only its reader would know."""
    monkeypatch.setattr(streams, "WAITING_MAX", 2)
    pipeline, eu, us = Pipeline(), Scorer(), Scorer(US)
    needs_us = [eu.points("m-1", seen={US: 1}) for _ in range(4)]
    pipeline.append(*needs_us)
    pipeline.append_mark(1)
    async with pipeline.replica() as running:
        await named(running, "the stream of eu is not read on")
        await passed(5)
        before = pipeline.ticks()
        pipeline.append(us.points("m-1"), region="us")
        await until(lambda: pipeline.ticks() == [1, 2], "the mark behind the one that lay there")

    assert before == [1]


async def test_a_gap_stops_its_stream_alone() -> None:
    """A tick that is missing stops the stream in front of it, in its partition; the others go on, and /readyz names
    both facts, also after a restart.
    """
    pipeline, eu, us = Pipeline(partitions=2), Scorer(), Scorer(US)
    here, there = (pipeline.match_in(number) for number in range(2))
    async with pipeline.replica() as running:
        pipeline.append_raw((here.encode(), b"damaged"), region="us")
        pipeline.append(us.points(here), region="us")
        pipeline.append_mark(1, region="us")
        pipeline.append_mark(3, region="us")
        pipeline.append(us.points(here), region="us")
        problems = await named(running, "jumps from mark 1")
        pipeline.append(us.points(here), region="us")
        pipeline.append(eu.points(here))
        pipeline.append(us.points(there), eu_free(there), region="us", partition=1)
        await pipeline.settled(regions=["eu"])
        await pipeline.settled(partition=1)
        still_ready = running.replica.report().is_ready
    async with pipeline.replica("replica-2") as successor:
        again = await named(successor, "jumps from mark 1")

    assert "partition 0: the stream of region us jumps from mark 1 (offset 2) to mark 3 (offset 3): records" in problems
    assert again == problems
    assert not still_ready
    assert (await pipeline.points(here), await pipeline.points(there)) == (2, 2)
    assert pipeline.stored()["us"].next_offset <= 3
    assert pipeline.letters()[0].key == b"dojo.events.us/0/0"


def eu_free(match: str) -> bytes:
    """An event of another node of us."""
    return Scorer("us/gs-3#c").points(match)


async def test_a_successor_reads_on_at_the_last_mark() -> None:
    """After a restart what lies behind the last mark is read again, as duplicates; nothing is lost or counted twice."""
    pipeline, eu = Pipeline(), Scorer()
    pipeline.append_mark(1)
    pipeline.append(*(eu.points("m-1") for _ in range(3)))
    async with pipeline.replica():
        await pipeline.settled(regions=["eu"])
        ended_with = pipeline.log.partition((pipeline.config.own_topic, 0)).end
    pipeline.append(eu.points("m-1"))
    async with pipeline.replica("replica-2") as successor:
        await pipeline.settled(regions=["eu"])

    assert await pipeline.points("m-1") == 4
    assert ended_with == 4
    assert sum(facts.duplicates for facts in successor.facts.batches) == 3
    assert sum(facts.events for facts in successor.facts.batches) == 1


async def played(pipeline: Pipeline, scorer: Scorer, events: int) -> None:
    """Let a replica store `events` events and two marks behind each of them."""
    async with pipeline.replica():
        for _ in range(events):
            pipeline.append(scorer.points("m-1"))
            ticks = len(pipeline.ticks())
            await until(lambda ticks=ticks: len(pipeline.ticks()) >= ticks + 2, "two marks")  # type: ignore[misc]  # a default is no fault
            await pipeline.settled(regions=["eu"])


async def test_a_log_that_was_replaced_is_noticed() -> None:
    """A new log of the same name, grown longer than the old one, stops the stream with what was wanted and found;
    nothing of it is taken in.
    """
    pipeline = Pipeline()
    await played(pipeline, Scorer(), 2)
    stored = pipeline.stored()["eu"]
    pipeline.log.recreate_topic(pipeline.config.own_topic)
    other = Scorer("eu/gs-9#z")
    pipeline.append(*(other.points("m-1", 100) for _ in range(stored.next_offset + 20)))
    async with pipeline.replica("replica-2") as running:
        problems = await named(running, "the log was replaced or lost its tail")
        await passed(5)

    assert f"contains mark {stored.tick} of region eu at offset {stored.mark_offset}, but the log has an" in problems
    assert f"at offset {stored.mark_offset}: the log" in problems
    assert await pipeline.points("m-1") == 2


async def test_a_log_that_is_shorter_than_the_state_is_noticed() -> None:
    """A log that was replaced, or lost its tail, and has not grown since cannot be read on; the offsets are told."""
    pipeline = Pipeline()
    await played(pipeline, Scorer(), 2)
    stored = pipeline.stored()["eu"]
    pipeline.log.cut_tail(("dojo.events.eu", 0), 3)
    async with pipeline.replica("replica-2") as running:
        problems = await named(running, "was wanted")

    assert f"the log holds 0 to {stored.next_offset - 3}" in problems
    assert running.facts.claimed == []


async def test_a_tail_that_was_lost_and_grew_again_is_noticed() -> None:
    """Every stored offset is there again, under other records: the mark that is missing gives it away."""
    pipeline = Pipeline()
    await played(pipeline, Scorer(), 2)
    pipeline.log.cut_tail(("dojo.events.eu", 0), 3)
    other = Scorer("eu/gs-9#z")
    pipeline.append(*(other.points("m-1", 100) for _ in range(30)))
    async with pipeline.replica("replica-2") as running:
        await named(running, "lost its tail", "an event (Event(m-1 eu/gs-9#z:")
        await passed(5)

    assert await pipeline.points("m-1") == 2


async def test_what_grew_behind_the_last_mark_is_not_skipped() -> None:
    """Where records behind the last mark were lost, those in their place are read: offsets alone would skip some."""
    pipeline, eu = Pipeline(), Scorer()
    pipeline.append_mark(1)
    pipeline.append(*(eu.points("m-1") for _ in range(4)))
    async with pipeline.replica():
        await pipeline.settled(regions=["eu"])
    pipeline.log.cut_tail(("dojo.events.eu", 0), 4)
    other = Scorer("eu/gs-9#z")
    pipeline.append(*(other.points("m-1", 10) for _ in range(6)))
    async with pipeline.replica("replica-2"):
        await pipeline.settled(regions=["eu"])

    assert await pipeline.points("m-1") == 64


async def test_without_state_a_trimmed_log_stops_the_partition() -> None:
    """Nothing is served that silently lacks what was trimmed: the partition waits, named with both offsets."""
    pipeline, eu = Pipeline(), Scorer()
    pipeline.append(*(eu.points("m-1") for _ in range(5)))
    pipeline.log.partition(("dojo.events.eu", 0)).trim(3)
    async with pipeline.replica() as running:
        problems = await named(running, "offset 0 of dojo.events.eu/0 was wanted, the log holds 3 to 5")
        await passed(10)

    assert problems.startswith("partition 0: ")
    assert (running.facts.claimed, await pipeline.view("m-1")) == ([], {})


async def test_records_that_are_trimmed_unread_stop_the_partition() -> None:
    """A gap that opens in front of a running reader is told, never skipped."""
    pipeline, eu = Pipeline(), Scorer()
    async with pipeline.replica() as running:
        pipeline.append(eu.points("m-1"))
        await pipeline.settled()
        pipeline.log.stop_answering()
        await passed(0.2)
        end = pipeline.append(*(eu.points("m-1") for _ in range(5)))
        pipeline.log.partition(("dojo.events.eu", 0)).trim(end + 3)
        pipeline.log.answer_again()
        await named(running, "partition 0: offset", "was wanted, the log holds")
        await passed(10)

    assert await pipeline.points("m-1") == 1


async def test_another_fold_version_is_rebuilt() -> None:
    """State that another version wrote is read from the log anew, and stored under the new one."""
    pipeline, eu = Pipeline(), Scorer()
    pipeline.append(*(eu.points("m-1") for _ in range(3)))
    async with pipeline.replica():
        await pipeline.settled(regions=["eu"])
    async with pipeline.replica("replica-2", loaded=Newer(POOL.game, POOL.codec)) as newer:
        await until(lambda: bool(newer.facts.batches), "the first batch of the new version")
        await pipeline.settled(regions=["eu"])

    assert (await pipeline.store.claim(0, owner="test")).version == "pool-2"
    assert sum(facts.events for facts in newer.facts.batches) == 3
    assert await pipeline.points("m-1") == 3


async def test_a_stream_at_its_limit_waits_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose events wait for another region's is not read further, and what is missing is named; the other
    goes on, and frees it.
    """
    monkeypatch.setattr(streams, "WAITING_MAX", 5)
    pipeline, eu, us = Pipeline(), Scorer(), Scorer(US)
    freeing = eu.points("m-1")
    async with pipeline.replica() as running:
        pipeline.append(*(us.points("m-1", seen={eu.node: 1}) for _ in range(12)), region="us")
        problems = await named(running, "the stream of us is not read on", "5 of its events wait")
        pipeline.append(eu.points("m-2"), partition=0)
        pipeline.append(us.points("m-1"), region="us")
        await until(lambda: "m-2" in pipeline.store.take_copy().partitions[0].states, "the stream of eu goes on")
        held_back = pipeline.stored()["us"].next_offset
        pipeline.append(us.points("m-1"), region="us")
        await passed(1)
        kept = len(running.lanes[0].left["us"])
        pipeline.append(freeing)
        await pipeline.settled()
        report = running.replica.report()

    assert "missing are {'m-1': {'eu/gs-1#a': [(1, 1)]}}" in problems
    assert (held_back, kept) == (5, 7)
    assert report.is_ready
    assert await pipeline.points("m-1") == 15


async def test_more_records_than_a_batch_takes_are_all_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog is stored in bounded pieces."""
    monkeypatch.setattr(intake, "BATCH_RECORDS_MAX", 10)
    pipeline, eu = Pipeline(), Scorer()
    pipeline.append(*(eu.points("m-1") for _ in range(95)))
    async with pipeline.replica() as running:
        await pipeline.settled(regions=["eu"])

    assert await pipeline.points("m-1") == 95
    assert [facts.events for facts in running.facts.batches if facts.events] == [10] * 9 + [5]
