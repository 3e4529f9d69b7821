"""What readers get of a record."""

from __future__ import annotations

import pytest

from dojopool.core.crdt.view import View


def test_views_are_equal_by_value() -> None:
    """Two views of equal state are equal and hash alike; a view equals nothing else."""
    view = View({"a": 1, "b": (1, 2)})

    assert view == View({"a": 1, "b": (1, 2)})
    assert hash(view) == hash(View({"a": 1, "b": (1, 2)}))
    assert view != View({"a": 2, "b": (1, 2)})
    assert view != {"a": 1, "b": (1, 2)}
    assert list(view) == ["a", "b"]
    assert repr(view) == "View(a=1, b=(1, 2))"


def test_an_unknown_field_of_a_view_is_named_with_the_known_ones() -> None:
    """A misspelt field says what there is."""
    with pytest.raises(AttributeError, match="no field 'c' is declared; the fields are a, b"):
        View({"a": 1, "b": 2}).c  # noqa: B018 - asking is the test
