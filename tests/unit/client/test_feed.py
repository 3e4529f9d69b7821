"""Whoever waits for a match is rung for every change of it, and never left alone with a stream that was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from dojopool.adapters.memory_store import MemoryStore
from dojopool.client.feed import LINGER_S, WAIT_MS, Feed
from dojopool.core.partition import partition_of
from dojopool.ports import ChangeBatch
from support.region import PARTITIONS, Region, points
from support.virtual_time import in_virtual_time

MATCH = "m-1"
PARTITION = partition_of(MATCH, PARTITIONS)
NEIGHBOUR = next(f"n-{number}" for number in range(99) if partition_of(f"n-{number}", PARTITIONS) == PARTITION)


class Counted(MemoryStore):
    """A store that counts how often its stream was waited on, and can be made slow to tell."""

    def __init__(self) -> None:
        super().__init__(region="eu")
        self.waits = 0
        self.delay_s = 0.0

    async def changes(self, partition: int, *, after: str, timeout_ms: int) -> Sequence[ChangeBatch]:
        """See `ports.ViewReader`."""
        self.waits += 1
        await asyncio.sleep(self.delay_s)
        return await super().changes(partition, after=after, timeout_ms=timeout_ms)


@asynccontextmanager
async def feed_of(region: Region) -> AsyncIterator[Feed]:
    """A feed of the match's partition."""
    async with asyncio.TaskGroup() as tasks:
        feed = Feed(PARTITION, views=region.store, tasks=tasks)
        yield feed
        if feed.task is not None:
            feed.task.cancel()


async def change(region: Region, match: str = MATCH) -> None:
    """Let a match change in the store."""
    async with region.connect(f"eu/hand-{region.log.new_writer()}#a") as dojo:
        await (await dojo.match(match)).record(points())
    await region.fold()


async def turns() -> None:
    """Let every ready task run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def rings_at_a_change(region: Region, ring: asyncio.Event) -> bool:
    """Whether a change of the match rings."""
    ring.clear()
    await change(region)
    await turns()
    return ring.is_set()


@in_virtual_time
async def test_a_change_rings_whoever_waits_for_that_match() -> None:
    """Each of several is rung, and nobody who waits for another match of the partition."""
    region = Region()
    async with feed_of(region) as feed:
        with feed.rings(MATCH) as first, feed.rings(MATCH) as second, feed.rings(NEIGHBOUR) as other:
            await turns()
            for ring in (first, second, other):
                ring.clear()
            await change(region)
            await turns()

            assert [ring.is_set() for ring in (first, second, other)] == [True, True, False]
            await change(region, NEIGHBOUR)
            await turns()
            assert other.is_set()


@in_virtual_time
async def test_the_first_look_at_the_stream_rings() -> None:
    """What changed between beginning to wait and the first look at the stream would otherwise be missed."""
    region = Region()
    await change(region)
    async with feed_of(region) as feed:
        with feed.rings(MATCH) as ring:
            assert not ring.is_set()
            await turns()
            assert ring.is_set()


@in_virtual_time
async def test_changes_are_rung_for_however_many_there_are() -> None:
    """A stream that is read in pieces is read to its end, each piece once."""
    region = Region()
    region.store = store = Counted()
    async with feed_of(region) as feed:
        with feed.rings(MATCH) as ring:
            await turns()
            store.delay_s = 5.0
            await change(region, NEIGHBOUR)
            await turns()
            async with region.connect() as dojo:
                neighbour = await dojo.match(NEIGHBOUR)
                for _ in range(250):
                    await neighbour.record(points())
                    await region.fold()
            await change(region)
            ring.clear()
            store.delay_s, store.waits = 0.0, 0
            await asyncio.sleep(5.5)  # of a clock that jumps: the first wait is over, and so is a quiet one

            assert ring.is_set()
            assert store.waits <= 5


@in_virtual_time
async def test_a_stream_that_began_anew_rings_everyone() -> None:
    """After a flush the old cursor may never be passed, so a quiet stream is compared with it."""
    region = Region()
    await change(region)
    async with feed_of(region) as feed:
        with feed.rings(MATCH) as ring:
            await turns()
            ring.clear()
            region.store.flush()
            await asyncio.sleep(2 * WAIT_MS / 1000)  # of a clock that jumps

            assert ring.is_set()


@in_virtual_time
async def test_a_quiet_stream_rings_nobody() -> None:
    """Looking at the stream again and again is no change."""
    region = Region()
    await change(region)
    async with feed_of(region) as feed:
        with feed.rings(MATCH) as ring:
            await turns()
            ring.clear()
            await asyncio.sleep(60.0)  # of a clock that jumps

            assert not ring.is_set()


@in_virtual_time
async def test_a_store_that_does_not_answer_rings_and_is_asked_again() -> None:
    """Those who wait meet the trouble themselves, and afterwards changes are rung for again."""
    region = Region()
    async with feed_of(region) as feed:
        with feed.rings(MATCH) as ring:
            await turns()
            ring.clear()
            region.store.stop_answering()
            await asyncio.sleep(2 * WAIT_MS / 1000)  # of a clock that jumps
            assert ring.is_set()
            region.store.answer_again()
            await asyncio.sleep(1.0)  # of a clock that jumps

            assert await rings_at_a_change(region, ring)


@in_virtual_time
async def test_a_stream_is_read_a_while_longer_and_then_no_more() -> None:
    """Readers of their own writes come again and again; a stream nobody wants costs nothing in the end."""
    region = Region()
    region.store = store = Counted()
    async with feed_of(region) as feed:
        with feed.rings(MATCH):
            await asyncio.sleep(30.0)  # of a clock that jumps
        waited = store.waits
        assert waited >= 29
        await asyncio.sleep(LINGER_S - 2.0)  # of a clock that jumps
        lingered = store.waits
        assert lingered > waited
        await asyncio.sleep(60.0)  # of a clock that jumps
        assert store.waits <= lingered + 3

        with feed.rings(MATCH) as ring:
            await turns()
            assert await rings_at_a_change(region, ring)


@in_virtual_time
async def test_all_who_wait_share_one_reader() -> None:
    """A hundred waiting for one partition cost as much as one."""
    region = Region()
    region.store = store = Counted()
    async with feed_of(region) as feed:
        with feed.rings(MATCH), feed.rings(MATCH), feed.rings(NEIGHBOUR):
            await asyncio.sleep(5.5)  # of a clock that jumps

        assert store.waits <= 6
