"""Sets and flags: who is right when one put in what another took out."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.core.crdt.sets import AddWins, Flag, RemoveWins
from dojopool.core.match import Match
from dojopool.errors import CorruptState, GameError
from support.builders import event, fold_all, form, in_every_order, shown
from support.everything import KIND, At, Form, copied, event_of, replay

TAGS, BANS, OPEN, SHUT = At("tags"), At("bans"), At("open"), At("shut")


def joined(*parts: Match) -> Match:
    """All matches as one, from left to right."""
    first, *others = [copied(part) for part in parts]
    for other in others:
        first.join(other, KIND)
    return first


def test_a_concurrent_addition_beats_a_removal_in_one_set_and_loses_in_the_other() -> None:
    """A remover takes away what was read; in a remove-wins set also what was not."""
    forms = [
        form("A1", TAGS.add("x"), BANS.add(7)),
        form("B1{A:1}", TAGS.remove("x"), BANS.remove(7)),
        form("A2", TAGS.add("x"), BANS.add(7)),
    ]
    match = in_every_order(*forms)

    assert shown(match, "tags") == ["x"]
    assert shown(match, "bans") == []


def test_a_removal_that_read_the_addition_wins_in_both_sets() -> None:
    """Without concurrency both sets are plain sets."""
    match = in_every_order(form("A1", TAGS.add("x"), BANS.add(7)), form("B1{A:1}", TAGS.remove("x"), BANS.remove(7)))

    assert (shown(match, "tags"), shown(match, "bans")) == ([], [])


def test_an_addition_that_read_the_removal_wins_in_both_sets() -> None:
    """A ban that was lifted by somebody who knew of it is lifted."""
    match = in_every_order(form("A1", TAGS.remove("x"), BANS.remove(7)), form("B1{A:1}", TAGS.add("x"), BANS.add(7)))

    assert (shown(match, "tags"), shown(match, "bans")) == (["x"], [7])


def parts_of_two_writers() -> list[list[Form]]:
    """A and B each add x and remove what they had added."""
    add_a, remove_a = form("A1", TAGS.add("x")), form("A2", TAGS.remove("x"))
    add_b, remove_b = form("B1", TAGS.add("x")), form("B2", TAGS.remove("x"))
    return [[add_a, remove_a, add_b], [add_a], [add_b, remove_b]]


def test_what_is_present_in_every_part_but_removed_somewhere_is_gone() -> None:
    """Joining three states in any order: each held addition is removed by one of the others."""
    states = [replay(part) for part in parts_of_two_writers()]

    for order in permutations(states):
        assert shown(joined(*order), "tags") == []


def test_no_entry_is_left_when_all_were_removed() -> None:
    """The same with a third state that is itself a join."""
    one, two, three = [replay(part) for part in parts_of_two_writers()]
    states = [one, two, joined(three, two)]

    for order in permutations(states):
        match = joined(*order)
        assert shown(match, "tags") == []
        assert match.root == KIND.empty()


def test_an_early_event_waits_and_nothing_is_lost() -> None:
    """An addition that arrives before its predecessor waits for it, instead of hiding it for ever."""
    match = fold_all(event("A1", TAGS.add("a")), event("B1{A:1}", TAGS.add("d")), event("A3", TAGS.add("c")))
    assert shown(match, "tags") == ["a", "d"]
    assert match.pending == 1

    match.arrive(event("A2", TAGS.add("b")), KIND)
    assert shown(match, "tags") == ["a", "b", "c", "d"]
    assert match.pending == 0


def test_clearing_takes_back_what_was_read() -> None:
    """A concurrent addition survives a clear."""
    match = in_every_order(
        form("A1", TAGS.add("x"), BANS.add(1)),
        form("A2", TAGS.add("y"), BANS.add(2)),
        form("B1{A:2}", TAGS.clear(), BANS.clear()),
        form("A3", TAGS.add("z"), BANS.add(3)),
    )

    assert (shown(match, "tags"), shown(match, "bans")) == (["z"], [3])


def test_clearing_lifts_removals_too() -> None:
    """After a clear, an old removal no longer stands against a concurrent addition."""
    match = in_every_order(form("A1", BANS.remove(1)), form("B1{A:1}", BANS.clear()), form("C1", BANS.add(1)))

    assert shown(match, "bans") == [1]


def test_one_event_may_replace_a_sets_content() -> None:
    """Clearing and adding in one event leaves what was added, whatever was called first."""
    match = in_every_order(
        form("A1", TAGS.add("old"), BANS.add(1)),
        form("B1{A:1}", TAGS.add("new"), TAGS.clear(), BANS.clear(), BANS.add(2)),
    )

    assert (shown(match, "tags"), shown(match, "bans")) == (["new"], [2])


@pytest.mark.parametrize("ops", [[TAGS.add("x"), TAGS.remove("x")], [TAGS.remove("x"), TAGS.add("x")]])
def test_adding_and_removing_one_element_in_one_event_is_refused(ops: list[Any]) -> None:
    """One dot cannot say both; another element is another matter."""
    with pytest.raises(GameError, match="two events"):
        event_of(form("A1", *ops))
    with pytest.raises(GameError, match="two events"):
        event_of(form("A1", *([["bans"], verb, [1]] for _, verb, _ in ops)))
    assert shown(fold_all(event("A1", TAGS.add("x"), TAGS.remove("y"))), "tags") == ["x"]


def test_removing_what_is_not_there_leaves_nothing_behind() -> None:
    """An add-wins removal needs no tombstone."""
    match = fold_all(event("A1", TAGS.remove("x"), OPEN.disable()))

    assert match.root == KIND.empty()


@pytest.mark.parametrize("element", [True, 1.0, "1", None])
def test_elements_are_exactly_of_the_declared_type(element: Any) -> None:
    """1, True and 1.0 are equal in Python and must not become one element."""
    with pytest.raises(GameError, match="a key takes int"):
        event_of(form("A1", BANS.add(element)))


def test_sets_are_shown_sorted() -> None:
    """Numbers sort as numbers, strings by code point, false before true."""
    match = fold_all(event("A1", *(BANS.add(number) for number in (10, -1, 9)), TAGS.add("é"), TAGS.add("z")))
    switches = AddWins(bool)

    assert (shown(match, "bans"), shown(match, "tags")) == ([-1, 9, 10], ["z", "é"])
    assert switches.plain({True: ["a", 1, 0, True], False: ["a", 1, 0, True]}) == [False, True]


def test_concurrent_switching() -> None:
    """Where enabling wins a switch is on, where disabling wins it is off."""
    match = in_every_order(form("A1", OPEN.enable(), SHUT.enable()), form("B1", OPEN.disable(), SHUT.disable()))

    assert (shown(match, "open"), shown(match, "shut")) == (True, False)


def test_a_disabling_that_read_one_of_two_enablings() -> None:
    """The other one keeps an enable-wins switch on, and does not help a disable-wins switch."""
    match = in_every_order(
        form("A1", OPEN.enable(), SHUT.enable()),
        form("B1", OPEN.enable(), SHUT.enable()),
        form("C1{A:1}", OPEN.disable(), SHUT.disable()),
    )

    assert (shown(match, "open"), shown(match, "shut")) == (True, False)


def test_switching_in_turn() -> None:
    """Without concurrency both switches do what the last one said; untouched, they are off."""
    assert (shown(fold_all(), "open"), shown(fold_all(), "shut")) == (False, False)
    on = [form("A1", OPEN.enable(), SHUT.enable())]
    off = [*on, form("B1{A:1}", OPEN.disable(), SHUT.disable())]
    again = [*off, form("C1{A:1,B:1}", OPEN.enable(), SHUT.enable())]

    for forms, expected in ((on, True), (off, False), (again, True)):
        match = in_every_order(*forms)
        assert (shown(match, "open"), shown(match, "shut")) == (expected, expected)


@pytest.mark.parametrize("at", [OPEN, SHUT])
def test_switching_on_and_off_in_one_event_is_refused(at: At) -> None:
    """One dot cannot say both."""
    with pytest.raises(GameError, match="two events"):
        event_of(form("A1", at.enable(), at.disable()))


def test_views_are_immutable() -> None:
    """Readers see a set as a sorted tuple and a switch as a boolean."""
    assert AddWins(str).view(["a", "b"]) == ("a", "b")
    assert Flag(enable_wins=True).view(True) is True


def test_descriptions_differ() -> None:
    """Equal stored bytes of different types must not pass for equal meaning."""
    kinds = [AddWins(str), AddWins(int), RemoveWins(str), Flag(enable_wins=True), Flag(enable_wins=False)]

    assert len({kind.describe() for kind in kinds}) == len(kinds)


def test_an_enable_wins_switch_stores_no_disabling() -> None:
    """A disabling there only takes back, so a stored one is nobody's canonical bytes."""
    out = Writer()
    out.clock({"a": 1})
    Flag(enable_wins=False).encode(["a", 1, 0, False], out)
    for enable_wins in (False, True):
        source = Reader(bytes(out.buffer))
        source.clock()
        if enable_wins:
            with pytest.raises(CorruptState, match="never kept"):
                Flag(enable_wins=True).decode(source)
        else:
            assert Flag(enable_wins=False).decode(source) == ["a", 1, 0, False]
