"""The machine's wall clock as `ports.Clock`. The one place of the package that reads it."""

from __future__ import annotations

import time


class SystemClock:
    """`ports.Clock` of this machine."""

    __slots__ = ()

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000


def since_boot_ms() -> int:
    """Milliseconds since the machine was started, its sleep included; never goes back. For the leases of a Raft group:
    a clock that stood still in sleep would make one outlive the promise it rests on (rule R9).
    """
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the latter counts sleep where the former is missing
    return time.clock_gettime_ns(clock) // 1_000_000
