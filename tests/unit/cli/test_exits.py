"""Whose fault an error is decides the exit code."""

from __future__ import annotations

import pytest

from dojopool import errors
from dojopool.cli.exits import exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("a setting"), 3),
        (errors.Unavailable("a server"), 4),
        (errors.OffsetGone(topic="t", partition=0, wanted=1, first=2, end=3), 4),
        (errors.Refused("another owner"), 4),
        (errors.GameError("a game"), 1),
        (errors.InvalidEvent("an event"), 1),
        (errors.CorruptState("a state"), 1),
        (errors.DojoError("anything else"), 1),
    ],
)
def test_an_error_has_one_exit_code(error: errors.DojoError, code: int) -> None:
    """Settings are 3, the world around us is 4, and what was wrong with data or call is 1."""
    assert exit_code(error) == code
