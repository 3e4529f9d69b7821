"""The judge itself: each way in which a log can break the promises of the ledger is found. Needs no servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dojopool.client import Accepted, Receipt, Rejected
from dojopool.core.clock import VectorClock
from support.judge import claim_logs_keep_the_ledger, first_of_each_dot
from support.ledger import Entry, Ledger, name_in

NODE = "eu/gs-1#a"


def event(name: str, seq: int, *, node: str = NODE) -> dict[str, Any]:
    """An event of match m as the oracle reads it from a log."""
    return {"match": "m", "node": node, "seq": seq, "type": "player_joined", "body": {"player": name}}


def accepted(seq: int) -> Receipt:
    """What its producer was told."""
    return Accepted(match="m", dot=(NODE, seq), clock=VectorClock(), region="eu", mode="healthy", position=None)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Two events were accepted (eu-1, eu-2), one was rejected (eu-3), two were left open (eu-4, eu-5)."""
    ledger = Ledger(tmp_path / "ledger")
    names = [ledger.invoke("eu", "m", "player_joined") for _ in range(5)]
    ledger.answered(names[0], accepted(1))
    ledger.answered(names[1], accepted(2))
    ledger.answered(names[2], Rejected("no room"))
    return ledger


def judged(ledger: Ledger, *logged: dict[str, Any], usurped: tuple[str, ...] = ()) -> None:
    """Judge a log."""
    claim_logs_keep_the_ledger(ledger.entries(), list(logged), first_of_each_dot(logged), usurped=usurped)


def test_the_ledger_holds_what_was_told(ledger: Ledger) -> None:
    """It is read back from its file, and what was never answered is unknown."""
    entries = ledger.entries()

    assert Entry("eu", "m", "player_joined", "accepted", (NODE, 2)) == entries["eu-2"]
    assert [one.answer for one in entries.values()] == ["accepted", "accepted", "rejected", "unknown", "unknown"]


def test_a_log_that_keeps_the_promises_passes(ledger: Ledger) -> None:
    """Repeats are no second event, and of the open ones any may be there."""
    judged(ledger, event("eu-1", 1), event("eu-2", 2), event("eu-1", 1), event("eu-5", 3))


@pytest.mark.parametrize(
    ("logged", "reason"),
    [
        ([event("eu-1", 1)], "eu-2 was accepted as .* is in no log"),
        ([event("eu-1", 1), event("eu-2", 2), event("eu-3", 3)], "eu-3 was rejected and is in the log"),
        ([event("eu-1", 1), event("eu-2", 2), event("eu-9", 3)], "events that nobody recorded"),
        ([event("eu-1", 1), event("eu-2", 2), event("eu-2", 3)], "eu-2 got in under several numbers"),
        ([event("eu-2", 1), event("eu-1", 2)], "eu-1: "),
        ([event("eu-1", 1), event("eu-2", 2), event("eu-4", 4)], "numbers have holes"),
        ([event("eu-1", 1), event("eu-2", 2), event("eu-4", 1)], "eu-4 lost its number"),
    ],
)
def test_a_log_that_breaks_a_promise_is_found(ledger: Ledger, logged: list[dict[str, Any]], reason: str) -> None:
    """Lost, let in though rejected, invented, doubled, under another number, with a hole, displaced."""
    with pytest.raises(AssertionError, match=reason):
        judged(ledger, *logged)


def test_only_a_usurped_node_may_lose_its_number(ledger: Ledger) -> None:
    """Where two programs wrote as one node the event that came second is let go."""
    judged(ledger, event("eu-1", 1), event("eu-2", 2), event("eu-4", 1), usurped=(NODE,))


@pytest.mark.parametrize("field", ["player", "breaker", "winner"])
def test_the_name_is_found_in_any_event(field: str) -> None:
    """Whichever kind of event carries it."""
    assert name_in({"body": {"frame": 1, field: "eu-1"}}) == "eu-1"
