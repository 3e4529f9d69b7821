"""What a replica says of itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.core import streams
from dojopool.errors import StreamBroken
from dojopool.replica.lane import Lane
from dojopool.replica.letters import DeadLetters
from dojopool.replica.loading import take_over
from dojopool.replica.status import Health, Report, keep_status, report
from support.pipeline import NOW_MS, POOL, Facts, LoopClock, Pipeline, Scorer, mark, passed, records

JOINED = Health(has_joined=True, wanted=frozenset({0}))


async def lane_of(pipeline: Pipeline, tasks: asyncio.TaskGroup) -> Lane:
    """The lane of partition 0, taken over; letters need a writer that is open, and none are written here."""
    async with pipeline.log.reader() as reader, pipeline.log.writer() as writer:
        topics = pipeline.config.topics
        partition = await take_over(0, store=pipeline.store, reader=reader, loaded=POOL, config=pipeline.config)
        letters = DeadLetters(writer, Facts(), topic=pipeline.config.letters_topic)
        return Lane(partition, topics, pipeline.store, letters, LoopClock(), Facts(), tasks)


@asynccontextmanager
async def kept(pipeline: Pipeline, lanes: dict[int, Lane], tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
    """The status is kept while the context lasts."""
    async with pipeline.log.membership(group="dojo.replica.eu", topic="dojo.events.eu") as membership:
        keeping = tasks.create_task(
            keep_status(
                pipeline.config,
                version=POOL.version,
                store=pipeline.store,
                membership=membership,
                lanes=lambda: lanes,
            )
        )
        yield
        keeping.cancel()


async def test_ready_is_who_holds_all_that_is_wanted() -> None:
    """With every wanted partition held and nothing in the way the report is good."""
    async with asyncio.TaskGroup() as tasks:
        lane = await lane_of(Pipeline(), tasks)

    assert report(JOINED, {0: lane}, {}, now_s=0) == Report(is_ready=True, owned=(0,), problems=())


def test_who_stands_by_is_ready_too() -> None:
    """More replicas than partitions is no fault: one that the group wants nothing of is ready."""
    assert report(Health(has_joined=True), {}, {}, now_s=0).is_ready


def test_before_the_group_has_answered_nothing_is_ready() -> None:
    """A replica that has not joined says so."""
    found = report(Health(), {}, {}, now_s=0)

    assert (found.is_ready, found.problems) == (False, ("the consumer group has not answered yet",))


def test_what_is_wanted_and_not_held_is_named() -> None:
    """Each partition not held is named with the reason, or as being taken over; what is not wanted any more is not."""
    health = Health(has_joined=True, wanted=frozenset({0, 1}))
    found = report(health, {}, {1: "the log lacks its beginning", 2: "long gone"}, now_s=0)

    assert found.problems == (
        "partition 0: is being taken over",
        "partition 1: the log lacks its beginning",
    )


def test_trouble_shows_for_a_while() -> None:
    """What failed is told until the time set for it, since nobody says when it is over."""
    health = Health(has_joined=True, troubles={"reading": ("Kafka does not answer", 20.0)})

    assert report(health, {}, {}, now_s=19.9).problems == ("reading: Kafka does not answer",)
    assert report(health, {}, {}, now_s=20.0).is_ready


async def test_what_holds_a_partition_up_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that is tried again, a broken stream and a full one with what is missing are all told."""
    monkeypatch.setattr(streams, "WAITING_MAX", 2)
    us = Scorer("us/gs-2#b")
    async with asyncio.TaskGroup() as tasks:
        lane = await lane_of(Pipeline(), tasks)
    lane.trouble = "the store does not answer"
    with suppress(StreamBroken):
        lane.partition.feed("eu", records(0, mark(5)))
    lane.partition.feed("us", records(0, *(us.points("m-1", seen={"eu/gs-1#a": 3}) for _ in range(2))))

    problems = report(JOINED, {0: lane}, {}, now_s=0).problems
    assert problems[0] == "partition 0: the store does not answer"
    assert "jumps from mark 0" in problems[1]
    assert problems[2].startswith("partition 0: the stream of us is not read on")
    assert "2 of its events wait, " in problems[2]
    assert "missing are {'m-1': {'eu/gs-1#a': [(1, 3)]}}" in problems[2]


async def test_the_status_tells_what_is_stored() -> None:
    """Region, partitions and fold version are there at once; a partition once it was stored, with its marks."""
    pipeline, lanes = Pipeline(), dict[int, Lane]()
    async with asyncio.TaskGroup() as tasks, kept(pipeline, lanes, tasks):
        await passed(0.1)
        before = await pipeline.store.status()
        lanes[0] = lane = await lane_of(pipeline, tasks)
        await lane.take({"eu": records(0, mark(1, time_ms=NOW_MS - 70))}, ends={})
        await passed(0.1)
        pipeline.store.fail_next_write(applied=False, times=10_000)
        await lane.take({"eu": records(1, mark(2, time_ms=NOW_MS))}, ends={})
        await passed(5)
        after = await pipeline.store.status()
        lane.abandon()

    assert before == {"region": b"eu", "partitions": b"1", "version": POOL.version.encode()}
    assert json.loads(after["0"])["marks"] == {"eu": NOW_MS - 70, "us": 0}
    assert json.loads(after["0"])["at"] == lane.stored_at_ms
    assert json.loads(after["0"])["owner"] == pipeline.config.owner
    assert json.loads(after["0"])["epoch"] == lane.partition.epoch
    assert json.loads(after["0"])["offsets"] == {
        region: position.next_offset for region, position in lane.stored.items()
    }


async def test_offsets_are_committed_for_lag_tools() -> None:
    """Once a second the group learns the next offset that is stored of the own stream; nothing stored, nothing told."""
    pipeline, lanes = Pipeline(), dict[int, Lane]()
    async with asyncio.TaskGroup() as tasks, kept(pipeline, lanes, tasks):
        lanes[0] = lane = await lane_of(pipeline, tasks)
        await passed(2)
        before = committed(pipeline.log)
        await lane.take({"eu": records(0, Scorer().points("m-1")), "us": records(0, mark(1, region="us"))}, ends={})
        await passed(2)

    assert (before, committed(pipeline.log)) == ({}, {0: 1})


async def test_a_store_that_does_not_answer_is_asked_again() -> None:
    """An outage costs the statuses of its time and no more."""
    pipeline = Pipeline()
    async with asyncio.TaskGroup() as tasks, kept(pipeline, {}, tasks):
        pipeline.store.stop_answering()
        await passed(5)
        pipeline.store.answer_again()
        await passed(1.1)
        found = await pipeline.store.status()

    assert found["partitions"] == b"1"


def committed(log: MemoryLog) -> dict[int, int]:
    """What the group was told."""
    return dict(log.committed(group="dojo.replica.eu", topic="dojo.events.eu"))
