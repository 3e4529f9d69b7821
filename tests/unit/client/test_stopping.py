"""Tasks end, also those that do not hear the first time; and nothing of the SDK hangs on one that does not hear."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from dojopool.adapters.memory_store import MemoryStore
from dojopool.client import Accepted, Unknown
from dojopool.client.stopping import AGAIN_S, stopped
from dojopool.errors import Unavailable
from support.region import NODE, Region, points
from support.virtual_time import in_virtual_time

ROUND_TRIP_S = 0.01


class HardOfHearing(MemoryStore):
    """A store whose client loses every cancellation that comes while it waits for a reply, as clients may."""

    async def view(self, partition: int, match: str) -> Mapping[str, bytes]:
        """See `ports.ViewReader`."""
        await deaf(ROUND_TRIP_S)
        return await super().view(partition, match)

    async def status(self) -> Mapping[str, bytes]:
        """See `ports.ViewReader`."""
        await deaf(ROUND_TRIP_S)
        return await super().status()

    async def last_change(self, partition: int) -> str:
        """See `ports.ViewReader`."""
        await deaf(ROUND_TRIP_S)
        return await super().last_change(partition)


async def deaf(seconds: float) -> None:
    """Wait, and do not hear a cancellation meanwhile."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + seconds
    while loop.time() < end_s:
        try:
            await asyncio.sleep(end_s - loop.time())
        except asyncio.CancelledError:
            continue


@in_virtual_time
async def test_tasks_are_cancelled_until_they_end() -> None:
    """One that hears ends at once, one that lost two cancellations with the third."""
    ended = []

    async def work(name: str, deaf_s: float) -> None:
        try:
            await deaf(deaf_s)
            await asyncio.sleep(1000.0)  # of a clock that jumps
        finally:
            ended.append((name, asyncio.get_running_loop().time()))

    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(work("hears", 0.0)), tasks.create_task(work("loses two", 1.5 * AGAIN_S))]
        await asyncio.sleep(0)
        await stopped(working)

    assert ended == [("hears", 0.0), ("loses two", pytest.approx(2 * AGAIN_S))]


@in_virtual_time
async def test_stopping_nothing_is_done_at_once() -> None:
    """Tasks that have ended need no stopping, however they ended."""

    async def fail() -> None:
        raise ZeroDivisionError

    failed = asyncio.create_task(fail())  # allowed: a group would not let it fail
    await asyncio.wait([failed])
    await stopped([failed])
    await stopped([])

    assert isinstance(failed.exception(), ZeroDivisionError)


@in_virtual_time
async def test_a_read_ends_though_its_cancellation_is_lost() -> None:
    """The deadline is looked at, and not only heard of."""
    region = Region()
    region.store = HardOfHearing(region="eu")
    async with region.connect() as dojo:
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable):
            await dojo.read("m-1", at_least={NODE: 1}, timeout_s=1.5 * ROUND_TRIP_S)

        assert asyncio.get_running_loop().time() - began_s < 0.1


@in_virtual_time
async def test_settling_ends_though_a_cancellation_is_lost() -> None:
    """An acknowledged event is settled at once, whatever the look at the region's clock is doing."""
    region = Region()
    region.store = HardOfHearing(region="eu")
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        region.log.fail_next_append(stored=False)
        unknown = await match.record(points(), timeout_s=0.000_1)
        assert isinstance(unknown, Unknown)
        assert isinstance(await match.record(points()), Accepted)
        began_s = asyncio.get_running_loop().time()

        assert isinstance(await dojo.settle(unknown, timeout_s=60.0), Accepted)
        assert asyncio.get_running_loop().time() - began_s < 1.0


@in_virtual_time
async def test_closing_ends_though_cancellations_are_lost() -> None:
    """Whatever the background is doing at that moment, the connection closes soon."""
    for moment in range(40):
        region = Region()
        region.store = HardOfHearing(region="eu")
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            async with region.connect() as dojo:
                watch = dojo.watch("m-1")
                await anext(watch)
                tasks.create_task(watch.aclose())  # type: ignore[attr-defined]  # it is a generator
                await asyncio.sleep(1.0 + moment / 1_000)  # of a clock that jumps
                began_s = loop.time()
            assert loop.time() - began_s < 1.0
