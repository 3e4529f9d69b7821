"""The cell: what is dropped, what stays, and who is right when two sides differ."""

from __future__ import annotations

import pytest

from dojopool.core.crdt.cell import Cell, Origin, add, drop, join, replace


def cell(*dots: str) -> Cell:
    """Entries under dots such as `a3`, each with its dot as payload."""
    return [(dot[0], int(dot[1:]), 0, dot) for dot in dots]


def dots(entries: Cell) -> list[str]:
    """The dots of a cell, sorted."""
    return sorted(f"{node}{seq}" for node, seq, _, _ in entries)


def test_drop_takes_out_what_was_observed() -> None:
    """An entry is dropped when the clock has reached its counter on its node."""
    entries = cell("a3", "b2", "d14", "g22")
    drop(entries, {"a": 4, "b": 1, "c": 1, "d": 14, "e": 5, "f": 2})

    assert dots(entries) == ["b2", "g22"]


@pytest.mark.parametrize(("observed", "left"), [({"a": 2}, ["a3"]), ({"a": 3}, []), ({"b": 9}, ["a3"]), ({}, ["a3"])])
def test_drop_from_a_cell_of_one(observed: dict[str, int], left: list[str]) -> None:
    """The usual cell of one entry follows the same rule."""
    entries = cell("a3")
    drop(entries, observed)

    assert dots(entries) == left


def test_drop_from_an_empty_cell() -> None:
    """An empty cell stays empty."""
    entries = cell()
    drop(entries, {"a": 1})

    assert entries == []


def test_add_keeps_what_is_there() -> None:
    """An addition drops nothing, not even what its event had observed."""
    entries = cell("a1")
    add(entries, Origin("b", 1, 5, {"a": 1}), 5, "x")

    assert entries == [("a", 1, 0, "a1"), ("b", 1, 5, "x")]


def test_replace_drops_what_its_event_had_observed() -> None:
    """What the writer had not read stays beside the new entry."""
    entries = cell("a1", "a2", "c1")
    replace(entries, Origin("b", 1, 5, {"a": 1, "c": 1}), 5, "x")

    assert dots(entries) == ["a2", "b1"]


@pytest.mark.parametrize(
    ("mine", "my_clock", "theirs", "their_clock", "expected"),
    [
        (["a1"], {"a": 1}, ["a1"], {"a": 1}, ["a1"]),
        (["a1"], {"a": 1}, [], {}, ["a1"]),
        (["a1"], {"a": 1}, [], {"a": 1}, []),
        ([], {"a": 1}, ["a1"], {"a": 1}, []),
        ([], {}, ["a1"], {"a": 1}, ["a1"]),
        (["a1"], {"a": 1}, ["b1"], {"b": 1}, ["a1", "b1"]),
        (["a2"], {"a": 2}, ["a1"], {"a": 1}, ["a2"]),
        (["a1", "b1"], {"a": 1, "b": 1}, ["c1"], {"a": 1, "c": 1}, ["b1", "c1"]),
    ],
)
def test_join(
    mine: list[str], my_clock: dict[str, int], theirs: list[str], their_clock: dict[str, int], expected: list[str]
) -> None:
    """An entry missing on one side was dropped there if that side's clock covers it, else it never came there."""
    joined = join(cell(*mine), cell(*theirs), my_clock, their_clock)
    mirrored = join(cell(*theirs), cell(*mine), their_clock, my_clock)

    assert dots(joined) == dots(mirrored) == expected


def test_join_makes_a_new_cell() -> None:
    """The joined cell can be edited without touching the two it came from."""
    mine = cell("a1")
    joined = join(mine, mine, {"a": 1}, {"a": 1})
    joined.clear()

    assert dots(mine) == ["a1"]
