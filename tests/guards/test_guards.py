"""Guards that are known to work: each scenario holds on the build as it is, and is caught on one without the guard."""

from __future__ import annotations

import pytest

from guards.bank import GUARDS
from guards.page import PAGE, markdown
from guards.result import Guard, Result
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


def test_the_page_is_current() -> None:
    """docs/guards.md is what tests/guards/page.py writes; run that again after changing the bank."""
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_a_result_is_judged_by_what_readers_see() -> None:
    """Fewer points or another state are a loss, more points a doubling; a stop that is told is no harm, and holds only
    with the state as it was.
    """

    def state(points: int) -> dict[tuple[int, str], object]:
        return {(0, "m-1"): {"frames": {"1": {"points": {"ana": points}}}}}

    assert (Result(state(3), state(3)).holds, Result(state(3), state(3)).harm) == (True, None)
    assert (Result(state(2), state(3)).holds, Result(state(2), state(3)).harm) == (False, "lost")
    assert (Result(state(4), state(3)).holds, Result(state(4), state(3)).harm) == (False, "doubled")
    assert Result({}, state(3)).harm == "lost"
    stopped = Result(state(2), state(3), before=state(2), told="a gap")
    assert (stopped.holds, stopped.harm) == (True, None)
    assert not Result(state(2), state(3), before=state(2)).holds
    assert Result(state(2), state(3), before=state(2)).harm == "lost"
    assert not Result(state(1), state(3), before=state(2), told="a gap").holds
