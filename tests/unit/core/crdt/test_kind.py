"""What one event may do to one value, and which scalars state holds."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.crdt.cell import Cell, Origin, Payload
from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.core.crdt.kind import INT_MAX, INT_MIN, Edit, Write, check_scalar, check_scalar_type
from dojopool.core.crdt.registers import Lww
from dojopool.errors import CorruptState, GameError


def put_up(cell: Cell, origin: Origin, payload: Payload) -> None:
    """Some action."""


def put_down(cell: Cell, origin: Origin, payload: Payload) -> None:
    """Another action."""


def noted(edit: Edit) -> list[tuple[Any, ...]]:
    """The writes as tuples."""
    return [(write.path, write.action, write.payload) for write in edit.writes()]


def test_of_two_writes_to_one_value_the_last_stays() -> None:
    """An event has one dot, so a register takes the last value it sets."""
    edit = Edit()
    edit.put((0,), put_up, 1)
    edit.put((0,), put_up, 2)

    assert noted(edit) == [((0,), put_up, 2)]


def test_two_writes_are_folded_where_the_type_says_how() -> None:
    """A counter's additions become their sum, in the order they were called."""
    edit = Edit()
    edit.put((0,), put_up, "a", lambda earlier, later: f"{earlier}{later}")
    edit.put((0,), put_up, "b", lambda earlier, later: f"{earlier}{later}")

    assert noted(edit) == [((0,), put_up, "ab")]


def test_opposite_writes_to_one_value_are_refused() -> None:
    """An event cannot do two different things to one cell under one dot."""
    edit = Edit()
    edit.put((0, "x"), put_up, None)

    with pytest.raises(GameError, match="two opposite things"):
        edit.put((0, "x"), put_down, None)
    edit.put((0, "y"), put_down, None)


def test_writing_and_taking_back_one_value_is_refused() -> None:
    """Both orders of writing a value and taking it back are refused."""
    written, dropped = Edit(), Edit()
    written.put((0,), put_up, 1)
    dropped.drop((0,))

    with pytest.raises(GameError, match="takes back"):
        written.drop((0,))
    with pytest.raises(GameError, match="opposite"):
        dropped.put((0,), put_up, 1)


@pytest.mark.parametrize("removed_first", [True, False])
@pytest.mark.parametrize("path", [(0, "k"), (0, "k", 3)])
def test_removals_come_first(path: tuple[Any, ...], *, removed_first: bool) -> None:
    """An event may remove a key and write it or below it: the write stays, whatever was called first."""
    edit = Edit()
    if removed_first:
        edit.remove((0, "k"))
    edit.put(path, put_up, 1)
    edit.remove((0, "k"))

    assert noted(edit) == [((0, "k"), None, None), (path, put_up, 1)]


def test_writes_made_after_the_reducer_returned_are_lost() -> None:
    """What an edit returned does not change when somebody kept its editor."""
    edit = Edit()
    edit.put((0,), put_up, 1)
    writes = edit.writes()
    edit.put((1,), put_up, 2)

    assert len(writes) == 1


@pytest.mark.parametrize(
    ("value", "scalar"),
    [(1, int), (INT_MAX, int), (INT_MIN, int), (True, bool), ("x", str)],
)
def test_a_scalar_of_its_type_is_taken(value: Any, scalar: type) -> None:
    """A value of exactly the declared type is returned as it is."""
    assert check_scalar(value, scalar, field="a field") is value


@pytest.mark.parametrize(
    ("value", "scalar"),
    [
        (True, int),
        (1.0, int),
        (1, bool),
        (1, str),
        (None, str),
        ("1", int),
        (INT_MAX + 1, int),
        (INT_MIN - 1, int),
    ],
)
def test_a_scalar_of_another_type_is_refused(value: Any, scalar: type) -> None:
    """1, True and 1.0 are three things, and whole numbers have 64 bits."""
    with pytest.raises(GameError, match="a field takes"):
        check_scalar(value, scalar, field="a field")


@pytest.mark.parametrize("scalar", [float, bytes, list, None, "str"])
def test_state_holds_no_other_types(scalar: Any) -> None:
    """Floats would make sums depend on their order; anything else has no canonical form."""
    with pytest.raises(GameError, match="state holds str, int or bool"):
        check_scalar_type(scalar, field="lww")


def test_an_unlabelled_write_takes_back_what_was_observed() -> None:
    """A write without an action drops the entries its event had observed, and adds none."""
    cell: Cell = [("a", 1, 0, "x"), ("b", 1, 0, "y")]
    Lww(str).write(cell, Write((0,), None, None), 1, Origin("c", 1, 0, {"a": 1}))

    assert cell == [("b", 1, 0, "y")]


def source_of(*entries: tuple[str, int, int, Payload]) -> Reader:
    """A reader that stands in front of a stored cell with these entries, as they are."""
    out = Writer()
    out.clock({"a": 9, "b": 9})
    out.unsigned(len(entries))
    for node, seq, stamp, payload in entries:
        out.dot(node, seq)
        out.stamp(stamp)
        out.scalar(payload)
    source = Reader(bytes(out.buffer))
    source.clock()
    return source


def test_a_stored_cell_is_read_back() -> None:
    """Entries come back with their dots, stamps and payloads."""
    entries = [("a", 1, 5, "x"), ("a", 2, 0, "y"), ("b", 1, 300, "x")]

    assert Lww(str).decode(source_of(*entries)) == entries


@pytest.mark.parametrize(
    "entries",
    [
        [("b", 1, 0, "x"), ("a", 1, 0, "x")],
        [("a", 2, 0, "x"), ("a", 1, 0, "x")],
        [("a", 1, 0, "x"), ("a", 1, 0, "x")],
        [("a", 1, 0, 7)],
        [("a", 1, 0, None)],
    ],
)
def test_a_stored_cell_in_disorder_is_refused(entries: list[tuple[str, int, int, Payload]]) -> None:
    """Dots out of order, dots twice and payloads of another type are nobody's canonical bytes."""
    with pytest.raises(CorruptState):
        Lww(str).decode(source_of(*entries))
