"""Maps and records: nested state, removal of keys, and what readers see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dojopool.core.crdt.counters import Counter
from dojopool.core.crdt.edit import Edit
from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.core.crdt.kind import INT_MAX
from dojopool.core.crdt.maps import Map
from dojopool.core.state.write_side import record
from dojopool.errors import CorruptState, GameError
from support.builders import event, fold_all, form, in_every_order, shown
from support.everything import KIND, At, copied, event_of, replay

CELLS, ROOMS, COUNTS = At("cells"), At("rooms"), At("counts")


def tags(key: int) -> At:
    """The tags of a cell."""
    return At("cells", key, "tags")


def test_a_concurrent_update_survives_a_removal_with_its_own_effect_only() -> None:
    """What was read under a key is gone, what was not stays; what it did not write does not come back."""
    match = in_every_order(form("A1", tags(1).add("a")), form("B1{A:1}", CELLS.remove(1)), form("A2", tags(1).add("b")))

    assert shown(match, "cells", 1, "tags") == ["b"]


def test_a_counter_under_a_removed_key_restarts_from_what_was_not_read() -> None:
    """Of 5 read by the remover and 2 added concurrently, 2 are left."""
    match = in_every_order(
        form("A1", At("counts", "x").add(5)), form("B1{A:1}", COUNTS.remove("x")), form("A2", At("counts", "x").add(2))
    )

    assert shown(match, "counts") == {"x": 2}


def test_old_elements_never_return() -> None:
    """An element that was removed with its key stays gone, however often later states are joined."""
    first, remove = form("A1", tags(1).add("0")), form("A2", CELLS.remove(1))
    second, third = form("B1{A:1}", tags(1).add("1")), form("B2{A:1}", tags(1).add("2"))
    match = in_every_order(first, remove, second)
    assert shown(match, "cells", 1, "tags") == ["1"]

    other = replay([first, second, third])
    match.join(copied(other), KIND)
    match.join(copied(other), KIND)
    assert shown(match, "cells", 1, "tags") == ["1", "2"]


def test_a_key_written_again_after_its_removal_is_new() -> None:
    """A writer who read the removal starts from nothing."""
    match = in_every_order(
        form("A1", At("cells", 1, "title").set("old"), tags(1).add("old")),
        form("B1{A:1}", CELLS.remove(1)),
        form("C1{A:1,B:1}", tags(1).add("new")),
    )

    assert shown(match, "cells", 1, "title") is None
    assert shown(match, "cells", 1, "tags") == ["new"]


def test_removal_reaches_through_maps_in_maps() -> None:
    """Removing an outer key takes away everything observed in every map below it, and nothing else."""
    match = in_every_order(
        form("A1", At("rooms", "r", "inner", 1, "total").add(1), At("rooms", "s", "inner", 1, "total").add(1)),
        form("A2", At("rooms", "r", "inner", 2, "tags").add("x")),
        form("B1{A:1}", ROOMS.remove("r")),
    )

    assert sorted(shown(match, "rooms")) == ["r", "s"]
    assert sorted(shown(match, "rooms", "r", "inner")) == ["2"]


def test_a_removal_from_an_old_reading_leaves_what_came_later() -> None:
    """The remover's context decides, not how far the receiver is."""
    match = in_every_order(
        form("A1", At("counts", "x").add(1)), form("A2", At("counts", "x").add(10)), form("B1{A:1}", COUNTS.remove("x"))
    )

    assert shown(match, "counts") == {"x": 10}


def test_a_key_is_present_while_anything_under_it_is_held() -> None:
    """A counter that sums to zero is there; a set whose last element was removed is not."""
    zero = fold_all(event("A1", At("counts", "x").add(5)), event("A2", At("counts", "x").add(-5)))
    emptied = fold_all(event("A1", tags(1).add("x")), event("A2", tags(1).remove("x")))
    reset = fold_all(event("A1", At("cells", 1, "tally").add(5)), event("A2", At("cells", 1, "tally").reset()))

    assert shown(zero, "counts") == {"x": 0}
    assert (shown(emptied, "cells"), shown(reset, "cells")) == ({}, {})


def test_an_emptied_state_is_the_untouched_state() -> None:
    """Nothing is left of nodes that hold nothing, so the bytes differ by clock and stamp only."""
    match = fold_all(
        event("A1", tags(1).add("x"), At("rooms", "r", "inner", 1, "total").add(1), At("counts", "x").add(1)),
        event("A2", CELLS.remove(1), At("rooms", "r", "inner").remove(1), COUNTS.remove("x")),
    )

    assert match.root == KIND.empty()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_one_event_may_remove_a_key_and_write_it_anew(order: tuple[int, int]) -> None:
    """What an event writes is never reached by its own removal, for records and for leaves under a key."""
    cell = [CELLS.remove(1), At("cells", 1, "title").set("new")]
    count = [COUNTS.remove("x"), At("counts", "x").add(1)]
    old = form("A1", tags(1).add("old"), At("counts", "x").add(100))
    match = in_every_order(old, form("B1{A:1}", *(ops[place] for ops in (cell, count) for place in order)))

    assert shown(match, "cells", 1, "title") == "new"
    assert shown(match, "cells", 1, "tags") == []
    assert shown(match, "counts") == {"x": 1}


def test_removing_a_key_that_is_not_there_does_nothing() -> None:
    """A removal leaves no tombstone."""
    assert fold_all(event("A1", CELLS.remove(1), At("rooms", "r", "inner").remove(1))).root == KIND.empty()


@pytest.mark.parametrize("key", ["1", True, 1.0, None, INT_MAX + 1])
def test_keys_are_exactly_of_the_declared_type(key: Any) -> None:
    """Keys that are equal in Python but of another type, or too long to store, are refused for reading and removing."""
    with pytest.raises(GameError, match="a key takes int"):
        event_of(form("A1", At("cells", key, "total").add(1)))
    with pytest.raises(GameError, match="a key takes int"):
        event_of(form("A1", CELLS.remove(key)))


@pytest.mark.parametrize("key", [1, True, None])
def test_string_keys_are_strings(key: Any) -> None:
    """A map by name takes no numbers."""
    with pytest.raises(GameError, match="a key takes str"):
        event_of(form("A1", At("counts", key).add(1)))


def test_a_reducer_cannot_ask_a_map_for_its_keys() -> None:
    """A loop over a map would never end, and what it holds is nothing a reducer may know."""
    edit = Edit()
    editor: Any = Map(int, Counter(is_resettable=False)).editor(edit, edit.route())

    with pytest.raises(TypeError, match="cannot be looped over"):
        iter(editor)
    with pytest.raises(TypeError, match="cannot be asked for"):
        1 in editor  # noqa: B015 - asking is the test


def test_maps_are_shown_in_order_of_key() -> None:
    """Numbers sort as numbers, not as text."""
    match = fold_all(event("A1", *(At("cells", key, "total").add(1) for key in (10, 9, -1))))

    assert list(KIND.plain(match.root)["cells"]) == [-1, 9, 10]


def test_every_declared_field_is_shown() -> None:
    """An untouched record shows all its fields, with null, zero or empty values."""
    shown_state = KIND.plain(KIND.empty())

    assert list(shown_state) == list(KIND.names)
    assert (shown_state["title"], shown_state["total"], shown_state["cells"]) == (None, 0, {})


def test_a_view_of_json_has_native_keys() -> None:
    """JSON writes every key as text; the view has numbers and booleans again."""
    match = fold_all(
        event("A1", At("cells", 7, "total").add(1), At("words", True).set("yes"), At("words", False).set("no"))
    )
    plain = KIND.plain(match.root)
    view = KIND.view(json.loads(json.dumps(plain)))

    assert view == KIND.view(plain)
    assert list(view.cells) == [7]
    assert dict(view.words) == {True: "yes", False: "no"}
    assert view.cells[7].total == 1


def test_views_are_immutable() -> None:
    """Nobody can change what others read."""
    view: Any = KIND.view(KIND.plain(fold_all(event("A1", At("cells", 1, "total").add(1))).root))

    with pytest.raises(TypeError):
        view.cells[2] = 1
    with pytest.raises(AttributeError, match="read-only"):
        view.title = "x"
    with pytest.raises(AttributeError, match="read-only"):
        view.cells[1].total = 5


def test_joining_is_deep() -> None:
    """Each side's fields, keys and entries come together; what the other side removed goes."""
    start = form("A1", tags(1).add("both"), tags(2).add("gone"), At("title").set("old"))
    left = replay([start, form("B1{A:1}", tags(1).add("left"), CELLS.remove(2))])
    left.join(replay([start, form("C1{A:1}", tags(3).add("right"), At("title").set("new"))]), KIND)

    assert {key: cell["tags"] for key, cell in shown(left, "cells").items()} == {"1": ["both", "left"], "3": ["right"]}
    assert shown(left, "title") == "new"


def test_joining_two_removals_leaves_nothing() -> None:
    """Keys removed on either side are gone, and so are the maps that held only them."""
    start = [form("A1", tags(1).add("x")), form("D1", tags(2).add("y"))]
    left = replay([*start, form("B1{A:1,D:1}", CELLS.remove(1))])
    left.join(replay([*start, form("C1{A:1,D:1}", CELLS.remove(2))]), KIND)

    assert left.root == KIND.empty()


def stored(kind: Any, *numbers: int) -> Reader:
    """A reader in front of these numbers, each as one byte, with a clock of one dot."""
    out = Writer()
    out.clock({"a": 1})
    source = Reader(bytes(out.buffer) + bytes(numbers))
    source.clock()
    return source


ENTRY = (1, 0, 1, 3, 2)
"""A counter's cell: one entry, of dot a1, integer 1."""


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((1, 3, 2, 0), id="a key that holds nothing"),
        pytest.param((1, 2, *ENTRY), id="a key of another type"),
        pytest.param((2, 3, 2, *ENTRY, 3, 2, *ENTRY), id="a key twice"),
        pytest.param((2, 3, 4, *ENTRY, 3, 2, *ENTRY), id="keys out of order"),
    ],
)
def test_a_stored_map_in_disorder_is_refused(numbers: tuple[int, ...]) -> None:
    """Only sorted keys that hold something are stored."""
    kind = Map(int, Counter(is_resettable=False))

    with pytest.raises(CorruptState):
        kind.decode(stored(kind, *numbers))
    assert kind.decode(stored(kind, 2, 3, 2, *ENTRY, 3, 4, *ENTRY)).keys() == {1, 2}


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((1, 0, 0), id="a field that holds nothing"),
        pytest.param((1, 2, *ENTRY), id="a field that is not declared"),
        pytest.param((2, 0, *ENTRY, 0, *ENTRY), id="a field twice"),
        pytest.param((2, 1, *ENTRY, 0, *ENTRY), id="fields out of order"),
    ],
)
def test_a_stored_record_in_disorder_is_refused(numbers: tuple[int, ...]) -> None:
    """Only declared fields that hold something are stored, in order."""
    kind = record({"x": Counter(is_resettable=False), "y": Counter(is_resettable=False)}, name="Some")

    with pytest.raises(CorruptState):
        kind.decode(stored(kind, *numbers))
    assert kind.decode(stored(kind, 1, 1, *ENTRY)) == [None, ["a", 1, 0, 1]]
    assert kind.decode(stored(kind, 0)) == kind.empty()


@pytest.mark.parametrize(
    ("field", "first", "second", "only_second", "untouched"),
    [
        ("title", ("set", "x"), ("set", "y"), "y", None),
        ("rivals", ("set", "x"), ("set", "y"), ["y"], []),
        ("total", ("add", 5), ("add", 2), 2, 0),
        ("tally", ("add", 5), ("add", 2), 2, 0),
        ("level", ("raise_to", "high"), ("raise_to", "low"), "low", None),
        ("floor", ("lower_to", 1), ("lower_to", 2), 2, None),
        ("tags", ("add", "x"), ("add", "y"), ["y"], []),
        ("bans", ("remove", 1), ("add", 1), [1], []),
        ("open", ("enable",), ("enable",), True, False),
        ("shut", ("disable",), ("enable",), True, False),
        ("notes", ("append", "x"), ("append", "y"), ["y"], []),
    ],
)
def test_every_type_under_a_removed_key_keeps_what_was_not_read(
    field: str, first: tuple[Any, ...], second: tuple[Any, ...], only_second: Any, untouched: Any
) -> None:
    """Concurrent with the removal, or unread by the remover of the same node: the second write stays alone, and a
    removal that had read both leaves nothing but an untouched field.
    """
    inside = At("rooms", "r", "inner", 1, field)
    one, two = (getattr(inside, verb)(*arguments) for verb, *arguments in (first, second))
    for removal in (At("rooms").remove("r"), At("rooms", "r", "inner").remove(1)):
        concurrent = in_every_order(form("A1", one), form("B1{A:1}", removal), form("A2", two))
        stale = in_every_order(form("A1", one), form("A2", two), form("A3~1", removal))
        read = in_every_order(form("A1", one), form("A2", two), form("B1{A:2}", removal))

        for match in (concurrent, stale):
            assert shown(match, "rooms", "r", "inner", 1, field) == only_second
        assert shown(read, "rooms") == {}
        assert shown(read, field) == untouched
