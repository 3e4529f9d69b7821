"""Who holds a partition: sharing, taking over, being fenced, letting go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from dojopool.adapters.memory_clients import MemoryReader
from dojopool.adapters.memory_group import MemoryMember
from dojopool.errors import ConfigError, Unavailable
from dojopool.ports import Head, TopicPartition
from dojopool.replica import holdings
from dojopool.replica.program import DRAIN_S_MAX
from support.pipeline import Pipeline, Scorer, passed, until
from support.slow_store import SlowStore


def members(pipeline: Pipeline) -> list[MemoryMember]:
    """The members the group counts on."""
    return list(pipeline.log.members(group=pipeline.config.group, topic=pipeline.config.own_topic))


async def test_what_is_appended_reaches_the_readers() -> None:
    """Events of both regions are stored, and a stop leaves nothing behind but what is stored."""
    pipeline, eu, us = Pipeline(), Scorer(), Scorer("us/gs-2#b")
    async with pipeline.replica() as running:
        pipeline.append(eu.points("m-1", 3), eu.points("m-1", 4))
        pipeline.append(us.points("m-1", 5, seen={eu.node: 2}), region="us")
        await pipeline.settled()
        points, report = await pipeline.points("m-1"), running.replica.report()

    assert points == 12
    assert (report.is_ready, report.owned, report.problems) == (True, (0,), ())
    assert (members(pipeline), running.facts.released) == ([], [(0, "the replica stops")])
    assert running.facts.failed == []


async def test_partitions_move_to_who_joins_and_back() -> None:
    """A second replica takes its share over where the first left it, and gives it back when it stops; every event
    counts once.
    """
    pipeline, scorer = Pipeline(partitions=2), Scorer()
    matches = [pipeline.match_in(number) for number in range(2)]

    async def play_on() -> None:
        for number, match in enumerate(matches):
            pipeline.append(scorer.points(match))
            await pipeline.settled(partition=number)

    async with pipeline.replica() as first:
        await play_on()
        async with pipeline.replica("replica-2") as second:
            await until(lambda: second.replica.report().owned == (1,), "the second has its share")
            await play_on()
            shares = first.replica.report().owned, second.replica.report().owned
        await until(lambda: first.replica.report().owned == (0, 1), "the first has all again")
        await play_on()

    assert shares == ((0,), (1,))
    assert [await pipeline.points(match) for match in matches] == [3, 3]
    assert first.facts.failed == second.facts.failed == []
    assert [(number, loaded) for number, _, loaded in first.facts.claimed] == [(0, 0), (1, 0), (1, 1)]
    assert first.facts.released[0] == (1, "the group gave it to another")


async def test_a_zombie_is_fenced() -> None:
    """A replica that does not hear that it lost its partition goes on writing: the store refuses it, and the state is
    the successor's.
    """
    pipeline, scorer = Pipeline(), Scorer()
    async with pipeline.replica() as zombie:
        pipeline.append(scorer.points("m-1"))
        await pipeline.settled()
        members(pipeline)[0].stall()
        async with pipeline.replica("replica-2") as successor:
            await until(lambda: len(members(pipeline)) == 2, "the second has joined")
            pipeline.log.expire_sessions()
            await until(lambda: successor.facts.claimed != [], "the second has claimed")
            believed = zombie.replica.report().owned
            pipeline.append(scorer.points("m-1"))
            await until(lambda: zombie.facts.failed != [], "the zombie was refused")
            await pipeline.settled()
            points, holds = await pipeline.points("m-1"), successor.replica.report().owned
            applied = sum(facts.events for facts in zombie.facts.batches + successor.facts.batches)

    assert (believed, holds) == ((0,), (0,))
    assert zombie.facts.failed[0] == (0, "a write to partition 0 was refused: fenced")
    assert zombie.facts.released[0] == (0, "a write to partition 0 was refused: fenced")
    assert (points, applied) == (2, 2)


async def test_who_was_fenced_pauses_before_it_claims_again() -> None:
    """Long enough for a group to tell it that it lost the partition; told so, it leaves the partition alone."""
    pipeline, scorer = Pipeline(), Scorer()
    async with pipeline.replica() as first:
        pipeline.append(scorer.points("m-1"))
        await pipeline.settled()
        await pipeline.store.claim(0, owner="test")
        await until(lambda: first.facts.failed != [], "the first was refused")
        refused_at = asyncio.get_running_loop().time()
        told = first.problems()
        await until(lambda: len(first.facts.claimed) == 2, "it has claimed again")
        paused = asyncio.get_running_loop().time() - refused_at
        await until(lambda: first.replica.report().is_ready, "all is well again")

    assert paused >= holdings.RETRY_S - 0.1
    assert told == "partition 0: a write to partition 0 was refused: fenced"


async def test_a_partition_that_fails_leaves_the_others_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one partition is tried again and again, the streams of another are not read anew each time."""
    pipeline = Pipeline(partitions=2)
    pipeline.log.partition((pipeline.config.own_topic, 1)).leave_hole(5)
    pipeline.log.partition((pipeline.config.own_topic, 1)).trim(5)
    assign = MemoryReader.assign
    assigned: dict[MemoryReader, list[list[TopicPartition]]] = {}

    def watched(reader: MemoryReader, positions: Mapping[TopicPartition, int]) -> None:
        assigned.setdefault(reader, []).append(sorted(positions))
        assign(reader, positions)

    monkeypatch.setattr(MemoryReader, "assign", watched)
    async with pipeline.replica() as running:
        await until(lambda: len(running.facts.failed) >= 5, "partition 1 has failed five times")
        problems = running.problems()

    assert problems.startswith("partition 1: offset 0 of dojo.events.eu/1 was wanted, the log holds 5 to 5")
    assert [number for number, _, _ in running.facts.claimed] == [0]
    first, *_ = assigned.values()  # another proves marks
    assert first == [[], [("dojo.events.eu", 0), ("dojo.events.us", 0)]]


async def test_a_stop_waits_for_the_write_on_its_way() -> None:
    """What was read is stored when `run` returns, though the store was slow; and the group was left."""
    pipeline = Pipeline()
    pipeline.store = store = SlowStore()
    async with pipeline.replica() as running:
        await until(lambda: bool(running.facts.claimed), "it has claimed")
        store.shut()
        pipeline.append(Scorer().points("m-1"))
        await until(lambda: bool(store.begun), "a write is on its way")
        running.replica.stop()
        await passed(2)
        is_waiting = not running.task.done()
        store.open()
        await running.ended()

    assert is_waiting
    assert (await pipeline.points("m-1"), members(pipeline)) == (1, [])


async def test_a_stop_does_not_wait_for_ever() -> None:
    """While the store is away a stop gives the write up in time, and leaves the group; whoever comes next reads on."""
    pipeline = Pipeline()
    async with pipeline.replica() as running:
        await until(lambda: bool(running.facts.claimed), "it has claimed")
        pipeline.store.stop_answering()
        pipeline.append(Scorer().points("m-1"))
        await passed(1)
        began = asyncio.get_running_loop().time()
        running.replica.stop()
        await running.ended()
        took = asyncio.get_running_loop().time() - began
    left = members(pipeline)
    pipeline.store.answer_again()
    async with pipeline.replica("replica-2"):
        await pipeline.settled()

    assert took <= holdings.SETTLE_S_MAX + 1
    assert left == []
    assert "the replica stops; a write was not confirmed within 5 s: writing a batch" in running.facts.released[0][1]
    assert await pipeline.points("m-1") == 1


async def test_a_stop_breaks_off_what_never_answers() -> None:
    """A claim that hangs is broken off at the limit: `run` says what it was waiting for, and the group is left."""

    class Hanging(SlowStore):
        async def claim(self, partition: int, *, owner: str) -> Head:
            await asyncio.Event().wait()
            raise AssertionError("nothing ever sets it")

    pipeline = Pipeline()
    async with pipeline.replica(store=Hanging()) as running:
        await passed(1)
        began = asyncio.get_running_loop().time()
        running.replica.stop()
        with pytest.raises(Unavailable, match=r"could not in 10 s, because of partition 0: is being taken over"):
            await running.ended()
        took = asyncio.get_running_loop().time() - began

    assert took == pytest.approx(DRAIN_S_MAX)
    assert members(pipeline) == []


async def test_a_stop_takes_nothing_more_over() -> None:
    """A replica that is told to stop while it takes over many partitions ends after the one it is at."""

    class Sluggish(SlowStore):
        async def claim(self, partition: int, *, owner: str) -> Head:
            await asyncio.sleep(1)  # of the loop's clock
            return await super().claim(partition, owner=owner)

    pipeline = Pipeline(partitions=16)
    async with pipeline.replica(store=Sluggish()) as running:
        await passed(2.5)
        running.replica.stop()
        await running.ended()

    assert [number for number, _, _ in running.facts.claimed] == [0, 1, 2]


async def test_a_stop_before_the_start_ends_at_once() -> None:
    """A signal that comes before anything began is not forgotten."""
    pipeline = Pipeline()
    async with pipeline.replica() as running:
        running.replica.stop()
        await running.ended()

    assert running.facts.claimed == []


async def test_another_number_of_partitions_is_refused_at_start() -> None:
    """A store that holds state of another number ends `run` with the plain error, before anything is claimed."""
    pipeline = Pipeline(partitions=2)
    await pipeline.store.put_status({"partitions": b"4"})
    async with pipeline.replica() as running:
        with pytest.raises(ConfigError, match=r"2 partitions were asked for, the store of eu holds state of 4"):
            await running.ended()

    assert running.facts.claimed == []


async def test_a_store_that_forgets_is_refused_at_start() -> None:
    """An eviction policy that drops keys ends `run` at once."""
    pipeline = Pipeline()
    pipeline.store.eviction_policy = "allkeys-lru"
    async with pipeline.replica() as running:
        with pytest.raises(ConfigError, match="noeviction"):
            await running.ended()


async def test_a_region_that_is_added_later_is_read_from_its_beginning() -> None:
    """A deployment that grows by a region counts that region's events beside those already stored."""
    pipeline, eu, us = Pipeline(regions=("eu",)), Scorer(), Scorer("us/gs-2#b")
    async with pipeline.replica():
        pipeline.append(eu.points("m-1", 3))
        await pipeline.settled()
    pipeline.regions = ("eu", "us")
    pipeline.log.create("dojo.events.us", partitions=1, config={})
    pipeline.append(us.points("m-1", 4, seen={eu.node: 1}), region="us")
    async with pipeline.replica("replica-2"):
        await pipeline.settled()
        points = await pipeline.points("m-1")

    assert (points, sorted(pipeline.stored())) == (7, ["eu", "us"])
