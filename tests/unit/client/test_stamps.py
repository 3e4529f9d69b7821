"""Stamps follow what was read, and this machine's clock only as far as the region's time allows."""

from __future__ import annotations

import asyncio

from dojopool.client.stamps import Stamps
from support.region import NOW_MS, SetClock
from support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_stamp_is_the_wall_clock_and_rises() -> None:
    """Stamps of one millisecond differ, and a clock set back makes none smaller."""
    clock = SetClock()
    stamps = Stamps(clock)
    first = stamps.next()
    clock.at_ms -= 60_000

    assert first == NOW_MS << 16
    assert stamps.next() == first + 1


@in_virtual_time
async def test_a_stamp_is_above_every_one_read() -> None:
    """An event is stamped after what its writer had seen, whatever the clocks say."""
    stamps = Stamps(SetClock())
    stamps.observe(NOW_MS + 5 << 16)

    assert stamps.next() == (NOW_MS + 5 << 16) + 1


@in_virtual_time
async def test_a_wall_clock_far_ahead_of_the_region_is_held_back() -> None:
    """A day ahead counts as ten seconds ahead, and the region's time goes on with this machine's."""
    stamps = Stamps(SetClock(NOW_MS + 86_400_000))
    await asyncio.sleep(2.0)  # of a clock that jumps
    stamps.observe_region(NOW_MS)
    await asyncio.sleep(3.0)  # of a clock that jumps

    assert stamps.next() == NOW_MS + 3_000 + 10_000 << 16
