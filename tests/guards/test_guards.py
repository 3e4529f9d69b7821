"""Guards that are known to work: each scenario holds on the build as it is, and is caught on one without the guard."""

from __future__ import annotations

import pytest

from guards.bank import GUARDS
from guards.result import Guard
from support.virtual_time import run_in_virtual_time

EACH = pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)


@EACH
def test_the_sound_build_holds(guard: Guard) -> None:
    """What readers see in the end is what the oracle says, or the program stopped, said so and changed nothing."""
    result = run_in_virtual_time(guard.scenario())

    assert result.holds, result


@EACH
def test_the_broken_build_is_caught(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard the same scenario loses or doubles something, silently, and in the way the table says."""
    guard.patch(monkeypatch)
    result = run_in_virtual_time(guard.scenario())

    assert (result.holds, result.harm) == (False, guard.harm), result
