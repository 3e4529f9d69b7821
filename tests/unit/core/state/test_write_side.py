"""What reducers may do with a declared state: go to its fields, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.crdt.edit import Edit
from dojopool.core.crdt.registers import Lww
from dojopool.core.state.write_side import record
from dojopool.errors import GameError
from support.everything import KIND


def new_editor() -> Any:
    """The write side of a whole state."""
    edit = Edit()
    return KIND.editor(edit, edit.route())


def test_a_place_has_one_editor() -> None:
    """Whoever goes to a field twice gets the same editor: that is how two writes to one value are noticed."""
    editor = new_editor()

    assert editor.cells[1].tags is editor.cells[1].tags
    assert editor.title is editor.title


def test_fields_with_equal_keys_of_other_types_are_not_confused() -> None:
    """1 and True are equal in Python; the editor of one is never given out for the other."""
    editor = new_editor()
    assert editor.cells[1] is not None

    with pytest.raises(GameError, match="a key takes int"):
        editor.cells[True]


def test_a_reducer_cannot_assign_or_invent_fields() -> None:
    """Fields are written by their verbs; a field that was not declared is not there."""
    editor: Any = new_editor()

    with pytest.raises(AttributeError):
        editor.title = "x"
    with pytest.raises(AttributeError):
        editor.tittle  # noqa: B018 - asking is the test


@pytest.mark.parametrize("name", ["_edit", "__init__", "_values"])
def test_a_field_name_that_is_taken_is_refused(name: str) -> None:
    """A field must not hide what editors and views need themselves."""
    with pytest.raises(GameError, match="this name is taken"):
        record({name: Lww(str)}, name="Some")


def test_a_field_cannot_be_deleted() -> None:
    """Whether it can must not depend on what earlier events asked for."""
    editor = new_editor()
    assert editor.title is not None

    with pytest.raises(AttributeError, match="cannot be deleted"):
        del editor.title


def test_long_keys_count_as_many_places() -> None:
    """What is remembered of places is bounded by its size, and not by its number alone."""
    edit = Edit()
    editor: Any = KIND.editor(edit, edit.route())
    editor.counts["x" * 60_000].add(1)

    assert edit.routes > 400
