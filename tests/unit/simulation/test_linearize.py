"""The search for an order, against trying all orders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from random import Random

import pytest

from dojopool.simulation.linearize import Operation, Verdict, check
from dojopool.simulation.oracle import register


def write(value: int, called: int, returned: int | None, answer: tuple[int, int] | None = None) -> Operation:
    """A write of key 0."""
    return Operation(1, 0, "write", value, called, returned, answer)


def read(called: int, returned: int | None, answer: tuple[int, int] | None) -> Operation:
    """A read of key 0."""
    return Operation(2, 0, "read", 0, called, returned, answer)


def verdict(*history: Operation) -> Verdict:
    """What the search says of a register that nobody wrote before."""
    return check(history, start=(0, 0), step=register)


def test_one_after_the_other_is_linearizable() -> None:
    """Answers in the order of time explain themselves."""
    assert verdict(write(7, 0, 1, (1, 7)), read(2, 3, (1, 7))) is Verdict.YES
    assert verdict() is Verdict.YES


def test_a_stale_read_is_not() -> None:
    """A read that was asked after a write was answered must see it."""
    assert verdict(write(7, 0, 1, (1, 7)), read(2, 3, (0, 0))) is Verdict.NO


def test_overlapping_operations_take_any_order() -> None:
    """A read that overlaps a write may see it or not, but two reads in a row never see it go."""
    assert verdict(write(7, 0, 10, (1, 7)), read(1, 2, (0, 0)), read(3, 4, (1, 7))) is Verdict.YES
    assert verdict(write(7, 0, 10, (1, 7)), read(1, 2, (1, 7)), read(3, 4, (0, 0))) is Verdict.NO


def test_an_open_operation_takes_effect_late_or_never() -> None:
    """A write without an answer can be seen long after, by everyone from then on."""
    assert verdict(write(7, 0, None), read(5, 6, (0, 0)), read(7, 8, (1, 7))) is Verdict.YES
    assert verdict(write(7, 0, None), read(5, 6, (1, 7)), read(7, 8, (0, 0))) is Verdict.NO
    assert verdict(write(7, 0, None), read(5, 6, (0, 0))) is Verdict.YES


def test_touching_in_time_overlaps() -> None:
    """Of an answer and a call at one instant nobody knows which was first."""
    assert verdict(write(7, 0, 5, (1, 7)), read(5, 6, (0, 0))) is Verdict.YES


def test_the_search_gives_up_at_its_limit() -> None:
    """Too many steps are no verdict."""
    history = [write(value, 0, 100, None) for value in range(1, 6)]

    assert check(history, start=(0, 0), step=register, steps_max=3) is Verdict.UNDECIDED


def naive(history: Sequence[Operation]) -> bool:
    """Whether any order of any subset that holds all answered operations explains the answers."""
    answered = [one for one in history if one.returned is not None]
    left_out = [one for one in history if one.returned is None]
    for chosen in range(1 << len(left_out)):
        taken = answered + [one for place, one in enumerate(left_out) if chosen >> place & 1]
        if any(_explains(order) for order in permutations(taken)):
            return True
    return False


def _explains(order: Sequence[Operation]) -> bool:
    state: tuple[int, int] = (0, 0)
    for place, one in enumerate(order):
        if any(later.returned is not None and later.returned < one.called for later in order[place + 1 :]):
            return False
        after = register(state, one)
        if not isinstance(after, tuple):
            return False
        state = after
    return True


@pytest.mark.parametrize("seed", range(300))
def test_the_search_agrees_with_trying_all_orders(seed: int) -> None:
    """On small random histories, right and wrong ones, both say the same."""
    draws = Random(seed)
    history = []
    for value in range(1, draws.randint(3, 6)):
        called = draws.randint(0, 12)
        returned = None if draws.random() < 0.2 else called + draws.randint(1, 6)
        if draws.random() < 0.5:
            answer = (draws.randint(1, 3), value) if returned else None
            history.append(write(value, called, returned, answer))
        elif returned:
            history.append(read(called, returned, (draws.randint(0, 2), draws.randint(0, value))))

    expected = Verdict.YES if naive(history) else Verdict.NO
    assert verdict(*history) is expected
