"""What every measured script has in common: it waits for the word to begin, times itself, and prints one line of JSON.

Imports nothing of dojopool: the peers run in an environment without it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

READY = "ready"
KIB_PER_MB = 1024


def await_go() -> None:
    """Say that everything is imported and connected, and return when the parent says so too."""
    print(json.dumps(READY), flush=True)
    if not sys.stdin.readline():
        raise SystemExit("the benchmark ended before it said go")


def peak_mb(pid: int | str = "self") -> float:
    """Largest resident size of a process so far, in MB. `ru_maxrss` would begin with the size of the parent."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / KIB_PER_MB
    raise SystemExit(f"/proc/{pid}/status has no VmHWM: these benchmarks run on Linux")


class Stopwatch:
    """Times one run from `start` to the last `stop`: seconds, and CPU seconds of all threads of this process."""

    def __init__(self) -> None:
        self._started = self._ended = self._cpu_started = self._cpu_ended = 0.0

    def start(self) -> None:
        """Begin, unless it has begun."""
        if not self._started:
            self._started, self._cpu_started = time.monotonic(), time.process_time()

    def stop(self) -> None:
        """End, so far: the last call counts."""
        self._ended, self._cpu_ended = time.monotonic(), time.process_time()

    def report(self) -> None:
        """Print the figures for the parent."""
        figures = {
            "seconds": self._ended - self._started,
            "cpu_s": self._cpu_ended - self._cpu_started,
            "peak_mb": peak_mb(),
        }
        print(json.dumps(figures), flush=True)
