"""Taking partitions over and letting them go, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from dojopool.errors import Refused, StoreMoved
from dojopool.ports import LogReader
from dojopool.replica.holdings import RETRY_S, Holdings
from dojopool.replica.lane import Lane
from dojopool.replica.letters import DeadLetters
from dojopool.replica.loading import take_over
from support.pipeline import POOL, Facts, LoopClock, Pipeline, Scorer, mark, passed, records
from support.slow_store import SlowStore


@asynccontextmanager
async def held(pipeline: Pipeline) -> AsyncIterator[tuple[Holdings[Lane], LogReader, Facts]]:
    """Nothing is held yet; what is, is given up at the end."""
    facts, topics = Facts(), pipeline.config.topics
    async with pipeline.log.writer() as writer, pipeline.log.reader() as reader, asyncio.TaskGroup() as tasks:
        letters = DeadLetters(writer, facts, topic=pipeline.config.letters_topic)
        new_lane = partial(
            Lane,
            topics=topics,
            store=pipeline.store,
            letters=letters,
            clock=LoopClock(),
            observer=facts,
            tasks=tasks,
        )

        async def taken_over(number: int, reader: LogReader) -> Lane:
            return new_lane(
                await take_over(number, store=pipeline.store, reader=reader, loaded=POOL, config=pipeline.config)
            )

        holdings = Holdings(pipeline.config, take_over=taken_over, observer=facts)
        yield holdings, reader, facts
        for lane in holdings.lanes.values():
            lane.abandon()


async def test_a_claim_brings_a_lane_and_its_streams() -> None:
    """What was claimed is held, told, and to be read from where its state ends."""
    async with held(Pipeline(partitions=2)) as (holdings, reader, facts):
        holdings.positions()
        await holdings.claim(1, reader)
        is_changed = holdings.is_changed

        assert is_changed
        assert holdings.positions() == {("dojo.events.eu", 1): 0, ("dojo.events.us", 1): 0}
        assert not holdings.is_changed
        assert [(number, matches) for number, _, matches in facts.claimed] == [(1, 0)]


async def test_what_is_wanted_and_not_held_is_due() -> None:
    """Partitions are due in order, those that failed after a pause only."""
    async with held(Pipeline(partitions=3)) as (holdings, reader, _):
        before = holdings.due({2, 0, 1})
        await holdings.claim(0, reader)
        holdings.lose(1, Refused("fenced"))
        soon = holdings.due({2, 0, 1})
        await passed(RETRY_S)
        later = holdings.due({2, 0, 1})

    assert (before, soon, later) == ([0, 1, 2], [2], [1, 2])


async def test_what_a_store_lost_is_taken_over_at_once() -> None:
    """Nobody contends for what a store lost; where it does so time and again, the pause is kept all the same."""
    async with held(Pipeline()) as (holdings, _, _facts):
        dues = []
        for _ in range(3):
            holdings.lose(0, StoreMoved("moved"))
            dues.append(holdings.due({0}))
        await passed(2 * RETRY_S + 0.1)
        holdings.lose(0, StoreMoved("moved"))
        dues.append(holdings.due({0}))

    assert dues == [[0], [], [], [0]]


async def test_a_claim_that_fails_changes_nothing_that_is_read() -> None:
    """A partition that was never held is named as failed, and the streams of others are left alone."""
    pipeline = Pipeline()
    async with held(pipeline) as (holdings, reader, facts):
        holdings.positions()
        pipeline.store.stop_answering()
        await holdings.claim(0, reader)

        assert (holdings.lanes, holdings.is_changed) == ({}, False)
        assert "does not answer" in holdings.failed[0]
        assert (len(facts.failed), facts.released) == (1, [])


async def test_a_success_clears_the_failure() -> None:
    """What was taken over after all is no longer named, nor is what is not wanted any more."""
    async with held(Pipeline(partitions=2)) as (holdings, reader, _):
        for number in range(2):
            holdings.lose(number, Refused("fenced"))
        await holdings.claim(0, reader)
        after_claim = dict(holdings.failed)
        await holdings.release_all_but({0}, reason="moved")

        assert (after_claim, holdings.failed) == ({1: "fenced"}, {})


async def test_a_lane_that_is_lost_is_told_and_its_write_given_up() -> None:
    """Whoever loses a partition it held is seen to have failed and to hold it no more, and sends nothing further."""
    pipeline = Pipeline()
    pipeline.store = store = SlowStore()
    async with held(pipeline) as (holdings, reader, facts):
        await holdings.claim(0, reader)
        store.shut()
        await holdings.lanes[0].take({"eu": records(0, Scorer().points("m-1"))}, ends={})
        await passed(1)
        holdings.lose(0, Refused("gone"))
        store.open()
        await passed(1)

        assert (holdings.lanes, holdings.is_changed) == ({}, True)
        assert (facts.failed, facts.released) == ([(0, "gone")], [(0, "gone")])
        assert pipeline.stored() == {}


async def test_refused_lanes_are_lost() -> None:
    """A lane whose write was refused is dropped, others stay."""
    pipeline = Pipeline(partitions=2)
    async with held(pipeline) as (holdings, reader, facts):
        for number in range(2):
            await holdings.claim(number, reader)
        await pipeline.store.claim(0, owner="test")
        for number in range(2):
            await holdings.lanes[number].take({"eu": records(0, mark(1))}, ends={})
        await passed(1)
        holdings.lose_refused()

        assert list(holdings.lanes) == [1]
        assert facts.failed == [(0, "a write to partition 0 was refused: fenced")]


async def test_a_release_settles_first() -> None:
    """What was sent is stored when the release returns, and the observer is told why."""
    pipeline = Pipeline(partitions=2)
    async with held(pipeline) as (holdings, reader, facts):
        for number in range(2):
            await holdings.claim(number, reader)
            await holdings.lanes[number].take({"eu": records(0, mark(1))}, ends={})
        await holdings.release_all_but({1}, reason="moved")

        assert (list(holdings.lanes), facts.released) == ([1], [(0, "moved")])
        assert pipeline.stored()["eu"].next_offset == 1


async def test_releases_wait_side_by_side() -> None:
    """Many partitions whose store does not answer take no longer to give up than one."""
    pipeline = Pipeline(partitions=4)
    pipeline.store = store = SlowStore()
    async with held(pipeline) as (holdings, reader, facts):
        store.shut()
        for number in range(4):
            await holdings.claim(number, reader)
            await holdings.lanes[number].take({"eu": records(0, mark(1))}, ends={})
        began = asyncio.get_running_loop().time()
        await holdings.release_all_but((), reason="stop")
        took = asyncio.get_running_loop().time() - began

    assert took == 5
    assert sorted(facts.released) == [
        (number, "stop; a write was not confirmed within 5 s: no answer") for number in range(4)
    ]


async def test_broken_streams_are_not_read() -> None:
    """A stream that broke is left out of what is read, and what was left over is read again."""
    async with held(Pipeline()) as (holdings, reader, _):
        await holdings.claim(0, reader)
        lane = holdings.lanes[0]
        lane.partition.broken["us"] = "a gap"
        lane.left["eu"] = records(0, mark(1))

        assert holdings.positions() == {("dojo.events.eu", 0): 0}
        assert lane.left == {}
