"""Guards on the way from the log to the fold: what counts, in which order and how often, and where reading goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from dojopool.core import streams
from dojopool.core.cut import Mark, Position
from dojopool.core.event import Event, RefusedBody
from dojopool.core.fold import Fold
from dojopool.core.inbox import Arrival, Inbox
from dojopool.errors import RefusedRecord
from dojopool.ports import Head
from dojopool.replica.partition import OwnedPartition
from guards.result import Guard, Result, oracle, seen
from support.pipeline import Pipeline, Running, Scorer, passed, until

US: Final = "us/gs-2#b"
QUIET_S: Final = 6.0
"""Of a clock that jumps: longer than any retry, and than the pause before a partition is taken over anew."""


async def read_through(pipeline: Pipeline, *, owner: str = "replica-1") -> str:
    """Let a replica take in what is in the log; what it then says is in its way."""
    async with pipeline.replica(owner) as running:
        await passed(QUIET_S)
        return told(running)


def told(running: Running) -> str:
    """Everything that a replica says is or was in its way."""
    return "; ".join([running.problems(), *(error for _, error in running.facts.failed)]).strip("; ")


# --- delivery


def without_dot_check(patch: pytest.MonkeyPatch) -> None:
    """What comes again is delivered again."""
    sound = Inbox.arrive

    def arrive(self: Inbox, event: Event) -> Arrival:
        if event.seq <= self.delivered.get(event.node, 0):
            self._deliver(event)
            return Arrival.DELIVERED
        return sound(self, event)

    patch.setattr(Inbox, "arrive", arrive)


async def a_mirror_repeats() -> Result:
    """A mirror copies three records a second time."""
    pipeline, us = Pipeline(), Scorer(US)
    values = [us.points("m-1", 1 << place) for place in range(4)]
    pipeline.append(*values, *values[1:], region="us")
    await read_through(pipeline)
    return Result(await seen(pipeline.store, ["m-1"]), oracle(values))


def without_counter_order(patch: pytest.MonkeyPatch) -> None:
    """An event is delivered though earlier ones of its node are missing."""
    sound = Inbox.arrive

    def arrive(self: Inbox, event: Event) -> Arrival:
        if event.seq > self.delivered.get(event.node, 0) + 1:
            self._deliver(event)
            return Arrival.DELIVERED
        return sound(self, event)

    patch.setattr(Inbox, "arrive", arrive)


async def records_out_of_order() -> Result:
    """A foreign writer's records of one node are in the log in another order than they were numbered."""
    pipeline, eu = Pipeline(), Scorer()
    first, second, third = (eu.points("m-1", 1 << place) for place in range(3))
    pipeline.append(second, first, third)
    await read_through(pipeline)
    return Result(await seen(pipeline.store, ["m-1"]), oracle([first, second, third]))


def without_causal_wait(patch: pytest.MonkeyPatch) -> None:
    """An event is delivered though what its writer had read is missing, as if its writer had read less."""

    def missing(self: Inbox, event: Event) -> None:
        delivered = self.delivered
        event.context = {node: delivered[node] for node in event.context or () if node in delivered}

    patch.setattr(Inbox, "_missing", missing)


async def an_answer_comes_first() -> Result:
    """The other region's stream, in which bo leaves, is read before the own one, in which bo had joined."""
    pipeline, eu, us = Pipeline(), Scorer(), Scorer(US)
    joined = eu.event("m-1", "player_joined", {"player": "bo"})
    left = us.event("m-1", "player_left", {"player": "bo"}, seen={eu.node: 1})
    pipeline.append(left, region="us")
    async with pipeline.replica():
        await passed(QUIET_S)
        pipeline.append(joined)
        await passed(QUIET_S)
    return Result(await seen(pipeline.store, ["m-1"]), oracle([joined, left]))


# --- what counts


class Anywhere(str):
    """The name of a region that is taken for any other."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


def without_own_region_rule(patch: pytest.MonkeyPatch) -> None:
    """An event counts in whatever stream it is found."""
    patch.setattr(streams, "region_of", lambda node: Anywhere())


async def a_name_of_another_region() -> Result:
    """Somebody in eu writes under the name of a node of us, which writes in us itself."""
    pipeline, forger, us = Pipeline(), Scorer(US), Scorer(US)
    written = us.points("m-1", 7)
    pipeline.append(forger.points("m-1", 3))
    async with pipeline.replica():
        await passed(QUIET_S)
        pipeline.append(written, region="us")
        await passed(QUIET_S)
    return Result(await seen(pipeline.store, ["m-1"]), oracle([written]))


def without_partition_check(patch: pytest.MonkeyPatch) -> None:
    """A match counts in whatever partition it is found."""
    patch.setattr(streams.Streams, "_match_of", lambda self, record: (record.key or b"").decode())


async def a_producer_with_another_partitioner() -> Result:
    """One event is in the match's partition, and again where another partitioner put it."""
    pipeline, eu = Pipeline(partitions=2), Scorer()
    match = pipeline.match_in(0)
    value = eu.points(match, 5)
    pipeline.append(value)
    pipeline.append(value, partition=1)
    await read_through(pipeline)
    return Result(await seen(pipeline.store, [match], partitions=2), oracle([value], partitions=2))


def without_no_op(patch: pytest.MonkeyPatch) -> None:
    """An event whose body is refused is a letter and does not count."""
    sound = Fold.read

    def read(self: Fold, data: bytes) -> Event | Mark:
        found = sound(self, data)
        if isinstance(found, Event) and isinstance(found.body, RefusedBody):
            raise RefusedRecord(found.body.reason)
        return found

    patch.setattr(Fold, "read", read)


async def an_event_that_its_reducer_refuses() -> Result:
    """The second of three events of a node is one of zero points, which the reducer refuses."""
    pipeline, eu = Pipeline(), Scorer()
    values = [eu.points("m-1", points) for points in (1, 0, 4)]
    pipeline.append(*values)
    await read_through(pipeline)
    return Result(await seen(pipeline.store, ["m-1"]), oracle(values))


# --- where reading goes on


async def played(pipeline: Pipeline, scorer: Scorer) -> list[bytes]:
    """Two events that a replica stored with two marks behind each, and stopped."""
    values = []
    async with pipeline.replica():
        for _ in range(2):
            values.append(scorer.points("m-1"))
            pipeline.append(values[-1])
            ticks = len(pipeline.ticks())
            await until(lambda ticks=ticks: len(pipeline.ticks()) >= ticks + 2, "two marks")  # type: ignore[misc]  # a default is no fault
            await pipeline.settled(regions=["eu"])
    return values


def without_mark_proof(patch: pytest.MonkeyPatch) -> None:
    """Reading goes on at the stored offset, whatever is there."""
    patch.setattr(OwnedPartition, "_prove", lambda self, region, first: None)


async def a_log_is_replaced() -> Result:
    """While no replica runs the topic is made anew, and grows beyond what the old one held."""
    pipeline, other = Pipeline(), Scorer("eu/gs-9#z")
    old = await played(pipeline, Scorer())
    pipeline.log.recreate_topic(pipeline.config.own_topic)
    new = [other.points("m-1", 100) for _ in range(pipeline.stored()["eu"].next_offset + 20)]
    pipeline.append(*new)
    said = await read_through(pipeline, owner="replica-2")
    return Result(await seen(pipeline.store, ["m-1"]), oracle([*old, *new]), before=oracle(old), told=said)


def without_proof_while_running(patch: pytest.MonkeyPatch) -> None:
    """Old marks are looked up, and whatever is found is taken for them."""
    patch.setattr(OwnedPartition, "proof_fault", lambda self, region, stored, found: None)


async def a_log_is_replaced_under_its_reader() -> Result:
    """The topic is made anew and filled beyond the place of a running replica before that asks again."""
    pipeline, eu, other = Pipeline(), Scorer(), Scorer("eu/gs-9#z")
    old, new = [eu.points("m-1")], [other.points("m-1", 100) for _ in range(100)]
    async with pipeline.replica() as running:
        pipeline.append(*old)
        await passed(QUIET_S)
        pipeline.log.recreate_topic(pipeline.config.own_topic)
        pipeline.append(*new)
        await passed(QUIET_S)
        said = told(running)
    return Result(await seen(pipeline.store, ["m-1"]), oracle([*old, *new]), before=oracle(old), told=said)


def without_going_back_to_the_mark(patch: pytest.MonkeyPatch) -> None:
    """Reading goes on behind the last record read, without a look at what lies before."""
    sound = OwnedPartition.__init__

    def begin(self: OwnedPartition, number: int, head: Head, *others: Any, **more: Any) -> None:
        sound(self, number, head, *others, **more)
        self._unproven.clear()
        self.streams.positions.update(head.positions or {})

    patch.setattr(OwnedPartition, "__init__", begin)


async def a_tail_is_lost_and_grows_again() -> Result:
    """Kafka loses the records behind the last mark, which were read, and others are written in their place."""
    pipeline, eu, other = Pipeline(), Scorer(), Scorer("eu/gs-9#z")
    pipeline.append_mark(1)
    read = [eu.points("m-1") for _ in range(4)]
    pipeline.append(*read)
    async with pipeline.replica():
        await pipeline.settled(regions=["eu"])
    pipeline.log.cut_tail((pipeline.config.own_topic, 0), 4)
    grown = [other.points("m-1", 16) for _ in range(6)]
    pipeline.append(*grown)
    await read_through(pipeline, owner="replica-2")
    return Result(await seen(pipeline.store, ["m-1"]), oracle([*read, *grown]))


def without_tick_check(patch: pytest.MonkeyPatch) -> None:
    """A mark that skips ticks is a mark like any other."""

    def marked(self: Position, mark: Mark, offset: int) -> Position:
        if mark.tick <= self.tick:
            return self.moved_to(offset + 1)
        return replace(self, next_offset=offset + 1, tick=mark.tick, mark_offset=offset, mark_time_ms=mark.time_ms)

    patch.setattr(Position, "marked", marked)


async def a_mirror_loses_records() -> Result:
    """Of the stream of us an event and the mark behind it never arrive."""
    pipeline, us, other = Pipeline(), Scorer(US), Scorer("us/gs-3#c")
    first, missing, behind = us.points("m-1", 1), other.points("m-2", 2), us.points("m-1", 4)
    pipeline.append_mark(1, region="us")
    pipeline.append(first, region="us")
    pipeline.append_mark(3, region="us")
    pipeline.append(behind, region="us")
    said = await read_through(pipeline)
    found = await seen(pipeline.store, ["m-1", "m-2"])
    return Result(found, oracle([first, missing, behind]), before=oracle([first]), told=said)


GUARDS: Final = (
    Guard(
        "dot check",
        "an event whose counter was delivered is dropped",
        "it is delivered again",
        "doubled",
        "a mirror that repeats records doubles their points",
        without_dot_check,
        a_mirror_repeats,
    ),
    Guard(
        "counter order",
        "an event waits for the earlier ones of its node",
        "it is delivered at once",
        "lost",
        "the earlier event then counts as a repeat and is dropped",
        without_counter_order,
        records_out_of_order,
    ),
    Guard(
        "causal wait",
        "an event waits for everything its writer had read",
        "it is delivered at once, as if its writer had read less",
        "lost",
        "a player who left is there again, because the joining that was taken back came later",
        without_causal_wait,
        an_answer_comes_first,
    ),
    Guard(
        "own-region rule",
        "an event counts only in the stream of its node's region",
        "it counts in every stream",
        "lost",
        "a forged event takes the dot, and the real one is dropped as a second payload",
        without_own_region_rule,
        a_name_of_another_region,
    ),
    Guard(
        "partition check",
        "an event counts only in the partition of its match",
        "it counts where it is found",
        "doubled",
        "an event that a producer with another partitioner repeated counts in two partitions",
        without_partition_check,
        a_producer_with_another_partitioner,
    ),
    Guard(
        "no-op of a refused body",
        "an event whose body is refused is delivered without its writes",
        "it is a letter only",
        "lost",
        "everything its node writes behind it on the match waits for ever",
        without_no_op,
        an_event_that_its_reducer_refuses,
    ),
    Guard(
        "mark proof",
        "the record at the stored offset must be the stored mark, else the partition stops and says so",
        "reading goes on with whatever is there",
        "lost",
        "the beginning of a log that was replaced is skipped without a word",
        without_mark_proof,
        a_log_is_replaced,
    ),
    Guard(
        "mark proof while running",
        "a mark that was read some seconds ago must still be at its offset, else the stream stops and says so",
        "whatever is there is taken for it",
        "lost",
        "the beginning of a log that was replaced under its reader is skipped without a word",
        without_proof_while_running,
        a_log_is_replaced_under_its_reader,
    ),
    Guard(
        "going back to the mark",
        "reading goes on at the last mark",
        "it goes on at the next offset",
        "lost",
        "what grew in the place of a lost tail is skipped",
        without_going_back_to_the_mark,
        a_tail_is_lost_and_grows_again,
    ),
    Guard(
        "gap of ticks",
        "a mark that skips a tick stops its stream, and the gap is named",
        "the stream goes on",
        "lost",
        "what a mirror lost stays lost without a word",
        without_tick_check,
        a_mirror_loses_records,
    ),
)
