"""Ending tasks for certain.

Before Python 3.12 `asyncio.wait_for` loses a cancellation that comes in the very moment in which its own result does,
and clients of servers use it for every command. A task that is cancelled once may therefore go on as if nothing had
happened, and whoever waits for its end waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

AGAIN_S: Final = 0.2
"""Pause before a task that has not ended is cancelled again: time enough to close a connection properly."""


async def stopped(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, as often as it takes, and wait until all have ended, however they do."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=AGAIN_S)
