"""Named points of a program's work at which a test can hold its process, to kill it there or let it go on later.

Chance would seldom kill a process between two given steps. A failpoint is armed by name; whoever comes there first
writes a file that says so and stops the whole process by its own SIGSTOP: nothing more is sent, no heartbeat either.
SIGKILL then is a crash at this very step, SIGCONT a process that was frozen there; it is not stopped a second time.

Only a test may arm one: `ReplicaSettings` refuses it otherwise. Left out: delays and errors on demand, which the
twins in memory give more cheaply.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias, get_args

from dojopool.errors import ConfigError

Point: TypeAlias = Literal[
    "claimed",  # the partition is claimed, nothing of it loaded
    "loading",  # a part of its stored state is loaded
    "reset",  # the store was told to forget its positions
    "read",  # records were read, none of them folded
    "folded",  # they are folded, neither letters nor batch are sent
    "lettered",  # letters are acknowledged, the batch is not sent
    "written",  # the store has answered for the batch, this process does not know yet
    "committing",  # offsets are about to be committed to the group
    "marking",  # a mark is due and not sent
    "marked",  # a mark is acknowledged
    "judged",  # a checker has found violations, none of them is published
    "published",  # they are acknowledged, the checker does not know yet
    "draining",  # it was told to stop, and nothing is let go yet
]
CHECKER_ONLY: Final = frozenset({"judged", "published"})
"""Where no replica comes."""

POINTS: Final[tuple[Point, ...]] = get_args(Point)


def _stop_process() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


class Failpoints:
    """Which failpoint is armed: at most one, once."""

    def __init__(
        self, armed: Point | None = None, reached: Path | None = None, *, hold: Callable[[], None] = _stop_process
    ) -> None:
        """`reached` is the file to write when the point is reached; `hold` stops whoever gets there."""
        assert (armed is None) == (reached is None), "a point is armed with the file that tells of it"
        self._armed, self._file, self._hold = armed, reached, hold

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Arm what `point:file` names; None arms nothing. Raises ConfigError when it is not of this form or names no
        point.
        """
        if text is None:
            return cls()
        name, _, file = text.partition(":")
        for point in POINTS:
            if point == name and file:
                return cls(point, Path(file))
        raise ConfigError(f"DOJO_FAILPOINT is {text!r}: it must be point:file, with a point of {', '.join(POINTS)}")

    def reach(self, point: Point) -> None:
        """Say that the work has come to `point`. When it is armed the process stops here, until SIGCONT or its end."""
        if point != self._armed or self._file is None:
            return
        self._armed = None
        self._file.write_text(point)
        self._hold()


OFF: Final = Failpoints()
"""Nothing is armed: what every replica outside tests runs with."""
