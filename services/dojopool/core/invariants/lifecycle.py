"""What becomes of a violation: one table.

A checker sees the state of one region at one moment. What it finds is *suspected*: events of another region may be on
their way that put it right, and then it is *cleared*. Only a cut, on which a majority agrees, makes it *confirmed*, and
only a later cut makes that *resolved*. What a record itself proves, whatever else arrives, is confirmed at once.

                 breaks       holds       breaks at a cut   holds at a cut   proven
    (new)        suspected    -           confirmed         -                confirmed
    suspected    suspected    cleared     confirmed         suspected        confirmed
    cleared      suspected    -           confirmed         -                confirmed
    confirmed    confirmed    confirmed   confirmed         resolved         confirmed
    resolved     suspected    -           confirmed         -                confirmed

A cut that is clean says nothing of what is suspected: the cut is older than the suspicion.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class State(Enum):
    """Where a violation stands."""

    SUSPECTED = "suspected"
    """The state here, now, breaks the rule."""
    CLEARED = "cleared"
    """It no longer does, and no cut had confirmed it."""
    CONFIRMED = "confirmed"
    """A majority found it at one cut, or a record proves it by itself."""
    RESOLVED = "resolved"
    """It was confirmed, and a later cut is clean."""

    @property
    def is_open(self) -> bool:
        """Whether somebody may still have to do something."""
        return self in (State.SUSPECTED, State.CONFIRMED)


class Fact(Enum):
    """What was found out about a violation."""

    BREAKS = "breaks"
    HOLDS = "holds"
    BREAKS_AT_CUT = "breaks at a cut"
    HOLDS_AT_CUT = "holds at a cut"
    PROVEN = "proven"


_S = State
_TABLE: Final[dict[tuple[State | None, Fact], State]] = {
    (None, Fact.BREAKS): _S.SUSPECTED,
    (None, Fact.BREAKS_AT_CUT): _S.CONFIRMED,
    (None, Fact.PROVEN): _S.CONFIRMED,
    (_S.SUSPECTED, Fact.BREAKS): _S.SUSPECTED,
    (_S.SUSPECTED, Fact.HOLDS): _S.CLEARED,
    (_S.SUSPECTED, Fact.BREAKS_AT_CUT): _S.CONFIRMED,
    (_S.SUSPECTED, Fact.HOLDS_AT_CUT): _S.SUSPECTED,
    (_S.SUSPECTED, Fact.PROVEN): _S.CONFIRMED,
    (_S.CLEARED, Fact.BREAKS): _S.SUSPECTED,
    (_S.CLEARED, Fact.BREAKS_AT_CUT): _S.CONFIRMED,
    (_S.CLEARED, Fact.PROVEN): _S.CONFIRMED,
    (_S.CONFIRMED, Fact.BREAKS): _S.CONFIRMED,
    (_S.CONFIRMED, Fact.HOLDS): _S.CONFIRMED,
    (_S.CONFIRMED, Fact.BREAKS_AT_CUT): _S.CONFIRMED,
    (_S.CONFIRMED, Fact.HOLDS_AT_CUT): _S.RESOLVED,
    (_S.CONFIRMED, Fact.PROVEN): _S.CONFIRMED,
    (_S.RESOLVED, Fact.BREAKS): _S.SUSPECTED,
    (_S.RESOLVED, Fact.BREAKS_AT_CUT): _S.CONFIRMED,
    (_S.RESOLVED, Fact.PROVEN): _S.CONFIRMED,
}


def after(state: State | None, fact: Fact) -> State:
    """Where a violation stands once `fact` is known; None is one that was never heard of.

    A pair that is not in the table is our own bug: whoever asks whether something still holds knows that it is open.
    """
    assert (state, fact) in _TABLE, f"a violation that is {state and state.value} cannot turn out: {fact.value}"
    return _TABLE[state, fact]
