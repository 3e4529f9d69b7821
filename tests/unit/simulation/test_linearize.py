"""The search for an order that explains what clients saw, beside one that tries every order."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import permutations
from random import Random

import pytest

from dojopool.simulation.linearize import Operation, Verdict, check


def step(state: Hashable, operation: Operation) -> Hashable | None:
    """A register: a read was told what stands there, as (value, 0)."""
    if operation.kind == "write":
        return operation.value
    return state if operation.answer in (None, (state, 0)) else None


def naive(history: Sequence[Operation]) -> bool:
    """Try every order of every choice of what took effect."""
    known = [one for one in history if one.returned is not None]
    unknown = [one for one in history if one.returned is None]
    return any(
        _explains([*known, *(one for place, one in enumerate(unknown) if chosen >> place & 1)])
        for chosen in range(1 << len(unknown))
    )


def _explains(operations: list[Operation]) -> bool:
    return any(_fits(order) for order in permutations(operations))


def _fits(order: tuple[Operation, ...]) -> bool:
    state: Hashable | None = 0
    for place, one in enumerate(order):
        if any(later.returned is not None and later.returned < one.called for later in order[place + 1 :]):
            return False
        state = step(state, one)
        if state is None:
            return False
    return True


def drawn(random: Random) -> list[Operation]:
    """A short history of overlapping writes and reads."""
    history = []
    for client in range(random.randint(1, 5)):
        called = random.randint(0, 9)
        returned = None if random.random() < 0.2 else called + random.randint(0, 5)
        kind, value = random.choice(("write", "read")), random.randint(1, 2)
        answer = (random.randint(0, 2), 0) if kind == "read" and returned is not None else None
        history.append(Operation(client, 0, kind, value, called, returned, answer))
    return history


@pytest.mark.parametrize("seed", range(300))
def test_it_agrees_with_trying_every_order(seed: int) -> None:
    """Same verdict on random short histories."""
    history = drawn(Random(seed))

    assert check(history, start=0, step=step) is (Verdict.YES if naive(history) else Verdict.NO), history


def test_it_gives_up_where_it_is_told_to() -> None:
    """No verdict is better than none in time."""
    history = [Operation(client, 0, "write", client, 0, 9) for client in range(9)]

    assert check([*history, Operation(9, 0, "read", 0, 10, 11, (99, 0))], start=0, step=step, steps_max=50) is (
        Verdict.UNDECIDED
    )
