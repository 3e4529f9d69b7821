"""What is put into an outbox gets into the log in order, once known, whatever the log does in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.client import outbox as outbox_module
from dojopool.client.author import Author
from dojopool.client.config import Limits
from dojopool.client.outbox import Outbox
from dojopool.client.receipts import Accepted, LogPosition, Receipt, Rejected, Unknown
from dojopool.client.shipment import Shipment
from dojopool.ports import LogWriter, Outgoing
from support.virtual_time import in_virtual_time

TOPIC = "dojo.events.eu"
LIMITS = Limits()


class Counting:
    """A writer that notes how many records each append holds."""

    def __init__(self, writer: LogWriter) -> None:
        self.appends: list[int] = []
        self._writer = writer

    async def append(self, topic: str, partition: int, records: Sequence[Outgoing], *, timeout_s: float) -> int:
        """See `ports.LogWriter`."""
        self.appends.append(len(records))
        return await self._writer.append(topic, partition, records, timeout_s=timeout_s)


class Box:
    """An outbox whose sender runs, on an in-memory log."""

    def __init__(self, log: MemoryLog, writer: Counting, outbox: Outbox) -> None:
        self.log, self.writer, self.outbox = log, writer, outbox
        self.authors: dict[str, Author] = {}

    def put(self, match: str, *, size: int = 10, timeout_s: float = 100.0) -> Shipment:
        """Put the next event of a match, whose bytes say which it is."""
        author = self.authors.setdefault(match, Author(match, "eu/a#1"))
        author.wrote(author.seq + 1, {})
        value = f"{match}/{author.node}/{author.seq}".encode()
        shipment = Shipment(
            author=author,
            match=match,
            node=author.node,
            seq=author.seq,
            context={},
            outgoing=Outgoing(author.key, value.ljust(size)),
            deadline_s=asyncio.get_running_loop().time() + timeout_s,
        )
        self.outbox.put(shipment)
        return shipment

    def stored(self) -> list[str]:
        """What is in the log, first occurrences only, as match/node/number."""
        records = self.log.partition((TOPIC, 0)).read(0)
        return list(dict.fromkeys((record.value or b"").decode().strip() for record in records))


@asynccontextmanager
async def opened(limits: Limits = LIMITS, **config: str) -> AsyncIterator[Box]:
    """A box with these limits, on a topic with this configuration."""
    log = MemoryLog(region="eu")
    log.create(TOPIC, partitions=1, config={name.replace("_", "."): value for name, value in config.items()})
    async with log.writer() as writer, asyncio.TaskGroup() as tasks:
        counting = Counting(writer)
        outbox = Outbox((TOPIC, 0), writer=counting, limits=limits, region="eu", mode=lambda: "healthy")
        sender = tasks.create_task(outbox.run())
        yield Box(log, counting, outbox)
        sender.cancel()
        outbox.close()


async def answers(*shipments: Shipment) -> list[Receipt]:
    """The answers of shipments, as their callers get them."""
    return await asyncio.gather(*(shipment.answer for shipment in shipments))


def now() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_what_was_put_is_acknowledged_with_its_place() -> None:
    """Each receipt names the offset at which the record stands."""
    async with opened() as box:
        receipts = await answers(box.put("a"), box.put("b"), box.put("a"))

        assert box.stored() == ["a/eu/a#1/1", "b/eu/a#1/1", "a/eu/a#1/2"]
        places = [receipt.position for receipt in receipts if isinstance(receipt, Accepted)]
        assert places == [LogPosition(TOPIC, 0, offset) for offset in range(3)]


@in_virtual_time
async def test_a_lone_event_leaves_at_once() -> None:
    """An idle outbox adds no time."""
    async with opened() as box:
        await answers(box.put("a"))

        assert now() == 0.0


@in_virtual_time
async def test_batches_grow_while_an_append_is_under_way() -> None:
    """What comes during an append shares the next one."""
    async with opened() as box:
        box.log.stop_answering()
        first = box.put("a")
        await asyncio.sleep(1.0)  # of a clock that jumps: the first append is under way
        later = [box.put("a") for _ in range(5)]
        box.log.answer_again()
        await answers(first, *later)

        assert box.writer.appends == [1, 5]


@in_virtual_time
async def test_an_append_has_bounds() -> None:
    """No append holds more records or bytes than allowed, except for a single record that is larger."""
    async with opened(replace(LIMITS, batch_records_max=3, batch_bytes_max=100)) as box:
        shipments = [box.put("a", size=size) for size in (10, 10, 10, 10, 60, 60, 200, 10)]
        await answers(*shipments)

        assert box.writer.appends == [3, 2, 1, 1, 1]


@pytest.mark.parametrize("stored", [True, False, 2])
@in_virtual_time
async def test_an_append_without_an_answer_is_sent_again(stored: bool | int) -> None:
    """Whether all, none or some of it got in, everything is in the log in order and accepted in the end."""
    async with opened() as box:
        box.log.fail_next_append(stored=stored, times=3)
        receipts = await answers(*(box.put("a") for _ in range(5)))

        assert all(isinstance(receipt, Accepted) for receipt in receipts)
        assert box.stored() == [f"a/eu/a#1/{number}" for number in range(1, 6)]


@in_virtual_time
async def test_nothing_overtakes_what_is_sent_again() -> None:
    """What was put after an append failed stands behind it, also when nothing of it was stored."""
    async with opened() as box:
        box.log.fail_next_append(stored=False)
        first = box.put("a")
        await asyncio.sleep(LIMITS.pause_s_min / 2)  # of a clock that jumps: between two tries
        await answers(first, box.put("a"))

        assert box.stored() == ["a/eu/a#1/1", "a/eu/a#1/2"]
        assert box.writer.appends == [1, 1, 1]


@in_virtual_time
async def test_pauses_between_tries_grow_to_a_bound() -> None:
    """A log that fails again and again is asked less and less often, and never less than every two seconds."""
    async with opened() as box:
        box.log.fail_next_append(stored=False, times=8)
        await answers(box.put("a"))

        assert now() == pytest.approx(0.05 + 0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 2.0 + 2.0)


@in_virtual_time
async def test_at_its_deadline_an_event_is_unknown_and_accepted_later() -> None:
    """The caller hears Unknown in time, and the event still gets in."""
    async with opened() as box:
        box.log.stop_answering()
        shipment = box.put("a", timeout_s=3.0)
        receipt = await shipment.answer

        assert isinstance(receipt, Unknown)
        assert (receipt.dot, now()) == (("eu/a#1", 1), 3.0)
        assert box.outbox.late("a", receipt.dot) is shipment
        box.log.answer_again()
        assert isinstance(await shipment.answer, Accepted)
        assert box.stored() == ["a/eu/a#1/1"]


@in_virtual_time
async def test_what_stands_behind_an_unknown_event_is_unknown_too() -> None:
    """The match's later events are told at once, whatever time they have left; other matches are not concerned."""
    async with opened() as box:
        box.log.stop_answering()
        first, behind, other = box.put("a", timeout_s=3.0), box.put("a", timeout_s=90.0), box.put("b", timeout_s=7.0)
        receipts = await answers(first, behind)
        assert [type(receipt) for receipt in receipts] == [Unknown, Unknown]
        assert now() == 3.0

        assert isinstance(await other.answer, Unknown)
        assert now() == 7.0


@in_virtual_time
async def test_an_event_put_behind_an_unknown_one_has_its_own_deadline() -> None:
    """Whoever records after the doubt began asked for that time, and may see the doubt cleared within it."""
    async with opened() as box:
        box.log.stop_answering()
        await box.put("a", timeout_s=3.0).answer
        behind, other = box.put("a", timeout_s=5.0).answer, box.put("b", timeout_s=1.0).answer
        await other
        await asyncio.sleep(3.0)  # of a clock that jumps
        box.log.answer_again()

        assert isinstance(await behind, Accepted)


@in_virtual_time
async def test_an_earlier_deadline_put_later_is_kept() -> None:
    """Deadlines are looked at in their own order and not in that of the queue."""
    async with opened() as box:
        box.log.stop_answering()
        patient, hasty = box.put("a", timeout_s=50.0), box.put("b", timeout_s=2.0)
        await hasty.answer
        assert now() == 2.0
        await patient.answer
        assert now() == 50.0


@in_virtual_time
async def test_an_event_without_a_caller_is_sent_all_the_same() -> None:
    """A cancelled answer leaves no hole."""
    async with opened() as box:
        gone, stays = box.put("a"), box.put("a")
        gone.answer.cancel()

        assert isinstance(await stays.answer, Accepted)
        assert box.stored() == ["a/eu/a#1/1", "a/eu/a#1/2"]


@in_virtual_time
async def test_a_record_that_is_never_taken_ends_its_node_on_its_match() -> None:
    """It is rejected with what its node wrote behind it, the rest gets in, and the author goes on as a new node."""
    async with opened(max_message_bytes="50") as box:
        before, refused, other = box.put("a"), box.put("a", size=100), box.put("b")
        behind, last = box.put("a"), box.put("b")
        receipts = await answers(before, refused, other, behind, last)

        assert [type(receipt) for receipt in receipts] == [Accepted, Rejected, Accepted, Rejected, Accepted]
        assert box.stored() == ["a/eu/a#1/1", "b/eu/a#1/1", "b/eu/a#1/2"]
        assert (box.authors["a"].node, box.authors["b"].node) == ("eu/a#1.2", "eu/a#1")
        assert box.authors["a"].certain("eu/a#1") == 1
        await answers(box.put("a"))
        assert box.stored()[-1] == "a/eu/a#1.2/1"


@in_virtual_time
async def test_what_is_refused_after_a_doubtful_try_stays_unknown() -> None:
    """Only what was certainly never stored is rejected."""
    async with opened(max_message_bytes="50") as box:
        box.log.stop_answering()
        refused = box.put("a", size=100)
        await asyncio.sleep(LIMITS.attempt_timeout_s / 2)  # of a clock that jumps: the first append is under way
        behind = box.put("a")
        await asyncio.sleep(LIMITS.attempt_timeout_s)  # of a clock that jumps: it has failed
        box.log.answer_again()

        assert [type(receipt) for receipt in await answers(refused, behind)] == [Unknown, Rejected]
        assert box.stored() == []


@in_virtual_time
async def test_room_comes_back_with_the_answers() -> None:
    """The gate closes at the bound of records or bytes and opens when they are acknowledged, or refused."""
    limits = replace(LIMITS, queue_records_max=2, queue_bytes_max=100)
    async with opened(limits, max_message_bytes="150") as box:
        first = box.put("a", size=60)
        by_records = [box.outbox.gate.is_open]
        last = box.put("a", size=60)
        by_records.append(box.outbox.gate.is_open)
        await answers(first, last)
        by_records.append(box.outbox.gate.is_open)
        refused = box.put("a", size=200)
        by_bytes = [box.outbox.gate.is_open]
        await answers(refused)
        by_bytes.append(box.outbox.gate.is_open)

        assert by_records == [True, False, True]
        assert by_bytes == [False, True]


@in_virtual_time
async def test_a_refusal_makes_room_for_who_waits() -> None:
    """Who waits in line enters when what filled the outbox was taken back."""
    async with opened(replace(LIMITS, queue_records_max=1), max_message_bytes="50") as box:
        refused = box.put("a", size=100)
        async with box.outbox.gate.entered(60.0) as is_let_in:
            assert is_let_in

        assert isinstance(refused.answer.result(), Rejected)
        assert now() == 0.0


@in_virtual_time
async def test_a_full_outbox_says_what_fills_it() -> None:
    """The reason names numbers, place and the last trouble; while closing it says just that."""
    async with opened() as box:
        box.log.fail_next_append(stored=False)
        box.put("a", size=30)
        await asyncio.sleep(LIMITS.pause_s_min / 2)  # of a clock that jumps: between two tries

        assert "1 events (30 bytes) of partition 0 wait for the log of region eu" in box.outbox.refusal
        assert "no answer from the log of eu" in box.outbox.refusal
        await box.outbox.drain()
        assert "being closed" in box.outbox.refusal


@in_virtual_time
async def test_draining_waits_for_everything() -> None:
    """After a drain nothing is left, and nobody is let in."""
    async with opened() as box:
        box.log.fail_next_append(stored=False, times=4)
        shipment = box.put("a")
        await box.outbox.drain()

        assert isinstance(shipment.answer.result(), Accepted)
        assert not box.outbox.gate.is_open


@in_virtual_time
async def test_what_is_left_at_the_end_is_unknown() -> None:
    """Nobody can say of it that it is not in the log, and its caller does not wait for ever."""
    async with opened() as box:
        box.log.stop_answering()
        left, late = box.put("a"), box.put("b", timeout_s=1.0)
        await late.answer
    receipts = [left.answer.result(), late.answer.result()]

    assert [type(receipt) for receipt in receipts] == [Unknown, Unknown]


@in_virtual_time
async def test_late_answers_are_kept_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten first."""
    monkeypatch.setattr(outbox_module, "LATE_MAX", 2)
    async with opened() as box:
        box.log.stop_answering()
        await answers(*(box.put("a", timeout_s=1.0) for _ in range(3)))

        assert [box.outbox.late("a", ("eu/a#1", seq)) is None for seq in (1, 2, 3)] == [True, False, False]


@in_virtual_time
async def test_late_answers_are_kept_for_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large events are forgotten before there are many of them, each counted once however often it is kept."""
    async with opened() as box:
        box.log.stop_answering()
        one = box.put("a", timeout_s=1.0)
        monkeypatch.setattr(outbox_module, "LATE_BYTES_MAX", 2 * len(one.outgoing.value))
        await answers(one, *(box.put("a", timeout_s=1.0) for _ in range(2)))
        for _ in range(3):
            box.outbox.keep_late(box.outbox.late("a", ("eu/a#1", 3)) or one)

        assert [box.outbox.late("a", ("eu/a#1", seq)) is None for seq in (1, 2, 3)] == [True, False, False]
