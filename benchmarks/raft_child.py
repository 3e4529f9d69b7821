"""What a measured member of a Raft group is told and says, whichever library it is of: one line of JSON each.

    {"do": "status"}                                          -> whether it leads, since when, how far it applied
    {"do": "load", "outstanding": n, "seconds": s}            -> commits and latencies of so many proposals at a time
    {"do": "pace", "per_second": n, "seconds": s}             -> the same, proposals made at even distances

Times are of the system's monotonic clock, which all processes of a machine share. Imports nothing of dojopool: the peer
runs in an environment without it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

COMMAND = bytes(range(200))
"""What is proposed: 200 bytes, as the state machines of all rows count and forget."""


class Measured(Protocol):
    """One member, from its own process."""

    def status(self) -> dict[str, Any]:
        """`leads`, `led_since_s`, `applied` and, after the first one, `counted`."""
        ...

    def propose(self, committed: Callable[[bool], None]) -> None:
        """Propose COMMAND; `committed` hears whether it is, in whatever thread."""
        ...


class Load:
    """Keeps some proposals under way for a while, and the time of each."""

    def __init__(self, propose: Callable[[Callable[[bool], None]], None], *, outstanding: int, seconds: float) -> None:
        self._propose, self._outstanding = propose, outstanding
        self._seconds = seconds
        self._under_way = 0
        self.latencies_s: list[float] = []
        self.failed = 0
        self.ended: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin. `ended` is called after the last answer."""
        self._begun = time.monotonic()
        self._cpu = time.process_time()
        for _ in range(self._outstanding):
            self._one()

    def _one(self) -> None:
        begun = time.monotonic()

        def committed(is_so: bool) -> None:
            now = time.monotonic()
            self._under_way -= 1
            if is_so:
                self.latencies_s.append(now - begun)
            else:
                self.failed += 1
            if is_so and now - self._begun < self._seconds:
                self._one()
            elif not self._under_way:
                self._ended_at, self._cpu = now, time.process_time() - self._cpu
                self.ended()

        self._under_way += 1
        self._propose(committed)

    def figures(self) -> dict[str, float]:
        """What came of it."""
        return figures(self.latencies_s, self.failed, seconds=self._ended_at - self._begun) | {"cpu_s": self._cpu}


def figures(latencies_s: Sequence[float], failed: int, *, seconds: float) -> dict[str, float]:
    """Commits a second, and percentiles in ms."""
    ordered = sorted(latencies_s) or [float("nan")]
    return {
        "per_second": len(latencies_s) / seconds,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
        "failed": failed,
        "commits": len(latencies_s),
    }


def answer(value: Any) -> None:
    """Say something to the parent."""
    print(json.dumps(value), flush=True)
