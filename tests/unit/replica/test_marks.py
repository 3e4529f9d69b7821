"""When a mark is due, and what is written then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from dojopool.core.cut import Mark, Position
from dojopool.ports import Head
from dojopool.replica.marks import MarkWriter
from dojopool.replica.partition import OwnedPartition
from support.pipeline import NOW_MS, POOL, LoopClock, Pipeline


@pytest.fixture
def pipeline() -> Pipeline:
    """A log of two partitions; no replica runs."""
    return Pipeline(partitions=2)


@pytest.fixture
async def marks(pipeline: Pipeline) -> AsyncIterator[MarkWriter]:
    """The marks of region eu."""
    async with pipeline.log.writer() as writer:
        now = asyncio.get_running_loop().time
        yield MarkWriter(writer, POOL.codec, LoopClock(), now, region="eu", topic=pipeline.config.own_topic)


def owned(position: Position, number: int = 0) -> OwnedPartition:
    """A partition whose stream of eu was read to `position`."""
    partition = OwnedPartition(number, Head(1, None, None), POOL, partitions=2, regions=("eu", "us"))
    partition.streams.positions["eu"] = position
    return partition


def read_to(next_offset: int, tick: int = 0) -> Position:
    """A position behind mark `tick`."""
    return Position(next_offset, tick, next_offset - 1 if tick else -1, NOW_MS)


async def test_a_stream_without_marks_gets_one_at_once(marks: MarkWriter) -> None:
    """The first mark of a stream need not wait a second."""
    assert marks.due(owned(read_to(3)), end=3)


async def test_nobody_marks_what_was_not_read_to_its_end(marks: MarkWriter) -> None:
    """Behind the end somebody else's mark may lie: no mark is due there, however long it lasts."""
    behind = owned(read_to(3, tick=2))
    unread = owned(read_to(0), number=1)

    seen = []
    for _ in range(5):
        seen += [marks.due(behind, end=4), marks.due(unread, end=1), marks.due(behind, end=None)]
        await asyncio.sleep(1)  # a second of the loop's clock passes

    assert seen == [False] * 15


async def test_a_mark_is_due_a_second_after_the_last_was_seen(marks: MarkWriter) -> None:
    """Any mark counts, whoever wrote it: a second after the newest was noticed the next is due, not before."""
    partition = owned(read_to(3, tick=2))
    seen = [marks.due(partition, end=3)]
    await asyncio.sleep(0.9)  # almost the period
    seen.append(marks.due(partition, end=3))
    partition.streams.positions["eu"] = read_to(5, tick=3)
    seen.append(marks.due(partition, end=5))
    await asyncio.sleep(0.9)  # more than a second after the first, less than one after the second
    seen.append(marks.due(partition, end=5))
    await asyncio.sleep(0.2)  # now it is more
    seen.append(marks.due(partition, end=5))

    assert seen == [False, False, False, False, True]


async def test_a_mark_carries_the_next_tick_and_the_time(marks: MarkWriter, pipeline: Pipeline) -> None:
    """The tick is the last one read plus one, the time that of the wall clock, the record has no key."""
    await asyncio.sleep(7)  # the wall clock follows the loop's
    await marks.write([owned(read_to(3, tick=2)), owned(read_to(0), number=1)])

    records = [pipeline.log.partition((pipeline.config.own_topic, number)).read(0) for number in (0, 1)]
    found = [(record.key, POOL.codec.decode(record.value or b"")) for [record] in records]
    assert found == [(None, Mark("eu", 3, NOW_MS + 7000)), (None, Mark("eu", 1, NOW_MS + 7000))]


async def test_what_was_written_is_not_written_again_at_once(marks: MarkWriter) -> None:
    """Until its mark is read back a partition waits a second, also when the mark may not have arrived."""
    partition = owned(read_to(3))
    marks.due(partition, end=3)
    await asyncio.sleep(5)  # long due
    await marks.write([partition])
    soon = marks.due(partition, end=3)
    await asyncio.sleep(1)  # the period

    assert (soon, marks.due(partition, end=3)) == (False, True)


async def test_a_partition_that_does_not_answer_does_not_keep_others(marks: MarkWriter, pipeline: Pipeline) -> None:
    """Marks of several partitions are written side by side, and a failure is no more than a mark that is missing."""
    pipeline.log.fail_next_append(stored=False)
    await marks.write([owned(read_to(0)), owned(read_to(0), number=1)])
    began = asyncio.get_running_loop().time()
    pipeline.log.stop_answering()
    await marks.write([owned(read_to(0)), owned(read_to(0), number=1)])
    took = asyncio.get_running_loop().time() - began

    assert (pipeline.ticks(partition=0), pipeline.ticks(partition=1)) == ([], [1])
    assert sorted(marks.failed) == [0, 1]
    assert took == pytest.approx(2.0)
