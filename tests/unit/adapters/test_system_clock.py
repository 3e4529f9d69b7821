"""The machine's clock."""

from __future__ import annotations

import time

from dojopool.adapters.system_clock import SystemClock


def test_it_is_now_in_milliseconds() -> None:
    """The clock tells the wall clock's time, in whole milliseconds."""
    before = time.time() * 1000
    now = SystemClock().now_ms()

    assert before - 1 <= now <= time.time() * 1000
