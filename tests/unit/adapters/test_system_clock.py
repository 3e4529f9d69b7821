"""The machine's clock."""

from __future__ import annotations

import time

from dojopool.adapters.system_clock import SystemClock, since_boot_ms


def test_it_is_now_in_milliseconds() -> None:
    """The clock tells the wall clock's time, in whole milliseconds."""
    before = time.time() * 1000
    now = SystemClock().now_ms()

    assert before - 1 <= now <= time.time() * 1000


def test_the_clock_of_leases_never_goes_back() -> None:
    """It counts at least what the monotonic clock counts, which stands still in sleep."""
    before = time.monotonic_ns() // 1_000_000
    now = since_boot_ms()

    assert before <= now <= since_boot_ms()
