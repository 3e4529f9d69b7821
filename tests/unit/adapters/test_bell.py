"""What waiting on a bell means."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.adapters.bell import Bell
from support.virtual_time import run_in_virtual_time


async def test_a_ring_wakes_everyone_who_waits() -> None:
    """One ring ends every wait that has begun."""
    bell = Bell()
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(bell.rung()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)

        bell.ring()


async def test_a_ring_is_not_kept_for_later() -> None:
    """Who comes after a ring waits for the next one."""
    bell = Bell()
    bell.ring()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await bell.rung()


def test_a_deadline_ends_the_wait() -> None:
    """A wait says whether the ring or the deadline came first, and ends at that time."""

    async def waits() -> tuple[list[bool], float]:
        bell, loop = Bell(), asyncio.get_running_loop()
        late = await bell.rung_before(2.0)
        loop.call_at(3.0, bell.ring)
        rung = await bell.rung_before(9.0)
        return [late, rung], loop.time()

    assert run_in_virtual_time(waits()) == ([False, True], 3.0)
