"""Hybrid stamps: near the wall clock, above everything read, and guarded against a wall clock that runs ahead."""

from __future__ import annotations

import pytest

from dojopool.core.clock import HybridClock
from dojopool.core.clock.hybrid import AHEAD_MS_MAX
from dojopool.core.event import STAMP_MAX
from dojopool.errors import InvalidEvent


def parts(stamp: int) -> tuple[int, int]:
    """Milliseconds and logical counter of a stamp."""
    return stamp >> 16, stamp & 0xFFFF


def test_stamps_follow_the_wall_clock_and_never_fall() -> None:
    """A clock that stands still or goes back is carried on by the logical part."""
    clock = HybridClock()

    assert [parts(clock.stamp(wall_ms, elapsed_ms=0)) for wall_ms in (100, 100, 99)] == [(100, 0), (100, 1), (100, 2)]


def test_an_observed_stamp_is_always_followed() -> None:
    """A stamp is one above the highest that was read, until the wall clock passes it."""
    clock = HybridClock()
    clock.observe(120 << 16 | 5)

    assert parts(clock.stamp(100, elapsed_ms=0)) == (120, 6)
    assert parts(clock.stamp(121, elapsed_ms=0)) == (121, 0)


def test_observing_an_older_stamp_changes_nothing() -> None:
    """Only the highest stamp counts."""
    clock = HybridClock()
    clock.observe(120 << 16)
    clock.observe(7 << 16)

    assert parts(clock.stamp(1, elapsed_ms=0)) == (120, 1)


def test_observing_is_no_event() -> None:
    """Reading a stamp does not tick: the next stamp is above it by one, however often it was read."""
    clock = HybridClock()
    for _ in range(3):
        clock.observe(50 << 16)

    assert parts(clock.stamp(1, elapsed_ms=0)) == (50, 1)


def test_a_full_logical_part_carries_into_the_milliseconds() -> None:
    """After logical 65535 comes the next millisecond."""
    clock = HybridClock()
    clock.observe(100 << 16 | 0xFFFF)

    assert parts(clock.stamp(100, elapsed_ms=0)) == (101, 0)


def test_a_stamp_beats_what_its_writer_read_from_a_fast_clock() -> None:
    """Who reads a write of a clock that runs ahead writes above it, with a wall clock that is far behind."""
    fast, slow = HybridClock(), HybridClock()
    first = fast.stamp(10_010, elapsed_ms=0)
    slow.observe(first)

    assert parts(slow.stamp(5, elapsed_ms=0)) == (10_010, 1)


def test_a_wall_clock_far_ahead_is_capped() -> None:
    """With the region's time known, the wall clock may lead it by the guard and no more."""
    clock = HybridClock()
    clock.observe_region(1_000_000, elapsed_ms=500)

    assert parts(clock.stamp(90_000_000, elapsed_ms=500)) == (1_000_000 + AHEAD_MS_MAX, 0)


def test_the_regions_time_goes_on_between_marks() -> None:
    """The cap moves with the time that passed here since the newest mark."""
    clock = HybridClock()
    clock.observe_region(1_000_000, elapsed_ms=500)

    assert parts(clock.stamp(90_000_000, elapsed_ms=2_500)) == (1_002_000 + AHEAD_MS_MAX, 0)


def test_an_honest_wall_clock_is_not_capped() -> None:
    """A wall clock within the guard is taken as it is."""
    clock = HybridClock()
    clock.observe_region(1_000_000, elapsed_ms=0)

    assert parts(clock.stamp(1_000_000 + AHEAD_MS_MAX, elapsed_ms=0)) == (1_000_000 + AHEAD_MS_MAX, 0)
    assert parts(clock.stamp(999_000, elapsed_ms=0)) == (1_000_000 + AHEAD_MS_MAX, 1)


def test_an_older_mark_does_not_take_the_regions_time_back() -> None:
    """Marks repeat; only a newer one moves the estimate."""
    clock = HybridClock()
    clock.observe_region(1_000_000, elapsed_ms=0)
    clock.observe_region(500_000, elapsed_ms=0)

    assert parts(clock.stamp(90_000_000, elapsed_ms=0)) == (1_000_000 + AHEAD_MS_MAX, 0)


def test_the_cap_does_not_hold_back_an_observed_stamp() -> None:
    """Refusing what was read would let replicas differ: the guard is for the own wall clock alone."""
    clock = HybridClock()
    clock.observe_region(1_000, elapsed_ms=0)
    clock.observe(70_000_000 << 16)

    assert parts(clock.stamp(2_000, elapsed_ms=0)) == (70_000_000, 1)


def test_the_last_stamp_is_the_last() -> None:
    """Above the largest stamp there is none, so it is made again: whoever has read it can still write."""
    clock = HybridClock()
    clock.observe(STAMP_MAX - 1)

    assert clock.stamp(0, elapsed_ms=0) == STAMP_MAX
    assert clock.stamp(0, elapsed_ms=0) == STAMP_MAX


def test_a_wall_clock_beyond_all_stamps_is_named() -> None:
    """A wall clock that cannot be stamped is refused by name and leaves the clock usable."""
    clock = HybridClock()
    with pytest.raises(InvalidEvent, match=f"wall clock says {STAMP_MAX} ms"):
        clock.stamp(STAMP_MAX, elapsed_ms=0)

    assert parts(clock.stamp(100, elapsed_ms=0)) == (100, 0)
