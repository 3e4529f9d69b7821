"""Which scalars state holds, and how a cell is stored."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.crdt.cell import Cell, Payload
from dojopool.core.crdt.cell import entries as entries_of
from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.core.crdt.kind import INT_MAX, INT_MIN, check_scalar, check_scalar_type
from dojopool.core.crdt.registers import Lww
from dojopool.errors import CorruptState, GameError


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


def test_a_removal_takes_back_what_was_observed() -> None:
    """A removal that ends at a cell drops the entries its event had observed, and adds none."""
    cell: Cell = ["a", 1, 0, "x", "b", 1, 0, "y"]
    Lww(str).remove(cell, (0,), 1, {"a": 1})

    assert cell == ["b", 1, 0, "y"]


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

    assert entries_of(Lww(str).decode(source_of(*entries))) == entries


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


@pytest.mark.parametrize("text", ["\ud800", "Zoë \udfff"])
def test_text_that_has_no_bytes_is_refused(text: str) -> None:
    """A lone surrogate has no UTF-8: in state it would end whoever stores it."""
    with pytest.raises(GameError, match="UTF-8"):
        check_scalar(text, str, field="set")
    assert check_scalar("Zoë", str, field="set") == "Zoë"
