"""Turns: everybody names the same holder, and a later claim never takes a turn away."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.crdt.turn import Turn
from dojopool.errors import GameError
from support.builders import fold_all, form, in_every_order, shown
from support.everything import KIND, At, copied, event_of, replay

TURN = At("turn")


def turn(number: int | None, holder: str | None, previous: str | None, *rivals: str) -> dict[str, Any]:
    """A turn's plain value."""
    return {"number": number, "holder": holder, "previous": previous, "rivals": list(rivals)}


def test_nobody_has_claimed() -> None:
    """Before the first claim nothing is known."""
    assert shown(fold_all(), "turn") == turn(None, None, None)


@pytest.mark.parametrize(
    ("ana", "bo"), [("A1@20", "B1@21"), ("B1@20", "A1@21"), ("A1@20", "B1@20"), ("A1~0@20", "A2~0@20")]
)
def test_of_rival_claims_the_first_holds_the_turn(ana: str, bo: str) -> None:
    """The smallest (stamp, node, seq) holds it, the other is shown as a rival."""
    match = in_every_order(form(ana, TURN.claim(7, "ana")), form(bo, TURN.claim(7, "bo")))

    assert shown(match, "turn") == turn(7, "ana", None, "bo")


def test_a_claim_that_read_the_first_does_not_take_the_turn_away() -> None:
    """Claims are kept, not overwritten: who comes later is a rival, also when he had read the first."""
    match = in_every_order(form("B1@20", TURN.claim(7, "ana")), form("A1{B:1}@21", TURN.claim(7, "bo")))

    assert shown(match, "turn") == turn(7, "ana", None, "bo")


def test_a_late_claim_with_a_smaller_stamp_holds_the_turn() -> None:
    """The order of arrival says nothing, also when the rival's claim was long stored."""
    stored = copied(replay([form("A1@20", TURN.claim(7, "ana"))]))
    stored.join(replay([form("B1@10", TURN.claim(7, "bo"))]), kind=KIND)

    assert shown(stored, "turn") == turn(7, "bo", None, "ana")


def test_the_highest_number_is_current_and_the_next_lower_claimed_one_previous() -> None:
    """Numbers may be left out; the previous holder is found by the same rule as the current one."""
    match = in_every_order(
        form("A1@30", TURN.claim(3, "ana")),
        form("B1@20", TURN.claim(3, "bo")),
        form("A2@40", TURN.claim(7, "ana")),
        form("C1@5", TURN.claim(1, "cy")),
    )

    assert shown(match, "turn") == turn(7, "ana", "bo")


def test_a_late_claim_of_an_old_number_changes_only_the_past() -> None:
    """What comes for a lower number can change previous, never the holder."""
    match = in_every_order(
        form("A1@30", TURN.claim(1, "ana")), form("A2@40", TURN.claim(2, "bo")), form("B1@10", TURN.claim(1, "cy"))
    )

    assert shown(match, "turn") == turn(2, "bo", "cy")


def test_rivals_are_distinct_and_sorted() -> None:
    """Each rival is named once; the holder is no rival of himself."""
    match = in_every_order(
        form("A1@1", TURN.claim(1, "bo")),
        form("A2@2", TURN.claim(1, "dee")),
        form("B1@3", TURN.claim(1, "ana")),
        form("B2@4", TURN.claim(1, "dee")),
        form("C1@5", TURN.claim(1, "bo")),
    )

    assert shown(match, "turn") == turn(1, "bo", None, "ana", "dee")


def test_one_event_claims_one_turn() -> None:
    """Two claims under one dot are refused."""
    with pytest.raises(GameError, match="claims two turns"):
        event_of(form("A1", TURN.claim(1, "ana"), TURN.claim(2, "bo")))


@pytest.mark.parametrize(("number", "holder"), [("1", "ana"), (True, "ana"), (1, 7), (1, None)])
def test_a_claim_is_a_number_and_a_name(number: Any, holder: Any) -> None:
    """Other types are refused."""
    with pytest.raises(GameError, match="a turn"):
        event_of(form("A1", TURN.claim(number, holder)))


def test_claims_are_stored_with_numbers_of_either_sign() -> None:
    """A claim comes back from its bytes as it was."""
    match = replay([form("A1@1", TURN.claim(-3, "ana")), form("A2@2", TURN.claim(300, "é"))])

    assert shown(copied(match), "turn") == shown(match, "turn") == turn(300, "é", "ana")


def test_a_turn_is_seen_by_attributes() -> None:
    """The view of a turn has its four fields, the rivals as a tuple."""
    view = Turn().view(turn(7, "ana", None, "bo"))

    assert (view.number, view.holder, view.previous, view.rivals) == (7, "ana", None, ("bo",))
