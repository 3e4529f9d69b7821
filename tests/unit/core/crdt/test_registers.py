"""Registers: ties, siblings, and levels that only rise or only fall."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.clock import HybridClock
from dojopool.core.crdt.cell import entries
from dojopool.core.crdt.registers import Highest, Lowest, Lww, Mv
from dojopool.errors import GameError
from dojopool.game import highest
from support.builders import event, fold_all, form, in_every_order, shown
from support.everything import At, event_of

TITLE, RIVALS, LEVEL, FLOOR = At("title"), At("rivals"), At("level"), At("floor")


@pytest.mark.parametrize("field", ["title", "level", "floor"])
def test_a_register_nobody_wrote_reads_null(field: str) -> None:
    """A value that is not there yet is None."""
    assert shown(fold_all(), field) is None


def test_a_later_write_replaces_what_its_writer_read() -> None:
    """A write wins over everything that was read, whatever the stamps say."""
    match = in_every_order(form("A1@100", TITLE.set("old")), form("B1{A:1}@50", TITLE.set("new")))

    assert shown(match, "title") == "new"


def test_skewed_clocks_cannot_bring_back_what_was_overwritten() -> None:
    """A writer with a slow clock that read a fast one's write stamps above it and wins."""
    slow = HybridClock()
    slow.observe(10_010 << 16)
    second = form("B1{A:1}", TITLE.set("2")) | {"stamp": slow.stamp(5, elapsed_ms=0)}
    match = in_every_order(form("A1@10010", TITLE.set("1")), second)

    assert second["stamp"] == 10_010 << 16 | 1
    assert shown(match, "title") == "2"
    assert match.stamp == second["stamp"]


@pytest.mark.parametrize(
    ("left", "right"),
    [("A1@5", "B1@6"), ("A1@5.1", "B1@5.2"), ("D1@5", "B1@5"), ("A1~0@5", "A2~0@5")],
)
def test_concurrent_writes_fall_by_stamp_node_and_counter(left: str, right: str) -> None:
    """Of concurrent writes the greatest (stamp, node, seq) is shown: us/b is greater than eu/d."""
    match = in_every_order(form(left, TITLE.set("left")), form(right, TITLE.set("right")))

    assert shown(match, "title") == "right"


def test_of_equal_stamps_the_node_is_asked_before_the_counter() -> None:
    """A node's name decides before how much it has written."""
    match = in_every_order(form("A1"), form("A2@5", TITLE.set("left")), form("B1@5", TITLE.set("right")))

    assert shown(match, "title") == "right"


def test_fields_of_one_record_are_decided_apart() -> None:
    """Concurrent writes to two fields are both kept."""
    match = in_every_order(form("A1@100", TITLE.set("Bob")), form("B1@101", RIVALS.set("News")))

    assert (shown(match, "title"), shown(match, "rivals")) == ("Bob", ["News"])


def test_siblings_are_shown_until_somebody_who_read_them_writes() -> None:
    """A multi-value register shows rivals, and one value again once they were resolved."""
    rivals = form("A1", RIVALS.set("y")), form("B1", RIVALS.set("x"))

    assert shown(in_every_order(*rivals), "rivals") == ["x", "y"]
    assert shown(in_every_order(*rivals, form("C1{A:1,B:1}", RIVALS.set("z"))), "rivals") == ["z"]


def test_equal_siblings_are_two_entries_and_read_as_one() -> None:
    """Whoever read one of two equal writes replaces that one only."""
    rivals = form("A1", RIVALS.set("23")), form("B1", RIVALS.set("23"))
    match = in_every_order(*rivals)

    assert shown(match, "rivals") == ["23"]
    assert len(entries(match.root[1])) == 2
    assert shown(in_every_order(*rivals, form("C1{A:1}", RIVALS.set("x"))), "rivals") == ["23", "x"]


def test_two_clients_of_one_node_do_not_overwrite_each_other() -> None:
    """With base 0 the second client says that it had not read the first one's write."""
    unread = in_every_order(form("A1~0", RIVALS.set("red")), form("A2~0", RIVALS.set("blue")))
    read = in_every_order(form("A1~0", RIVALS.set("red")), form("A2~1", RIVALS.set("blue")))

    assert shown(unread, "rivals") == ["blue", "red"]
    assert shown(read, "rivals") == ["blue"]


def test_interleaved_clients_never_make_more_than_two_siblings() -> None:
    """Two clients that each read their own last write leave one value each."""
    events = [event(f"A{seq}~{max(seq - 2, 0)}", RIVALS.set(str(seq))) for seq in range(1, 7)]

    for count in range(2, 7):
        assert shown(fold_all(*events[:count]), "rivals") == [str(count - 1), str(count)]


def test_one_event_that_sets_twice_means_the_last() -> None:
    """Of several values set by one event the last one is written."""
    assert shown(fold_all(event("A1", TITLE.set("x"), TITLE.set("y"))), "title") == "y"


def test_highest_keeps_the_highest_ever_raised_to() -> None:
    """A level never falls, also when the writer of the lower one had read the higher."""
    match = in_every_order(
        form("A1", LEVEL.raise_to("high")), form("B1{A:1}", LEVEL.raise_to("low")), form("C1", LEVEL.raise_to("middle"))
    )

    assert shown(match, "level") == "high"


def test_lowest_keeps_the_lowest_ever_lowered_to() -> None:
    """The mirror of highest, on whole numbers."""
    match = in_every_order(form("A1", FLOOR.lower_to(-5)), form("B1{A:1}", FLOOR.lower_to(3)))

    assert shown(match, "floor") == -5


@pytest.mark.parametrize(
    ("verb", "field", "weak", "strong"), [("raise_to", "level", "low", "high"), ("lower_to", "floor", 9, 1)]
)
def test_an_extreme_drops_only_what_it_makes_useless(verb: str, field: str, weak: Any, strong: Any) -> None:
    """A level drops the weaker ones its writer had read and stands beside a stronger one."""
    at = At(field)
    index = ["title", "rivals", "total", "tally", "level", "floor"].index(field)
    upwards = fold_all(event("A1", getattr(at, verb)(weak)), event("A2", getattr(at, verb)(strong)))
    downwards = fold_all(event("A1", getattr(at, verb)(strong)), event("A2", getattr(at, verb)(weak)))
    repeated = fold_all(event("A1", getattr(at, verb)(weak)), event("A2", getattr(at, verb)(weak)))

    assert len(entries(upwards.root[index])) == 1
    assert len(entries(downwards.root[index])) == 2
    assert len(entries(repeated.root[index])) == 1


@pytest.mark.parametrize(
    ("verb", "field", "weak", "strong"), [("raise_to", "level", "low", "high"), ("lower_to", "floor", 9, 1)]
)
def test_a_removal_that_saw_only_the_extreme_leaves_the_weaker_level(
    verb: str, field: str, weak: Any, strong: Any
) -> None:
    """A weaker level written concurrently with the removal of the stronger one it had read survives that removal."""
    at = At("cells", 1, field)
    match = in_every_order(
        form("A1", getattr(at, verb)(strong)),
        form("B1{A:1}", getattr(at, verb)(weak)),
        form("C1{A:1}", At("cells").remove(1)),
    )

    assert shown(match, "cells", 1, field) == weak


def test_one_event_that_raises_twice_means_the_higher() -> None:
    """Of several levels in one event the most extreme is written, whatever the order."""
    match = fold_all(
        event("A1", LEVEL.raise_to("high"), LEVEL.raise_to("low"), FLOOR.lower_to(2), FLOOR.lower_to(7)),
    )

    assert (shown(match, "level"), shown(match, "floor")) == ("high", 2)


@pytest.mark.parametrize("level", ["unknown", 0, None, True, ["low"]])
def test_a_value_that_is_no_level_is_refused(level: Any) -> None:
    """Only declared levels can be raised to."""
    with pytest.raises(GameError, match="none of the levels low, middle, high"):
        event_of(form("A1", LEVEL.raise_to(level)))


@pytest.mark.parametrize("level", ["1", 1.5, True])
def test_numbered_levels_are_whole_numbers(level: Any) -> None:
    """Without names, a level is exactly an int."""
    with pytest.raises(GameError, match="a level takes int"):
        event_of(form("A1", FLOOR.lower_to(level)))


@pytest.mark.parametrize("labels", [("a", "a"), ("a", 1), (str,), ()])
def test_levels_are_distinct_names(labels: tuple[Any, ...]) -> None:
    """Levels that cannot be told apart are refused when declared."""
    with pytest.raises(GameError, match="level"):
        highest(*labels)


def test_declarations_that_mean_different_things_are_described_differently() -> None:
    """The description is part of the fold version, so a comma in a label or a label `int` must not blur it."""
    kinds = [
        Highest(("a", "b")),
        Highest(("a, b",)),
        Highest(("b", "a")),
        Highest(()),
        Highest(("int",)),
        Highest(("a', 'b",)),
        Lowest(("a", "b")),
        Lww(str),
        Lww(int),
        Mv(str),
    ]

    assert len({kind.describe() for kind in kinds}) == len(kinds)
