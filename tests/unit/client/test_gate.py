"""A bounded place lets callers in one by one, in order, and never too many."""

from __future__ import annotations

import asyncio
from math import inf

import pytest

from dojopool.client.gate import Gate
from support.virtual_time import run_in_virtual_time


class Room:
    """A place for `size` callers, and the order in which they came in."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.inside: list[str] = []
        self.gate = Gate(lambda coming: len(self.inside) + coming < self.size)

    async def enter(self, name: str, *, deadline_s: float = inf) -> bool:
        """Wait for a place and take it."""
        async with self.gate.entered(deadline_s) as is_let_in:
            if is_let_in:
                self.inside.append(name)
                assert len(self.inside) <= self.size
            return is_let_in

    def leave(self, number: int = 1) -> None:
        """Let the first ones go."""
        del self.inside[:number]
        self.gate.admit()


@pytest.fixture
def full() -> Room:
    """A place for two, taken."""
    room = Room(2)
    room.inside += ["x", "y"]
    return room


async def turns(number: int = 5) -> None:
    """Let every ready task run."""
    for _ in range(number):
        await asyncio.sleep(0)


def test_with_room_the_gate_is_open(full: Room) -> None:
    """Who finds it open need not wait in line."""
    assert not full.gate.is_open

    full.leave()

    assert full.gate.is_open


async def test_callers_come_in_in_order(full: Room) -> None:
    """The longer one waited the earlier one enters, however places come free."""
    async with asyncio.TaskGroup() as group:
        for name in "abcd":
            group.create_task(full.enter(name))
        await turns()
        full.leave()
        await turns()
        assert full.inside == ["y", "a"]
        full.leave(2)
        await turns()
        assert full.inside == ["b", "c"]
        full.leave()

    assert full.inside == ["c", "d"]


async def test_nobody_overtakes_who_was_let_in(full: Room) -> None:
    """Between being let in and entering, the gate is closed to those who did not wait."""
    async with asyncio.TaskGroup() as group:
        group.create_task(full.enter("a"))
        await turns()
        full.leave(2)

        assert not full.gate.is_open
        await turns()
        assert full.gate.is_open


async def test_a_place_that_is_not_taken_is_the_next_ones(full: Room) -> None:
    """Who is let in and does not enter leaves the place to the next in line."""

    async def changes_mind() -> None:
        async with full.gate.entered(inf):
            pass

    async with asyncio.TaskGroup() as group:
        group.create_task(changes_mind())
        group.create_task(full.enter("b"))
        await turns()
        full.leave()

    assert full.inside == ["y", "b"]


async def test_whoever_is_cancelled_leaves_the_line(full: Room) -> None:
    """Cancelling one who waits, or who was let in a moment ago, costs the others nothing."""
    async with asyncio.TaskGroup() as group:
        waits, let_in = group.create_task(full.enter("a")), group.create_task(full.enter("b"))
        group.create_task(full.enter("c"))
        await turns()
        waits.cancel()
        await turns()
        full.leave()
        let_in.cancel()

    assert full.inside == ["y", "c"]


async def test_a_place_is_not_given_to_one_just_cancelled(full: Room) -> None:
    """Who was cancelled a moment ago and is still in line does not use a place up."""
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(full.enter("a"))
        group.create_task(full.enter("b"))
        await turns()
        gone.cancel()
        full.leave()

    assert full.inside == ["y", "b"]
    full.leave(2)
    assert full.gate.is_open


def test_nobody_waits_past_the_deadline() -> None:
    """Who is not let in by the deadline is told so then, and those behind stay in line."""

    async def scenario() -> None:
        full = Room(0)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            impatient = group.create_task(full.enter("a", deadline_s=3.0))
            patient = group.create_task(full.enter("b", deadline_s=9.0))

            assert not await impatient
            assert loop.time() == 3.0
            full.size = 1
            full.gate.admit()
            assert await patient
        assert full.inside == ["b"]

    run_in_virtual_time(scenario())


async def test_a_closed_gate_sends_everyone_away(full: Room) -> None:
    """Those in line and those who come later are not let in, room or not."""
    async with asyncio.TaskGroup() as group:
        waits = group.create_task(full.enter("a"))
        await turns()
        full.gate.close()

        assert not await waits
        full.leave(2)
        assert not full.gate.is_open
        assert not await full.enter("b")
