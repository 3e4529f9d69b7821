"""Marks and positions: what a repeat, a jump and a plain record do to where a stream stands."""

from __future__ import annotations

import pytest

from dojopool.core.cut import Mark, Position
from dojopool.errors import StreamBroken


def mark(tick: int) -> Mark:
    """A mark of region eu."""
    return Mark(region="eu", tick=tick, time_ms=tick * 1000)


def test_the_first_mark() -> None:
    """A mark moves the position behind itself and is remembered with its offset and time."""
    assert Position().marked(mark(1), 7) == Position(next_offset=8, tick=1, mark_offset=7, mark_time_ms=1000)


def test_the_next_mark() -> None:
    """The next tick replaces the last."""
    position = Position().marked(mark(1), 7).marked(mark(2), 20)

    assert position == Position(next_offset=21, tick=2, mark_offset=20, mark_time_ms=2000)


@pytest.mark.parametrize("tick", [1, 2])
def test_a_repeated_mark_moves_the_next_offset_only(tick: int) -> None:
    """The first occurrence of a mark is the one that counts."""
    position = Position(next_offset=30, tick=2, mark_offset=20, mark_time_ms=2000)

    assert position.marked(mark(tick), 30) == position.moved_to(31)


@pytest.mark.parametrize("tick", [4, 1000])
def test_a_jump_is_a_gap(tick: int) -> None:
    """A tick that skips one says that records are missing, and names both ends."""
    position = Position(next_offset=30, tick=2, mark_offset=20)

    with pytest.raises(StreamBroken, match=rf"region eu jumps from mark 2 \(offset 20\) to mark {tick} \(offset 35\)"):
        position.marked(mark(tick), 35)


def test_a_stream_that_begins_after_its_first_mark_is_broken() -> None:
    """From the beginning, the first mark is tick 1."""
    with pytest.raises(StreamBroken):
        Position().marked(mark(2), 0)


def test_moving_keeps_the_mark() -> None:
    """Reading records changes the next offset and nothing else."""
    position = Position().marked(mark(1), 7)

    assert position.moved_to(100) == Position(next_offset=100, tick=1, mark_offset=7, mark_time_ms=1000)
