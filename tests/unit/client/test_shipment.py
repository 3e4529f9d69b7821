"""An event on its way answers whoever waits for it, once, and never changes its mind about being certain."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.client.author import Author
from dojopool.client.receipts import Accepted, LogPosition, Rejected, Unknown
from dojopool.client.shipment import Shipment
from dojopool.core.clock import VectorClock
from dojopool.ports import Outgoing

WHERE: dict[str, Any] = {"region": "eu", "mode": "healthy"}


@pytest.fixture
async def shipment() -> Shipment:
    """Event 3 of a node that had read 2 of another."""
    return Shipment(
        author=Author("m-1", "eu/a#1"),
        match="m-1",
        node="eu/a#1",
        seq=3,
        context={"us/b#1": 2},
        outgoing=Outgoing(b"m-1", b"bytes"),
        deadline_s=1.0,
    )


CLOCK = VectorClock({"eu/a#1": 3, "us/b#1": 2})


async def test_an_accepted_one_says_what_a_view_with_it_has_seen(shipment: Shipment) -> None:
    """The receipt's clock is the event and everything its writer had read."""
    shipment.accept(LogPosition("t", 0, 7), **WHERE)

    assert await shipment.answer == Accepted(
        match="m-1", dot=("eu/a#1", 3), clock=CLOCK, region="eu", mode="healthy", position=LogPosition("t", 0, 7)
    )


async def test_an_expired_one_keeps_its_record_and_may_be_accepted_later(shipment: Shipment) -> None:
    """Unknown is an answer for the caller; what becomes of the event is answered again."""
    first = shipment.answer
    assert shipment.expire("no answer", **WHERE)
    shipment.accept(LogPosition("t", 0, 7), **WHERE)

    unknown = await first
    assert isinstance(unknown, Unknown)
    assert (unknown.dot, unknown.clock, unknown.record) == (("eu/a#1", 3), CLOCK, b"bytes")
    assert isinstance(await shipment.answer, Accepted)


async def test_nobody_is_told_when_the_caller_has_given_up(shipment: Shipment) -> None:
    """A cancelled answer stays cancelled, whatever becomes of the event."""
    shipment.answer.cancel()

    assert not shipment.expire("no answer", **WHERE)
    shipment.accept(LogPosition("t", 0, 7), **WHERE)
    shipment.give_up("refused", **WHERE)
    assert shipment.answer.cancelled()


@pytest.mark.parametrize(("is_doubtful", "kind"), [(False, Rejected), (True, Unknown)])
async def test_one_given_up_is_rejected_only_if_it_was_certainly_not_sent(
    shipment: Shipment, is_doubtful: bool, kind: type
) -> None:
    """After an append without an answer nobody can say that it is not in the log."""
    shipment.is_doubtful = is_doubtful
    shipment.give_up("too large", **WHERE)

    receipt = await shipment.answer
    assert isinstance(receipt, kind)
    assert not isinstance(receipt, Accepted)
    assert receipt.reason == "too large"
    assert shipment.is_given_up


async def test_a_record_is_not_printed(shipment: Shipment) -> None:
    """The text of an Unknown receipt is fit for a log line."""
    first = shipment.answer
    shipment.expire("no answer", **WHERE)

    assert "bytes" not in repr(await first)
