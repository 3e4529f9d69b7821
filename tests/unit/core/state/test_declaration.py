"""Declaring state: what a class body means, and what it is refused for."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.state.declaration import (
    State,
    add_wins,
    counter,
    flag,
    highest,
    log,
    lowest,
    lww,
    map_of,
    mv,
    remove_wins,
    turn,
)
from dojopool.errors import GameError

NOT_A_KIND: Any = int
counter_itself: Any = counter


class Inner(State):
    """A small record."""

    score = counter()


def declared(**fields: Any) -> Any:
    """The class that a body with these names declares."""
    return type("Some", (State,), fields)


def test_fields_are_numbered_in_order_of_declaration() -> None:
    """The order in the class body is the order of fields, which stored state depends on."""
    assert declared(b=lww(str), a=counter()).kind.names == ("b", "a")


def test_inherited_fields_come_first() -> None:
    """A subclass appends to the fields it inherits, and may declare one of them anew in its place."""
    base = declared(b=lww(str), a=counter())
    child = type("Child", (base,), {"c": counter(), "b": lww(int)})

    assert child.kind.names == ("b", "a", "c")  # type: ignore[attr-defined]  # a class made in a test
    assert child.kind.kinds[0].describe() == "lww(int)"  # type: ignore[attr-defined]  # a class made in a test


@pytest.mark.parametrize("name", ["kind", "_hidden"])
def test_a_field_name_that_is_taken_is_refused(name: str) -> None:
    """A field called like something of the class itself would vanish without a word."""
    with pytest.raises(GameError, match=rf"Some\.{name}: this name is taken"):
        declared(**{name: lww(str), "score": counter()})


@pytest.mark.parametrize("value", [3, "text", Inner, lambda self: None])
def test_anything_but_a_field_is_refused(value: Any) -> None:
    """A class body declares fields and nothing else."""
    with pytest.raises(GameError, match=r"Some\.score is .*, not a field type"):
        declared(score=value)


def test_an_annotation_is_no_field() -> None:
    """A colon where an equals sign was meant is refused instead of losing the field."""
    with pytest.raises(GameError, match=r"Some\.score is annotated"):
        declared(__annotations__={"score": "counter()"}, other=lww(str))


def test_an_annotated_field_is_a_field() -> None:
    """An assignment may be annotated as well."""
    assert declared(__annotations__={"score": "Any"}, score=counter()).kind.names == ("score",)


def test_a_state_without_fields_is_refused() -> None:
    """A record that can hold nothing is a mistake."""
    with pytest.raises(GameError, match="declares no field"):
        declared()


def test_a_state_is_never_instantiated() -> None:
    """The class is a declaration; its values live in the fold."""
    with pytest.raises(GameError, match="is a declaration"):
        Inner()


@pytest.mark.parametrize(
    ("factory", "described"),
    [
        (lambda: lww(str), "lww(str)"),
        (lambda: mv(int), "mv(int)"),
        (counter, "counter()"),
        (lambda: counter(resettable=True), "counter(resettable)"),
        (lambda: highest("a", "b"), "highest('a', 'b')"),
        (lambda: highest(int), "highest(int)"),
        (lambda: lowest("a", "b"), "lowest('a', 'b')"),
        (lambda: add_wins(bool), "addwins(bool)"),
        (lambda: remove_wins(str), "removewins(str)"),
        (lambda: flag(wins="enable"), "flag(enable wins)"),
        (lambda: flag(wins="disable"), "flag(disable wins)"),
        (lambda: log(str), "log(str)"),
        (turn, "turn()"),
        (lambda: map_of(int, lww(str)), "map(int, lww(str))"),
        (lambda: map_of(str, Inner), "map(str, record(score: counter()))"),
    ],
)
def test_factories(factory: Any, described: str) -> None:
    """Each factory names its type, whose description goes into the fold version."""
    assert factory().describe() == described


@pytest.mark.parametrize(
    "factory",
    [
        lambda: lww(float),
        lambda: mv(list),
        lambda: add_wins(float),
        lambda: remove_wins(tuple),
        lambda: log(bytes),
        lambda: map_of(float, counter()),
        lambda: map_of(str, NOT_A_KIND),
        lambda: map_of(str, counter_itself),
        lambda: flag(wins="both"),
        highest,
        lambda: lowest("a", "a"),
    ],
)
def test_factories_refuse_what_state_cannot_hold(factory: Any) -> None:
    """A declaration that cannot work fails where it stands."""
    with pytest.raises(GameError):
        factory()
