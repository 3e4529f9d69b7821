"""Vector clocks: the four-way order, merge and meet."""

from __future__ import annotations

import pytest

from dojopool.core.clock import Order, VectorClock

ORDERS = [
    ({"a": 1}, {"b": 1}, Order.CONCURRENT),
    ({"a": 5}, {"b": 1}, Order.CONCURRENT),
    ({"b": 1}, {"a": 5}, Order.CONCURRENT),
    ({"a": 2, "b": 1}, {"a": 1, "b": 2}, Order.CONCURRENT),
    ({"a": 1}, {"a": 1, "b": 0}, Order.SAME),
    ({}, {}, Order.SAME),
    ({}, {"a": 1}, Order.BEFORE),
    ({"a": 1}, {"a": 2}, Order.BEFORE),
    ({"a": 1}, {"a": 1, "b": 1}, Order.BEFORE),
    ({"a": 2, "b": 1}, {"a": 2}, Order.AFTER),
]


@pytest.mark.parametrize(("left", "right", "expected"), ORDERS)
def test_order(left: dict[str, int], right: dict[str, int], expected: Order) -> None:
    """Clocks are compared over the nodes of both, a missing node counting as 0."""
    mine, theirs = VectorClock(left), VectorClock(right)

    assert mine.order(theirs) is expected
    assert mine.happened_before(theirs) is (expected is Order.BEFORE)
    assert mine.is_concurrent_with(theirs) is (expected is Order.CONCURRENT)
    assert (mine <= theirs) is (expected in (Order.BEFORE, Order.SAME))


@pytest.mark.parametrize(("left", "right", "expected"), ORDERS)
def test_order_is_mirrored(left: dict[str, int], right: dict[str, int], expected: Order) -> None:
    """Exchanging the two sides exchanges before and after, and nothing else."""
    mirrored = {Order.BEFORE: Order.AFTER, Order.AFTER: Order.BEFORE}

    assert VectorClock(right).order(VectorClock(left)) is mirrored.get(expected, expected)


def test_a_zero_is_no_entry() -> None:
    """A clock with a zero is the clock without that node, hash included."""
    with_zero, without = VectorClock({"a": 1, "b": 0}), VectorClock({"a": 1})

    assert with_zero == without
    assert hash(with_zero) == hash(without)
    assert len(with_zero) == 1
    assert list(with_zero.items()) == [("a", 1)]


def test_merge_is_what_either_saw() -> None:
    """A merge has the larger counter of every node."""
    merged = VectorClock({"1": 1, "2": 2, "4": 4}).merge(VectorClock({"3": 3, "4": 3}))

    assert merged.as_dict() == {"1": 1, "2": 2, "3": 3, "4": 4}


def test_meet_is_what_both_saw() -> None:
    """A meet has the smaller counter of every node, and no node that one side lacks."""
    met = VectorClock({"a": 3, "b": 1}).meet(VectorClock({"a": 2, "c": 5}))

    assert met == VectorClock({"a": 2})


def test_operations_leave_their_clock_alone() -> None:
    """Merge, meet and with_time return new clocks; what was given can change later without harm."""
    given = {"a": 1}
    mine = VectorClock(given)
    mine.merge(VectorClock({"a": 7, "b": 2}))
    mine.meet(VectorClock({}))
    mine.with_time("a", 9)
    given["a"] = 8

    assert mine.as_dict() == {"a": 1}


def test_with_time_raises_one_counter() -> None:
    """A higher time replaces a node's counter, a lower one changes nothing."""
    mine = VectorClock({"a": 3})

    assert mine.with_time("a", 4).as_dict() == {"a": 4}
    assert mine.with_time("b", 1).as_dict() == {"a": 3, "b": 1}
    assert mine.with_time("a", 2) == mine


def test_time_of_and_covers() -> None:
    """A clock covers the dots up to a node's counter; of a node it never heard of, none."""
    mine = VectorClock({"a": 3})

    assert (mine.time_of("a"), mine.time_of("b")) == (3, 0)
    assert mine.covers(("a", 3))
    assert not mine.covers(("a", 4))
    assert not mine.covers(("b", 1))


def test_as_dict_is_sorted() -> None:
    """JSON shows nodes in order, whatever order they were learnt in."""
    assert list(VectorClock({"b": 1, "a": 2}).as_dict()) == ["a", "b"]
    assert repr(VectorClock({"b": 1, "a": 2})) == "VectorClock({'a': 2, 'b': 1})"


def test_negative_counter_is_refused() -> None:
    """Counters count events, so none is below zero."""
    with pytest.raises(ValueError, match="'a' has -1"):
        VectorClock({"a": -1})


def test_a_clock_is_no_dictionary() -> None:
    """A clock equals clocks only."""
    assert VectorClock({"a": 1}) != {"a": 1}
