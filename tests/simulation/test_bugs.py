"""The simulator finds what it is for: each bug of the bank is caught, and the sound build passes the same runs."""

from __future__ import annotations

import pytest

from dojopool.simulation.run import run
from simulation.bank import BUGS, Bug
from simulation.page import PAGE, with_section

EACH = pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.rule}: {bug.told}")


@EACH
def test_the_bug_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed that the bank names breaks a rule that tells of this bug."""
    bug.patch(monkeypatch)
    outcome = run(bug.plan(bug.seeds))

    assert outcome.rule in bug.caught_by, outcome.found


@EACH
def test_the_sound_build_passes_the_same_run(bug: Bug) -> None:
    """Without the bug no rule breaks in that run."""
    outcome = run(bug.plan(bug.seeds))

    assert outcome.rule == "", outcome.found


def test_there_are_enough_bugs() -> None:
    """At least twenty bugs prove the simulator, in every part of the protocol that it judges."""
    assert len(BUGS) >= 20
    assert {bug.rule[0] for bug in BUGS} >= set("ELSRMD")


def test_the_page_is_current() -> None:
    """docs/raft.md holds what tests/simulation/page.py writes."""
    page = PAGE.read_text(encoding="utf-8")

    assert page == with_section(page)
