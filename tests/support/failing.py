"""A command that fails as it is told to."""

from __future__ import annotations

from typing import Final

from dojopool import errors

FAILURES: Final[dict[str, BaseException]] = {
    "config": errors.ConfigError("DOJO_REGION is [red]mars[/red]"),
    "game": errors.GameError("two reducers"),
    "data": errors.DataError("line 3: not a number"),
    "unavailable": errors.Unavailable("Redis at 127.0.0.1:1 does not answer"),
    "offset": errors.OffsetGone(topic="dojo.events.eu", partition=1, wanted=5, first=7, end=9),
    "interrupt": KeyboardInterrupt(),
    "bug": ZeroDivisionError("a bug"),
}


def fail(how: str) -> None:
    """Raise the failure of this name."""
    raise FAILURES[how]
