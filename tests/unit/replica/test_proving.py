"""Logs that are replaced under a running replica, and what is not mistaken for that."""

from __future__ import annotations

from dojopool.replica.proving import STREAMS_MAX
from support.pipeline import Pipeline, Running, Scorer, passed, until


async def marked(pipeline: Pipeline, running: Running, *, ticks: int = 3) -> None:
    """Wait until the replica has written and stored some marks, and had time to look at them."""
    await until(lambda: len(pipeline.ticks()) >= ticks, "marks")
    await pipeline.settled(regions=["eu"])
    await passed(5)
    assert running.problems() == ""


async def test_a_log_replaced_and_refilled_at_once_is_noticed() -> None:
    """A reader that finds its offset in the new log goes on there; the mark that is no longer where it was gives the
    log away, although newer marks are in the new one.
    """
    pipeline = Pipeline()
    async with pipeline.replica() as running:
        pipeline.append(Scorer().points("m-1", 2))
        await marked(pipeline, running)
        other = Scorer("eu/gs-9#z")
        pipeline.log.recreate_topic(pipeline.config.own_topic)
        pipeline.append(*(other.points("m-1", 100) for _ in range(100)))
        await until(lambda: "the log was replaced or lost its tail" in running.problems(), "it is noticed")
        stopped = running.lanes[0].partition.next_offset("eu")
        pipeline.append(other.points("m-1", 100))
        await passed(5)
        await pipeline.settled(regions=["us"])

    assert running.lanes == {} or stopped == running.lanes[0].partition.next_offset("eu")
    assert "of region eu at offset" in "".join(str(error) for _, error in running.facts.failed)
    assert await pipeline.points("m-1") == 2


async def test_a_log_that_is_the_same_is_left_alone() -> None:
    """Looking at marks stops nothing, also where they were trimmed away meanwhile, and in every one of many streams."""
    pipeline = Pipeline(partitions=STREAMS_MAX + 1)
    async with pipeline.replica() as running:
        await marked(pipeline, running)
        log = pipeline.log.partition((pipeline.config.own_topic, 0))
        log.trim(log.end)
        await passed(30)

        assert running.problems() == ""
    assert running.facts.failed == []


async def test_the_log_of_every_partition_is_proven_in_turn() -> None:
    """With more streams than are looked at in one period, none is left out."""
    pipeline = Pipeline(partitions=STREAMS_MAX + 1)
    last = STREAMS_MAX
    async with pipeline.replica() as running:
        await marked(pipeline, running)
        log = pipeline.log.partition((pipeline.config.own_topic, last))
        records = log.read(0)
        log.cut_tail(len(records))
        log.append(records[1:] + records[-1:] * 2)
        await until(lambda: f"the state of partition {last} contains mark" in running.problems(), "it is noticed")

        assert list(running.lanes[last].partition.broken) == ["eu"]
