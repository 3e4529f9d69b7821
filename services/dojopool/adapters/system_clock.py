"""The machine's wall clock as `ports.Clock`. The one place of the package that reads it."""

from __future__ import annotations

import time


class SystemClock:
    """`ports.Clock` of this machine."""

    __slots__ = ()

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000
