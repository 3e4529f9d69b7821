"""Counters: exact sums, and resets that take back what was read."""

from __future__ import annotations

from itertools import permutations

import pytest

from dojopool.core.crdt.kind import INT_MAX
from dojopool.errors import GameError
from support.builders import event, fold_all, form, in_every_order, shown
from support.everything import KIND, At, copied, event_of, replay

TOTAL, TALLY = At("total"), At("tally")


def test_no_addition_is_lost_or_counted_twice() -> None:
    """Distinct powers of two from three nodes, repeated and reordered, give the exact sum."""
    forms = [
        form(f"{name}{seq}", TOTAL.add(1 << place))
        for place, (name, seq) in enumerate((name, seq) for name in "ABC" for seq in (1, 2))
    ]

    for order in permutations(forms):
        assert shown(replay([*order, *order[:3]]), "total") == 0b111111


def test_an_untouched_counter_is_zero() -> None:
    """A counter that nobody added to reads 0."""
    assert shown(fold_all(), "total") == 0


def test_negative_amounts_are_added_too() -> None:
    """A correction is an addition below zero."""
    assert shown(in_every_order(form("A1", TOTAL.add(3)), form("B1", TOTAL.add(-5))), "total") == -2


def test_additions_of_one_event_are_one_sum() -> None:
    """An event that adds twice adds both amounts."""
    assert shown(fold_all(event("A1", TOTAL.add(3), TOTAL.add(4))), "total") == 7


def test_an_addition_that_its_writer_did_not_read_survives_a_reset() -> None:
    """A reset takes back what was read: the concurrent addition stays with its own amount."""
    match = in_every_order(form("A1", TALLY.add(5)), form("B1{A:1}", TALLY.add(2)), form("A2", TALLY.reset()))

    assert shown(match, "tally") == 2


def test_a_reset_reaches_other_nodes_only_as_far_as_it_had_read_them() -> None:
    """Of two additions of one node, the one behind the read is kept."""
    match = in_every_order(form("B1", TALLY.add(3)), form("A1{B:1}", TALLY.reset()), form("B2", TALLY.add(2)))

    assert shown(match, "tally") == 2


def test_concurrent_resets_do_not_subtract_twice() -> None:
    """Two resets that read the same additions take them back once."""
    match = in_every_order(form("A1", TALLY.add(5)), form("B1{A:1}", TALLY.reset()), form("C1{A:1}", TALLY.reset()))

    assert shown(match, "tally") == 0


def test_a_reset_from_an_old_reading_takes_back_only_that() -> None:
    """With base below its predecessor, a reset leaves what its client had not read."""
    match = in_every_order(form("A1", TALLY.add(5)), form("A2", TALLY.add(7)), form("A3~1", TALLY.reset()))

    assert shown(match, "tally") == 7


def test_a_reset_survives_storing() -> None:
    """An addition that comes after its reset was stored is judged as before."""
    stored = copied(replay([form("B1", TALLY.add(3)), form("A1{B:1}", TALLY.reset())]))
    stored.join(replay([form("B1", TALLY.add(3)), form("B2", TALLY.add(2))]), KIND)

    assert shown(stored, "tally") == 2


def test_adding_and_resetting_in_one_event_is_refused() -> None:
    """Both stand under one dot, so which came first could not be told."""
    with pytest.raises(GameError, match="two events"):
        event_of(form("A1", TALLY.add(1), TALLY.reset()))


def test_a_plain_counter_has_no_reset() -> None:
    """Only a counter declared resettable can be reset."""
    with pytest.raises(AttributeError):
        event_of(form("A1", TOTAL.reset()))


@pytest.mark.parametrize("amount", [1.5, "1", True, None, INT_MAX + 1])
def test_an_amount_is_a_whole_number(amount: object) -> None:
    """Floats would make the sum depend on the order of arrival."""
    with pytest.raises(GameError, match="add takes int"):
        event_of(form("A1", TOTAL.add(amount)))


def test_additions_of_one_event_stay_in_range() -> None:
    """The sum of one event's additions is held to 64 bits as each of them is."""
    with pytest.raises(GameError, match="64 bits"):
        event_of(form("A1", TOTAL.add(INT_MAX), TOTAL.add(1)))
