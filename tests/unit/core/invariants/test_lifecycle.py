"""The life of a violation: the table as a page, and what is not in it."""

from __future__ import annotations

import pytest

from dojopool.core.invariants import lifecycle
from dojopool.core.invariants.lifecycle import Fact, State, after

STATES = [None, *State]


def test_the_page_says_what_the_table_does() -> None:
    """The table in the module's docstring is the one that is carried out, a dash for what cannot be."""
    rows = (lifecycle.__doc__ or "").split("\n\n")[2].splitlines()[1:]
    said = {row.split()[0]: row.split()[1:] for row in rows}
    done = {
        "(new)" if state is None else state.value: [
            lifecycle._TABLE[state, fact].value if (state, fact) in lifecycle._TABLE else "-" for fact in Fact
        ]
        for state in STATES
    }

    assert said == done


def test_a_step_that_is_not_in_the_table_is_an_error() -> None:
    """Nobody clears what is not open."""
    with pytest.raises(AssertionError, match="a violation that is cleared cannot turn out: holds"):
        after(State.CLEARED, Fact.HOLDS)
    with pytest.raises(AssertionError):
        after(None, Fact.HOLDS_AT_CUT)


def test_only_a_cut_ends_what_a_cut_confirmed() -> None:
    """What one region sees later does not close what a majority agreed on."""
    assert after(State.CONFIRMED, Fact.HOLDS) is State.CONFIRMED
    assert after(State.CONFIRMED, Fact.HOLDS_AT_CUT) is State.RESOLVED


def test_open_is_what_somebody_may_have_to_act_on() -> None:
    """Suspected and confirmed are open, the other two are over."""
    assert [state for state in State if state.is_open] == [State.SUSPECTED, State.CONFIRMED]
