"""Guards of the SDK: what is sent again, what is called accepted, and under which name and knowledge it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import pytest

from dojopool.client import Accepted, Receipt, Unknown, desk, outbox, wiring
from dojopool.client.author import Author, Knowledge
from dojopool.client.shipment import Shipment
from dojopool.core.event import Event
from dojopool.errors import Unavailable
from dojopool.games.pool import FrameFinished
from dojopool.ports import Outgoing
from guards.result import Guard, Result, State, oracle, seen
from support.pipeline import POOL, Scorer
from support.region import PARTITIONS, Region, points

MATCH: Final = "m-1"
SOON_S: Final = 0.000_1
"""Of a clock that jumps: too short for a second try."""


def given(*amounts: int) -> State:
    """The state that points of these amounts give, each counted once."""
    writer = Scorer("eu/oracle#1")
    return oracle([writer.points(MATCH, amount) for amount in amounts], partitions=PARTITIONS)


async def ended(region: Region, expected: State) -> Result:
    """What readers of the region see once everything in its log is folded."""
    await region.fold()
    return Result(await seen(region.store, [MATCH], partitions=PARTITIONS), expected)


def renamed(value: bytes, node: str, seq: int) -> bytes:
    """The same event under another dot."""
    found = POOL.codec.decode(value)
    assert isinstance(found, Event)
    body: Any = {name: getattr(found.body, name) for name in type(found.body).__slots__}
    return POOL.codec.encode(
        match=found.match,
        node=node,
        seq=seq,
        base=None,
        context=found.context,
        stamp=found.stamp,
        type=found.type,
        body=body,
    )


def without_same_bytes(patch: pytest.MonkeyPatch) -> None:
    """An append without an answer is tried again as a new event."""
    sound = outbox.Outbox._append
    tries = iter(range(1_000))

    async def append(self: outbox.Outbox, batch: Sequence[Shipment]) -> int:
        try:
            records = [shipment.outgoing for shipment in batch]
            return await self._writer.append(self._topic, self.partition, records, timeout_s=1.0)
        except Unavailable:
            for shipment in batch:
                value = renamed(shipment.outgoing.value, f"eu/retry#{next(tries)}", 1)
                shipment.outgoing = Outgoing(shipment.outgoing.key, value)
        return await sound(self, batch)

    patch.setattr(outbox.Outbox, "_append", append)


async def an_append_is_not_answered() -> Result:
    """The log takes an event, and its acknowledgement is lost."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match(MATCH)
        region.log.fail_next_append(stored=True)
        await match.record(points(3))
    return await ended(region, given(3))


def without_same_dot_when_settled(patch: pytest.MonkeyPatch) -> None:
    """A receipt of an earlier connection is settled by recording its event anew."""
    sound = desk._again

    def again(receipt: Unknown) -> Shipment:
        shipment = sound(receipt)
        shipment.outgoing = Outgoing(shipment.outgoing.key, renamed(receipt.record, "eu/again#1", 1))
        return shipment

    patch.setattr(desk, "_again", again)


async def a_process_restarts_in_doubt() -> Result:
    """An event is in the log, its process ends without knowing, and the next one settles the receipt."""
    region = Region()
    async with region.connect(close_timeout_s=0.1) as dojo:
        match = await dojo.match(MATCH)
        region.log.fail_next_append(stored=True)
        [unknown] = await asyncio.gather(match.record(points(3), timeout_s=SOON_S))
        region.log.stop_answering()
    region.log.answer_again()
    async with region.connect(node="eu/gs-1#b") as dojo:
        await dojo.settle(unknown, timeout_s=1.0)
    return await ended(region, given(3))


def without_answer(patch: pytest.MonkeyPatch) -> None:
    """An append without an answer counts as acknowledged."""

    async def append(self: outbox.Outbox, batch: Sequence[Shipment]) -> int:
        records = [shipment.outgoing for shipment in batch]
        try:
            return await self._writer.append(self._topic, self.partition, records, timeout_s=1.0)
        except Unavailable:
            return 0

    patch.setattr(outbox.Outbox, "_append", append)


async def an_append_does_not_arrive() -> Result:
    """The connection breaks before the log has the event."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match(MATCH)
        region.log.fail_next_append(stored=False)
        receipts = [await match.record(points(3)), await match.record(points(4))]
    return await ended(region, accepted(receipts, 3, 4))


def accepted(receipts: Sequence[Receipt], *amounts: int) -> State:
    """What the amounts give whose receipt says Accepted."""
    return given(*(amount for receipt, amount in zip(receipts, amounts, strict=True) if isinstance(receipt, Accepted)))


def without_waiting_for_earlier(patch: pytest.MonkeyPatch) -> None:
    """What could not be sent makes way for what stands behind it, and is tried again later."""

    async def send(self: outbox.Outbox, batch: Sequence[Shipment]) -> None:
        records = [shipment.outgoing for shipment in batch]
        try:
            offset = await self._writer.append(self._topic, self.partition, records, timeout_s=1.0)
        except Unavailable:
            for shipment in batch:
                self._queue.remove(shipment)
                asyncio.get_running_loop().call_later(1.0, self.put, shipment)
        else:
            self._acknowledge(batch, offset)

    patch.setattr(outbox.Outbox, "_send", send)


async def an_earlier_event_is_in_doubt() -> Result:
    """The first of two events does not arrive; the process dies as soon as the second is answered."""
    region = Region()
    async with region.connect(close_timeout_s=0.1) as dojo, asyncio.TaskGroup() as tasks:
        match = await dojo.match(MATCH)
        region.log.fail_next_append(stored=False)
        first = tasks.create_task(match.record(points(3), timeout_s=5.0))
        await asyncio.sleep(SOON_S)  # of a clock that jumps: it was tried once
        second = await match.record(points(4), timeout_s=5.0)
        region.log.stop_answering()
    region.log.answer_again()
    return await ended(region, accepted([await first, second], 3, 4))


def without_renewal(patch: pytest.MonkeyPatch) -> None:
    """Behind a record that the log never takes, its writer goes on under the same name."""
    patch.setattr(Author, "renew", lambda self, *, certain: None)


async def a_record_is_never_taken() -> Result:
    """An event is too long for the topic, and others follow."""
    region = Region(config={"max.message.bytes": "400"})
    async with region.connect() as dojo:
        match = await dojo.match(MATCH)
        await match.record_body("player_joined", {"player": "x" * 1_000})
        await match.record(points(3))
    return await ended(region, given(3))


def without_incarnations(patch: pytest.MonkeyPatch) -> None:
    """A program that starts again has the name it had."""
    patch.setattr(wiring, "new_node", lambda region, instance: f"{region}/{instance}#1")


async def a_process_restarts() -> Result:
    """A game server records an event, restarts before it shows, and records another."""
    region = Region()
    for amount in (3, 4):
        async with region.connect(node=wiring.new_node("eu", "gs-1")) as dojo:
            await (await dojo.match(MATCH)).record(points(amount))
    return await ended(region, given(3, 4))


def without_base(patch: pytest.MonkeyPatch) -> None:
    """A handle is taken to know what every handle of its process wrote."""
    sound = Knowledge.follow

    def follow(self: Knowledge, author: Author) -> None:
        sound(self, author)
        self.own = author.seq

    patch.setattr(Knowledge, "follow", follow)


async def two_scorekeepers_at_one_server() -> Result:
    """Two clients of one game server name a winner each, without having read each other."""
    region = Region()
    async with region.connect() as dojo:
        ours, theirs = await dojo.match(MATCH), await dojo.match(MATCH)
        await ours.record(FrameFinished(frame=1, winner="ana"))
        await theirs.record(FrameFinished(frame=1, winner="bo"))
    said = [
        Scorer(f"eu/oracle#{winner}").event(MATCH, "frame_finished", {"frame": 1, "winner": winner})
        for winner in ("ana", "bo")
    ]
    return await ended(region, oracle(said, partitions=PARTITIONS))


GUARDS: Final = (
    Guard(
        "same bytes, same dot",
        "an append without an answer is repeated as it was",
        "it is recorded as a new event",
        "doubled",
        "an event whose acknowledgement was lost counts twice",
        without_same_bytes,
        an_append_is_not_answered,
    ),
    Guard(
        "same dot across restarts",
        "an unknown receipt is settled by sending its record once more",
        "its event is recorded anew",
        "doubled",
        "an event that was in the log after all counts twice",
        without_same_dot_when_settled,
        a_process_restarts_in_doubt,
    ),
    Guard(
        "accepted only when acknowledged",
        "a receipt says accepted once the log has answered",
        "no answer counts as one",
        "lost",
        "an event that never arrived is called accepted",
        without_answer,
        an_append_does_not_arrive,
    ),
    Guard(
        "accepted only behind earlier ones",
        "an event is sent behind everything that its writer wrote before",
        "it overtakes what could not be sent",
        "lost",
        "it is called accepted, and waits for ever for one that died with its process",
        without_waiting_for_earlier,
        an_earlier_event_is_in_doubt,
    ),
    Guard(
        "renewal behind a hole",
        "behind a record that can never be taken its writer is a new node",
        "it goes on counting",
        "lost",
        "everything behind waits for the number that never came",
        without_renewal,
        a_record_is_never_taken,
    ),
    Guard(
        "incarnations",
        "a process that starts again is a new node",
        "it has the same name and counts from 1",
        "lost",
        "its events count as repeats of those before the restart",
        without_incarnations,
        a_process_restarts,
    ),
    Guard(
        "base",
        "a handle has read only what it was shown",
        "it has read all that its process wrote",
        "lost",
        "of two winners named independently one vanishes",
        without_base,
        two_scorekeepers_at_one_server,
    ),
)
