"""One partition from records to the store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from dojopool.adapters.memory_store import MemoryStore
from dojopool.core import streams
from dojopool.errors import CorruptState, Refused, Unavailable
from dojopool.ports import Batch, BatchFacts, Head, Outcome
from dojopool.replica import intake as module
from support.lanes import ENDS, lane_on
from support.pipeline import NOW_MS, Pipeline, Scorer, mark, passed, records
from support.slow_store import SlowStore

US = "us/gs-2#b"


class Corrupt(MemoryStore):
    """A store in which somebody wrote over the positions."""

    async def write(self, batch: Batch) -> tuple[Outcome, Head]:
        raise CorruptState("stored positions b'?' do not decode")


def next_offset(store: MemoryStore, region: str = "eu") -> int:
    """How far a stream is in the store."""
    stored = store.take_copy().partitions[0].positions
    return 0 if stored is None else stored[region].next_offset


async def test_what_was_read_is_stored() -> None:
    """Records of all streams become one batch, whose facts say what was in it."""
    store = SlowStore()
    async with lane_on(store) as (lane, facts):
        eu, us = Scorer(), Scorer(US)
        await lane.take(
            {"eu": records(0, eu.points("m-1"), mark(1), b"damaged"), "us": records(0, us.points("m-1"))}, ends=ENDS
        )
        await lane.settle(timeout_s=1)

    assert (len(store.begun), next_offset(store), next_offset(store, "us")) == (1, 3, 1)
    assert facts.batches == [
        BatchFacts(
            partition=0,
            records=4,
            events=2,
            duplicates=0,
            waited=0,
            equivocations=0,
            matches=1,
            letters=1,
            waiting=0,
            fold_s=0.0,
            lag_records={"eu": 97, "us": 0},
            mark_time_ms={"eu": NOW_MS, "us": 0},
            gaps=0,
            began_s=0.0,
            oldest_ms={"eu": NOW_MS, "us": NOW_MS},
            traced=0,
            links=(),
        )
    ]
    assert (lane.stored, lane.stored_at_ms) == (store.begun[0].positions, store.begun[0].at_ms)
    assert (lane.left, lane.lost, lane.trouble) == ({}, None, None)


async def test_what_an_observer_counts_is_there() -> None:
    """Duplicates, events that wait and rival payloads under one dot are counted apart."""
    async with lane_on(MemoryStore(region="eu")) as (lane, facts):
        scorer = Scorer()
        first, second, third = (scorer.points("m-1") for _ in range(3))
        rival = Scorer().points("m-1", 9)
        await lane.take({"eu": records(0, first, first, rival, third)}, ends=ENDS)
        await lane.settle(timeout_s=1)

    [found] = facts.batches
    assert (found.events, found.duplicates, found.equivocations, found.waited, found.waiting) == (1, 1, 1, 1, 1)
    assert second != third


async def test_more_than_a_batch_is_written_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write takes a bounded number of records of every stream, in order, and none is left."""
    monkeypatch.setattr(module, "BATCH_RECORDS_MAX", 10)
    store, eu, us = SlowStore(), Scorer(), Scorer(US)
    async with lane_on(store) as (lane, facts):
        await lane.take(
            {
                "eu": records(0, *(eu.points("m-1") for _ in range(35))),
                "us": records(0, *(us.points("m-1") for _ in range(12))),
            },
            ends=ENDS,
        )
        await lane.settle(timeout_s=1)

    stored = [[position.next_offset for position in batch.positions.values()] for batch in store.begun]
    assert stored == [[10, 10], [20, 12], [30, 12], [35, 12]]
    assert sum(found.events for found in facts.batches) == 47
    assert lane.left == {}


async def test_streams_are_fed_in_the_order_of_their_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers what was just written elsewhere finds it there: nothing waits, however the streams were read."""
    monkeypatch.setattr(module, "SLICE_RECORDS", 3)
    eu, us = Scorer(), Scorer(US)
    asked = records(0, *(us.points("m-1") for _ in range(30)))
    answers = records(0, *(eu.points("m-1", seen={us.node: seq}) for seq in range(1, 31)))
    store = SlowStore()
    async with lane_on(store) as (lane, facts):
        first = [replace(record, timestamp=NOW_MS + record.offset) for record in asked]
        later = [replace(record, timestamp=NOW_MS + record.offset + 4) for record in answers]
        await lane.take({"eu": later, "us": first}, ends=ENDS)
        await lane.settle(timeout_s=1)

    assert [(found.events, found.waited) for found in facts.batches] == [(60, 0)]
    assert (next_offset(store), next_offset(store, "us")) == (30, 30)


async def test_others_have_their_turn_while_much_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long piece is folded in turns: heartbeats must not wait for its end."""
    monkeypatch.setattr(module, "TURN_RECORDS_MAX", 10)
    monkeypatch.setattr(module, "SLICE_RECORDS", 5)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with lane_on(SlowStore()) as (lane, _):
        counting = lane.tasks.create_task(count())
        scorer = Scorer()
        await lane.take({"eu": records(0, *(scorer.points("m-1") for _ in range(95)))}, ends=ENDS)
        counting.cancel()

    assert turns >= 9


async def test_the_next_batch_is_folded_while_one_is_written() -> None:
    """Folding does not wait for the store, sending does: the second write begins when the first has ended."""
    store, scorer = SlowStore(), Scorer()
    async with lane_on(store) as (lane, _):
        store.shut()
        await lane.take({"eu": records(0, scorer.points("m-1"))}, ends=ENDS)
        await lane.take({"eu": records(1, scorer.points("m-1"))}, ends=ENDS)
        await asyncio.sleep(1)  # time for a second write, were it not held back
        folded, begun = lane.partition.next_offset("eu"), len(store.begun)
        store.open()
        await lane.settle(timeout_s=1)

    assert (folded, begun) == (2, 1)
    assert (next_offset(store), len(store.begun)) == (2, 2)


async def test_a_busy_lane_puts_records_aside() -> None:
    """With one batch on the way and one behind it the lane holds others up no longer than its limit, and takes what it
    had left once there is room.
    """
    store, scorer = SlowStore(), Scorer()
    async with lane_on(store) as (lane, _):
        store.shut()
        for offset in range(2):
            await lane.take({"eu": records(offset, scorer.points("m-1"))}, ends=ENDS)
        began = asyncio.get_running_loop().time()
        await lane.take({"eu": records(2, scorer.points("m-1"))}, ends=ENDS)
        took = asyncio.get_running_loop().time() - began
        left = {region: len(queue) for region, queue in lane.left.items()}
        store.open()
        await lane.take({"eu": records(3, scorer.points("m-1"))}, ends=ENDS)
        await lane.settle(timeout_s=1)

    assert took == pytest.approx(module.ROOM_WAIT_S_MAX)
    assert left == {"eu": 1}
    assert (lane.left, next_offset(store)) == ({}, 4)


async def test_a_lane_in_trouble_holds_nobody_up() -> None:
    """While a write is being tried again nothing is waited for: records are put aside at once, and the reason shows."""
    store, scorer = SlowStore(), Scorer()
    async with lane_on(store) as (lane, _):
        store.stop_answering()
        for offset in range(2):
            await lane.take({"eu": records(offset, scorer.points("m-1"))}, ends=ENDS)
        await passed(5)
        began = asyncio.get_running_loop().time()
        await lane.take({"eu": records(2, scorer.points("m-1"))}, ends=ENDS)
        took = asyncio.get_running_loop().time() - began
        trouble = lane.trouble
        store.answer_again()
        await passed(5)
        await lane.take({}, ends=ENDS)
        await lane.settle(timeout_s=1)

    assert took == 0
    assert "store of eu does not answer" in (trouble or "")
    assert (lane.trouble, lane.left, next_offset(store)) == (None, {}, 3)


@pytest.mark.parametrize("applied", [True, False])
async def test_a_write_of_unknown_outcome_is_repeated(applied: bool) -> None:
    """Whether the first try arrived or not, the batch is stored once and the next one follows."""
    store, scorer = SlowStore(), Scorer()
    async with lane_on(store) as (lane, facts):
        store.fail_next_write(applied=applied, times=2)
        for offset in range(2):
            await lane.take({"eu": records(offset, scorer.points("m-1", 5))}, ends=ENDS)
        await lane.settle(timeout_s=60)

    assert (next_offset(store), lane.lost) == (2, None)
    assert len(facts.batches) == 2
    assert b'"ana":10' in (await store.view(0, "m-1"))["frames"]


async def test_letters_are_acknowledged_before_the_batch_is_sent() -> None:
    """When a batch that skips a record reaches the store, the record's letter is in its topic already."""
    pipeline = Pipeline()
    letters_at_write = []
    store = SlowStore(seen=lambda batch: letters_at_write.append(len(pipeline.letters())))
    async with lane_on(store, pipeline) as (lane, _):
        pipeline.log.fail_next_append(stored=False, topic=pipeline.config.letters_topic, times=2)
        await lane.take({"eu": records(0, b"damaged"), "us": records(0, b"damaged too")}, ends=ENDS)
        await lane.settle(timeout_s=60)

    assert letters_at_write == [2]


async def test_while_a_letter_cannot_be_written_nothing_is_stored() -> None:
    """The batch behind an unwritten letter waits with it, and the reason shows."""
    pipeline, store = Pipeline(), SlowStore()
    async with lane_on(store, pipeline) as (lane, _):
        pipeline.log.fail_next_append(stored=False, topic=pipeline.config.letters_topic, times=10_000)
        await lane.take({"eu": records(0, b"damaged")}, ends=ENDS)
        await passed(60)
        trouble = lane.trouble

    assert store.begun == []
    assert "dojo.dead-letters/0" in (trouble or "")


async def test_letters_are_written_though_positions_stay() -> None:
    """Records read again behind the last mark bring no batch; one that is damaged now is a letter all the same."""
    pipeline, store = Pipeline(), SlowStore()
    pipeline.append_mark(1)
    pipeline.append(Scorer().points("m-1"))
    async with lane_on(store, pipeline) as (lane, _):
        await lane.take({"eu": pipeline.log.partition(("dojo.events.eu", 0)).read(0)}, ends=ENDS)
        await lane.settle(timeout_s=1)
    async with lane_on(store, pipeline) as (lane, _):
        await lane.take({"eu": records(0, mark(1), b"damaged")}, ends=ENDS)
        await lane.settle(timeout_s=1)

    assert len(store.begun) == 1
    assert [letter.key for letter in pipeline.letters()] == [b"dojo.events.eu/0/1"]


@pytest.mark.parametrize("refusal", ["fenced", "moved"])
async def test_a_refused_write_loses_the_lane(refusal: str) -> None:
    """The lane says why, sends nothing more, letters neither, and what it is handed stays beside."""
    pipeline, store, scorer = Pipeline(), SlowStore(), Scorer()
    async with lane_on(store, pipeline) as (lane, facts):
        if refusal == "fenced":
            await store.claim(0, owner="replica-2")
        else:
            store.flush()
        store.shut()
        await lane.take({"eu": records(0, scorer.points("m-1"))}, ends=ENDS)
        await lane.take({"eu": records(1, b"damaged")}, ends=ENDS)
        store.open()
        await lane.settle(timeout_s=1)
        await lane.take({"eu": records(2, scorer.points("m-1"))}, ends=ENDS)

    assert pipeline.letters() == []
    assert isinstance(lane.lost, Refused)
    assert f"write to partition 0 was refused: {refusal}" in str(lane.lost)
    assert (len(store.begun), facts.batches, list(lane.left)) == (1, [], ["eu"])


async def test_positions_that_do_not_decode_lose_the_lane() -> None:
    """A store that answers with damage is one that cannot be gone on from; the program goes on."""
    async with lane_on(Corrupt(region="eu")) as (lane, _):
        await lane.take({"eu": records(0, Scorer().points("m-1"))}, ends=ENDS)
        await lane.settle(timeout_s=1)

    assert isinstance(lane.lost, Refused)
    assert "do not decode" in str(lane.lost)


async def test_settling_gives_up_in_time() -> None:
    """A store that does not answer is waited for as long as was said; then the lane is lost and its write cancelled."""
    store = SlowStore()
    async with lane_on(store) as (lane, _):
        store.shut()
        await lane.take({"eu": records(0, Scorer().points("m-1"))}, ends=ENDS)
        began = asyncio.get_running_loop().time()
        await lane.settle(timeout_s=5)
        took = asyncio.get_running_loop().time() - began
        store.open()
        await passed(1)

    assert took == 5
    assert isinstance(lane.lost, Unavailable)
    assert "not confirmed within 5 s" in str(lane.lost)
    assert next_offset(store) == 0


async def test_a_full_stream_is_left_and_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit of waiting events the rest of the stream stays beside; what it waits for comes by the other stream
    and frees it.
    """
    monkeypatch.setattr(streams, "WAITING_MAX", 3)
    eu, us = Scorer(), Scorer(US)
    needs_eu = [us.points("m-1", seen={eu.node: 1}) for _ in range(6)]
    store = SlowStore()
    async with lane_on(store) as (lane, _):
        await lane.take({"us": records(0, *needs_eu)}, ends=ENDS)
        left = [record.offset for record in lane.left["us"]]
        await lane.take({"eu": records(0, eu.points("m-1"))}, ends=ENDS)
        await lane.take({}, ends=ENDS)
        await lane.settle(timeout_s=1)

    assert left == [3, 4, 5]
    assert (lane.left, next_offset(store, "us")) == ({}, 6)
    assert b'"ana":7' in (await store.view(0, "m-1"))["frames"]


async def test_records_left_come_before_newer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was left is taken before what was read later, so that a stream keeps its order."""
    monkeypatch.setattr(streams, "WAITING_MAX", 1)
    eu, us = Scorer(), Scorer(US)
    waiting = [us.points("m-1", seen={eu.node: 1}) for _ in range(3)]
    store = SlowStore()
    async with lane_on(store) as (lane, _):
        await lane.take({"us": records(0, *waiting[:2])}, ends=ENDS)
        await lane.take({"eu": records(0, eu.points("m-1")), "us": records(2, waiting[2])}, ends=ENDS)
        await lane.take({}, ends=ENDS)
        await lane.settle(timeout_s=1)

    assert (lane.left, lane.partition.next_offset("us"), lane.partition.fold.waiting("us")) == ({}, 3, 0)


async def test_a_broken_stream_drops_its_rest_and_keeps_what_came_before() -> None:
    """Letters and events before the jump are written and stored, the observer is told, nothing of the rest is kept."""
    pipeline, store = Pipeline(), SlowStore()
    async with lane_on(store, pipeline) as (lane, facts):
        found = records(0, b"damaged", Scorer().points("m-1"), mark(5), Scorer().points("m-2"))
        await lane.take({"eu": found, "us": records(0, Scorer(US).points("m-1"))}, ends=ENDS)
        await lane.settle(timeout_s=1)

    assert [letter.key for letter in pipeline.letters()] == [b"dojo.events.eu/0/0"]
    assert (next_offset(store), next_offset(store, "us"), lane.left) == (2, 1, {})
    assert len(facts.failed) == 1
    assert "jumps from mark 0" in facts.failed[0][1]
    assert list(lane.partition.broken) == ["eu"]


async def test_only_what_was_taken_in_is_told() -> None:
    """The oldest record is the first, and what stands behind a break brings no link, for it is in no batch."""
    eu = Scorer()
    values = [eu.points("m-1"), mark(1), eu.points("m-1"), mark(3), eu.points("m-1")]
    contexts = [f"00-{1:032x}-{number:016x}-01".encode() for number in range(1, 6)]
    read = [
        replace(record, headers=(("traceparent", context),), timestamp=NOW_MS + record.offset)
        for record, context in zip(records(0, *values), contexts, strict=True)
    ]
    async with lane_on(SlowStore()) as (lane, facts):
        facts.links_max = 8
        await lane.take({"eu": read}, ends=ENDS)
        await lane.settle(timeout_s=1)
    [batch] = facts.batches

    assert (batch.records, batch.oldest_ms) == (3, {"eu": NOW_MS})
    assert (batch.traced, batch.links) == (3, tuple(contexts[:3]))
