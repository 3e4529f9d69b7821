"""A pace hands out turns, at a rate, to all who ask."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.errors import CallerError
from dojopool.local.pace import Pace
from support.virtual_time import run_in_virtual_time


def times_of(rate: float | None, *counts: int) -> list[float]:
    """When each of the turns asked for at once was given."""

    async def asked() -> list[float]:
        pace, now = Pace(rate), asyncio.get_running_loop().time

        async def one(count: int) -> float:
            await pace.turn(count)
            return round(now(), 6)

        return await asyncio.gather(*map(one, counts))

    return run_in_virtual_time(asked())


def test_turns_come_at_the_rate() -> None:
    """The first turn is now, and each later one an interval behind the one before."""
    assert times_of(10, 1, 1, 1) == [0.0, 0.1, 0.2]


def test_several_turns_take_their_time() -> None:
    """Who takes three turns at once makes the next one wait for three intervals."""
    assert times_of(10, 3, 1) == [0.0, 0.3]


def test_without_a_rate_nobody_waits() -> None:
    """No rate is no limit."""
    assert times_of(None, 1, 1000, 1) == [0.0, 0.0, 0.0]


def test_what_was_missed_is_not_made_up_for() -> None:
    """After a pause the turns come at their rate again, not all at once."""

    async def held_up() -> list[float]:
        pace, now = Pace(10), asyncio.get_running_loop().time
        await pace.turn()
        await asyncio.sleep(5)  # virtual seconds: the pause that this is about
        times = []
        for _ in range(3):
            await pace.turn()
            times.append(round(now(), 6))
        return times

    assert run_in_virtual_time(held_up()) == [5.0, 5.1, 5.2]


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
async def test_a_rate_is_above_zero(rate: float) -> None:
    """A rate that would never end is refused."""
    with pytest.raises(CallerError, match="must be above 0"):
        Pace(rate)
