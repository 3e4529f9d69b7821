"""An event loop whose clock does not tick but jumps: a test about delays takes no time and is exact.

When nothing is ready to run, the clock jumps to the next timer. When there is no timer either, nothing could ever
happen again, and the test fails at once instead of hanging. For code that waits for timers and tasks only: a reply
from a socket would come after the clock has jumped.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_in_virtual_time(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` on a loop whose clock starts at 0 and jumps."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on such a loop; it may ask for fixtures that need no loop of their own."""

    @wraps(test)
    def run(**arguments: Any) -> None:
        run_in_virtual_time(test(**arguments))

    return run


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop itself."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made, all of them jumped."""
        return self._jumping.now_s


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("every task waits for another one, and no timer will wake any of them")
            self.now_s += timeout
        return ready
