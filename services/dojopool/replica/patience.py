"""Trying again for as long as it takes, and saying meanwhile what is being waited for.

For what must not be skipped: a write whose outcome is unknown, a letter that cannot be delivered. The waits have no
end of their own; whoever must go on without the outcome cancels.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

Result = TypeVar("Result")


async def until_done(
    work: Callable[[], Awaitable[Result]],
    *,
    doing: str,
    on: type[Exception] | tuple[type[Exception], ...],
    wait_s_max: float,
    failed: Callable[[Exception], None],
) -> Result:
    """What `work` returns, tried again with growing pauses up to `wait_s_max` while it raises `on`.

    `failed` is told of every error, `doing` names the work in the logs. Any other error is raised at once.
    """
    try:  # by itself: the retrier takes as long to set up as a small batch does to write
        return await work()
    except on as error:
        failed(error)
        first = error
    retries = stamina.retry_context(on=on, attempts=None, timeout=None, wait_max=wait_s_max).with_name(doing, (), {})
    async for attempt in retries:
        with attempt:
            if attempt.num == 1:
                raise first
            try:
                return await work()
            except on as error:
                failed(error)
                raise
    raise AssertionError("retries without an end have ended")
