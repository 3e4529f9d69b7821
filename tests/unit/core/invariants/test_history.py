"""Where violations stand, from the records of a topic."""

from __future__ import annotations

from dojopool.core.invariants.history import History
from dojopool.core.invariants.lifecycle import State
from support.violations import NODE, violation


def test_a_violation_stands_where_its_last_news_put_it() -> None:
    """What it was about and when it began is remembered when it is over."""
    history = History()
    cleared = violation(state=State.CLEARED, clock={NODE: 5}, values={}, evidence={}, at_ms=1_754_000_009_000)
    news = [history.add(violation()), history.add(cleared)]
    [standing] = history.standings.values()

    assert news == [True, True]
    assert (standing.latest, standing.breach, standing.records) == (cleared, violation(), 2)
    assert standing.first_ms == 1_754_000_000_000


def test_a_repeat_and_what_comes_late_are_no_news() -> None:
    """A checker that was replaced without knowing cannot open again what its successor has cleared."""
    history = History()
    cleared = violation(state=State.CLEARED, clock={NODE: 5})
    for found in (violation(), cleared):
        history.add(found)

    assert not history.add(violation())
    assert not history.add(violation(clock={NODE: 4}))
    assert not history.add(cleared)
    assert history.standings[cleared.id].latest == cleared
    assert history.add(violation(clock={NODE: 6}))
    assert history.add(violation(clock={NODE: 2, "us/b#1": 1}))


def test_another_state_at_the_same_clock_is_news() -> None:
    """A cut may confirm what was suspected at the very same events."""
    history = History()
    history.add(violation())

    assert history.add(violation(state=State.CONFIRMED))
