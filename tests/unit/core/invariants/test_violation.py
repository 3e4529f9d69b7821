"""The record of a violation: what it takes from rule, finding and state."""

from __future__ import annotations

from dojopool.core.invariants.lifecycle import State
from dojopool.core.invariants.rules import violation_id
from dojopool.core.invariants.violation import CLOCK_NODES_MAX, OTHERS, ended
from support.violations import NODE, RULE, violation


def test_a_record_says_what_and_on_which_grounds() -> None:
    """Its time is that of the stamps, its clock is in order, and it names the command that replays it."""
    found = violation()

    assert (found.id, found.rule, found.key) == (violation_id("single-winner", "m-1", "frame=1"), RULE.name, "frame=1")
    assert (found.at_ms, found.replay) == (1_754_000_000_000, "dojo replay --match m-1")
    assert violation(match=None).replay == ""


def test_the_end_has_the_id_of_the_beginning() -> None:
    """What is over has no values any more, only the clock in which it was."""
    over = ended(RULE, "frame=1", match="m-1", state=State.CLEARED, clock={NODE: 4, "eu/gs-0#a": 1}, stamp=5 << 16)

    assert over.id == violation().id
    assert (over.state, over.values, over.evidence, over.at_ms) == (State.CLEARED, {}, {}, 5)
    assert list(over.clock) == ["eu/gs-0#a", NODE]


def test_a_clock_of_many_nodes_is_cut_and_still_tells_clocks_apart() -> None:
    """A record has a bound; what is left out still makes a difference."""
    clocks = [{f"eu/n#{number:05}": 1 for number in range(3000)} | {"us/z#1": last} for last in (1, 2)]
    first, second = (ended(RULE, "", match="m-1", state=State.CLEARED, clock=clock, stamp=0).clock for clock in clocks)

    assert len(first) == CLOCK_NODES_MAX + 1
    assert first[OTHERS] != second[OTHERS]
