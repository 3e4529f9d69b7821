"""A program that records as fast as the SDK takes events, in a process of its own.

    python run_sdk.py EVENTS [held]

Each event is a new pydantic model and gets its receipt. IN_FLIGHT tasks record at a time, an event after the other.
With `held` the cyclic garbage collector looks at larger portions, as `dojopool.connect` advises.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Final

from child import Stopwatch, await_go

import dojopool
from dojopool import Accepted, MatchHandle
from dojopool.games.pool import PointsAwarded

MATCHES: Final = 1_000
TASKS_EACH: Final = 4
IN_FLIGHT: Final = MATCHES * TASKS_EACH
HELD: Final = (50_000, 20, 100)


async def keep_recording(handle: MatchHandle, count: int) -> None:
    """Record events of a match, each when the one before is answered."""
    for number in range(count):
        receipt = await handle.record(PointsAwarded(frame=1 + number % 2, player="ana", points=1))
        if not isinstance(receipt, Accepted):
            raise SystemExit(f"an event was not accepted: {receipt}")


async def main(events: int) -> None:
    """Connect, wait for the word, record, report."""
    watch = Stopwatch()
    async with dojopool.connect(instance="sdk") as dojo:
        handles = [await dojo.match(f"m{number}") for number in range(MATCHES)]
        await_go()
        watch.start()
        async with asyncio.TaskGroup() as tasks:
            for handle in handles * TASKS_EACH:
                tasks.create_task(keep_recording(handle, events // IN_FLIGHT))
        watch.stop()
    watch.report()


if __name__ == "__main__":
    if "held" in sys.argv[2:]:
        gc.set_threshold(*HELD)
    asyncio.run(main(int(sys.argv[1])))
