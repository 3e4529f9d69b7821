"""Logs: one order everywhere, and nothing lost."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.crdt.log import Log
from dojopool.errors import GameError
from support.builders import event, fold_all, form, in_every_order, shown
from support.everything import At, event_of

NOTES = At("notes")


def test_entries_are_in_order_of_stamp_node_and_counter() -> None:
    """The same order everywhere, whatever order they arrived in; equal values are all kept."""
    match = in_every_order(
        form("B1@5", NOTES.append("second")),
        form("A1@5", NOTES.append("first")),
        form("B2@7.1", NOTES.append("fourth")),
        form("C1@7", NOTES.append("third")),
        form("A2@9", NOTES.append("first")),
    )

    assert shown(match, "notes") == ["first", "second", "third", "fourth", "first"]


def test_an_entry_written_elsewhere_may_come_before_ones_already_shown() -> None:
    """A concurrent entry with a lower stamp takes its place between."""
    match = fold_all(event("A1@1", NOTES.append("a")), event("A2@9", NOTES.append("c")))
    assert shown(match, "notes") == ["a", "c"]

    assert shown(
        fold_all(event("A1@1", NOTES.append("a")), event("A2@9", NOTES.append("c")), event("B1@5", NOTES.append("b"))),
        "notes",
    ) == ["a", "b", "c"]


def test_an_empty_log_is_an_empty_list() -> None:
    """A log nobody appended to has no entries."""
    assert shown(fold_all(), "notes") == []


def test_one_event_appends_once() -> None:
    """Two entries under one dot would have no order."""
    with pytest.raises(GameError, match="appends 'a' and 'b'"):
        event_of(form("A1", NOTES.append("a"), NOTES.append("b")))


@pytest.mark.parametrize("value", [1, None, True])
def test_entries_have_the_declared_type(value: Any) -> None:
    """A log of strings takes strings."""
    with pytest.raises(GameError, match="append takes str"):
        event_of(form("A1", NOTES.append(value)))


def test_kind_of_log() -> None:
    """A view is a tuple, and the description names the type of the entries."""
    assert Log(str).view(["a"]) == ("a",)
    assert Log(str).describe() != Log(int).describe()
    with pytest.raises(GameError, match="log of"):
        Log(float)
