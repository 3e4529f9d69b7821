"""What one event may do to one value, and how long an edit remembers places."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.crdt.cell import Cell, Origin, Payload
from dojopool.core.crdt.edit import ROUTES_MAX, Edit, Route
from dojopool.errors import GameError

AT, BESIDE = Route((0,)), Route((1,))
KEY, BELOW = Route((0, "k")), Route((0, "k", 3))


def put_up(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    """Some action."""
    return [payload]


def put_down(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    """Another action."""
    return [payload]


def noted(edit: Edit) -> list[tuple[Any, ...]]:
    """The writes as tuples."""
    return [(route.path, action, payload) for route, action, payload in edit.take()]


def test_of_two_writes_to_one_value_the_last_stays() -> None:
    """An event has one dot, so a register takes the last value it sets."""
    edit = Edit()
    edit.put(AT, put_up, 1)
    edit.put(AT, put_up, 2)

    assert noted(edit) == [((0,), put_up, 2)]


def test_two_writes_are_folded_where_the_type_says_how() -> None:
    """A counter's additions become their sum, in the order they were called."""
    edit = Edit()
    edit.put(AT, put_up, "a", lambda earlier, later: f"{earlier}{later}")
    edit.put(AT, put_up, "b", lambda earlier, later: f"{earlier}{later}")

    assert noted(edit) == [((0,), put_up, "ab")]


def test_opposite_writes_to_one_value_are_refused() -> None:
    """An event cannot do two different things to one cell under one dot."""
    edit = Edit()
    edit.put(AT, put_up, None)

    with pytest.raises(GameError, match="two opposite things"):
        edit.put(AT, put_down, None)
    edit.put(BESIDE, put_down, None)


def test_writing_and_taking_back_one_value_is_refused() -> None:
    """Both orders of writing a value and taking it back are refused."""
    written, dropped = Edit(), Edit()
    written.put(AT, put_up, 1)
    dropped.drop(AT)

    with pytest.raises(GameError, match="takes back"):
        written.drop(AT)
    with pytest.raises(GameError, match="opposite"):
        dropped.put(AT, put_up, 1)


@pytest.mark.parametrize("removed_first", [True, False])
@pytest.mark.parametrize("route", [KEY, BELOW])
def test_removals_come_first(route: Route, *, removed_first: bool) -> None:
    """An event may remove a key and write it or below it: the write stays, whatever was called first."""
    edit = Edit()
    if removed_first:
        edit.remove(KEY)
    edit.put(route, put_up, 1)
    edit.remove(KEY)

    assert noted(edit) == [((0, "k"), None, None), (route.path, put_up, 1)]


def test_writes_made_after_the_reducer_returned_are_lost() -> None:
    """What an edit returned does not change when somebody kept its editor."""
    edit = Edit()
    edit.put(AT, put_up, 1)
    writes = edit.take()
    edit.put(BESIDE, put_up, 2)

    assert len(writes) == 1


def test_what_a_reducer_that_raised_had_noted_is_forgotten() -> None:
    """The next event does not get the writes of one that was refused."""
    edit = Edit()
    edit.put(AT, put_up, 1)
    edit.remove(KEY)
    edit.clear()
    edit.put(BESIDE, put_up, 2)

    assert noted(edit) == [((1,), put_up, 2)]


def test_what_was_taken_is_not_taken_again() -> None:
    """Each event gets its own writes, removals included."""
    edit = Edit()
    edit.put(AT, put_up, 1)
    edit.remove(KEY)
    edit.take()

    assert edit.take() == ()


def test_an_edit_that_remembers_too_many_places_says_so() -> None:
    """Keys come from outside, so what is remembered of them has a bound."""
    edit = Edit()
    for key in range(ROUTES_MAX + 1):
        edit.route(key)

    assert edit.routes > ROUTES_MAX
