"""The cell: what is dropped, what stays, and who is right when two sides differ."""

from __future__ import annotations

import pytest

from dojopool.core.crdt.cell import Cell, Origin, add, drop, entries, join, replace


def cell(*dots: str) -> Cell:
    """Entries under dots such as `a3`, each with its dot as payload."""
    return [part for dot in dots for part in (dot[0], int(dot[1:]), 0, dot)]


def dots(of: Cell) -> list[str]:
    """The dots of a cell, sorted."""
    return sorted(f"{node}{seq}" for node, seq, _, _ in entries(of))


def test_drop_takes_out_what_was_observed() -> None:
    """An entry is dropped when the clock has reached its counter on its node."""
    held = cell("a3", "b2", "d14", "g22")
    drop(held, {"a": 4, "b": 1, "c": 1, "d": 14, "e": 5, "f": 2})

    assert dots(held) == ["b2", "g22"]


@pytest.mark.parametrize(("observed", "left"), [({"a": 2}, ["a3"]), ({"a": 3}, []), ({"b": 9}, ["a3"]), ({}, ["a3"])])
def test_drop_from_a_cell_of_one(observed: dict[str, int], left: list[str]) -> None:
    """The usual cell of one entry follows the same rule."""
    held = cell("a3")
    drop(held, observed)

    assert dots(held) == left


def test_drop_from_an_empty_cell() -> None:
    """An empty cell stays empty."""
    held = cell()
    drop(held, {"a": 1})

    assert held == []


def test_add_keeps_what_is_there() -> None:
    """An addition drops nothing, not even what its event had observed."""
    held = add(cell("a1"), Origin("b", 1, 5, {"a": 1}), 5, "x")

    assert entries(held) == [("a", 1, 0, "a1"), ("b", 1, 5, "x")]


@pytest.mark.parametrize("held", [None, []])
def test_add_to_nothing(held: Cell | None) -> None:
    """The first entry makes a cell."""
    assert add(held, Origin("b", 1, 5, {"a": 1}), 5, "x") == ["b", 1, 5, "x"]


def test_replace_drops_what_its_event_had_observed() -> None:
    """What the writer had not read stays beside the new entry."""
    held = replace(cell("a1", "a2", "c1"), Origin("b", 1, 5, {"a": 1, "c": 1}), 5, "x")

    assert dots(held) == ["a2", "b1"]


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


@pytest.mark.parametrize("node", ["a", "b", "c", "d", "e"])
def test_entries_stay_in_order_of_their_dots(node: str) -> None:
    """Whoever adds, an entry stands behind those of its node and of earlier ones, as canonical form asks."""
    held = add(cell("b1", "b2", "d1"), Origin(node, 3, 0, {}), 0, "x")

    assert dots(held) == [f"{entry[0]}{entry[1]}" for entry in entries(held)]
    assert len(entries(held)) == 4
