"""A game server in a process of its own: records events through the SDK at a steady rate, whatever the answers take.

    python run_producer.py RATE SECONDS MATCHES [FILE]

Prints how many were accepted, and how late it was itself, in milliseconds behind the time at which each event was due.
With FILE, writes `[match, number, nanoseconds]` for each event: when its `record` was called, by the machine's
monotonic clock. State does not grow: what is said again and again is who won a frame. A counter would keep each
addition.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from child import await_go
from report import percentile

import dojopool
from dojopool import Accepted, MatchHandle
from dojopool.games.pool import FrameFinished


class Producer:
    """Sends, and keeps what came of it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, int]] = []
        self.late_ms: list[float] = []
        self.refused: list[str] = []

    async def send(self, handle: MatchHandle, number: int) -> None:
        """Record one event, and note when."""
        event = FrameFinished(frame=1, winner=("ana", "bo")[number % 2])
        called_ns = time.monotonic_ns()
        receipt = await handle.record(event)
        if isinstance(receipt, Accepted):
            self.sent.append((handle.id, receipt.dot[1], called_ns))
        else:
            self.refused.append(repr(receipt))

    async def run(self, handles: list[MatchHandle], *, rate: float, seconds: float) -> None:
        """Send when it is time, as many as are due."""
        now = asyncio.get_running_loop().time
        started = now()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(rate * seconds)):
                due = started + number / rate
                if (left := due - now()) > 0:
                    await asyncio.sleep(left)
                self.late_ms.append((now() - due) * 1000)
                tasks.create_task(self.send(handles[number % len(handles)], number))


async def main(rate: float, seconds: float, matches: int) -> Producer:
    """Connect, wait for the word, and send. Fails when an event is not accepted."""
    producer = Producer()
    async with dojopool.connect(instance="producer") as dojo:
        handles = [await dojo.match(f"m{number}") for number in range(matches)]
        await_go()
        await producer.run(handles, rate=rate, seconds=seconds)
    if producer.refused:
        raise SystemExit(f"{len(producer.refused)} events were not accepted, the first: {producer.refused[0]}")
    return producer


if __name__ == "__main__":
    done = asyncio.run(main(float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
    for name in sys.argv[4:]:
        Path(name).write_text(json.dumps(done.sent))
    print(json.dumps({"accepted": len(done.sent), "late_p99_ms": percentile(done.late_ms, 99)}))
