"""What a replica does while a server is away, refuses, or has forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from dojopool.adapters.memory_clients import MemoryReader
from dojopool.adapters.memory_group import MemoryMember
from dojopool.adapters.memory_log import MemoryLog
from dojopool.core.cut import Position
from dojopool.core.record import Record
from dojopool.errors import CallerError, ConfigError, StreamBroken, Unavailable
from dojopool.ports import Batch, MatchChange, TopicPartition
from dojopool.replica.program import READER_S_MAX, TROUBLE_S
from support.pipeline import POOL, Pipeline, Scorer, passed, until
from support.slow_store import SlowStore


class FailingReader(MemoryReader):
    """A reader that raises what it is told to, before it reads."""

    fails: Callable[[], Exception | None]
    is_asked_for_ends = False
    """True of a reader of what is folded, not of one that proves marks."""

    async def poll(self, *, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Record]]:
        error = self.fails()
        if error is not None:
            raise error
        return await super().poll(timeout_ms=timeout_ms)

    def end(self, partition: TopicPartition) -> int | None:
        self.is_asked_for_ends = True
        return super().end(partition)


class FailingMember(MemoryMember):
    """A place in a group whose next answers are errors."""

    errors: list[Exception]

    async def changed(self) -> frozenset[int]:
        if self.errors:
            raise self.errors.pop(0)
        return await super().changed()


class FailingLog(MemoryLog):
    """The in-memory log, whose reader and group fail as they are told to."""

    def __init__(self) -> None:
        super().__init__(region="eu")
        self.poll_error: Exception | None = None
        self.stuck: set[MemoryReader] = set()
        """Readers that will never work again."""
        self.readers: list[FailingReader] = []
        self.group_errors: list[Exception] = []

    def folding(self) -> int:
        """How many readers were opened to read what is folded."""
        return sum(reader.is_asked_for_ends for reader in self.readers)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[MemoryReader]:
        """See `ports.EventLog`."""
        reader = FailingReader(self)
        reader.fails = lambda: Unavailable("stuck") if reader in self.stuck else self.poll_error
        self.readers.append(reader)
        try:
            yield reader
        finally:
            reader.is_closed = True

    @asynccontextmanager
    async def membership(self, *, group: str, topic: str) -> AsyncIterator[MemoryMember]:
        """See `ports.EventLog`."""
        async with super().membership(group=group, topic=topic) as member:
            member.__class__ = FailingMember
            assert isinstance(member, FailingMember)
            member.errors = self.group_errors
            yield member


@pytest.fixture
def log() -> FailingLog:
    """A log that fails on request."""
    return FailingLog()


@pytest.fixture
def pipeline(log: FailingLog) -> Pipeline:
    """A pipeline of two partitions on that log."""
    return Pipeline(partitions=2, log=log)


@pytest.mark.parametrize("applied", [True, False])
async def test_a_write_of_unknown_outcome_counts_once(applied: bool) -> None:
    """Whether the first try arrived or not, the repeat finds out, and the batch is in the state once."""
    pipeline, eu = Pipeline(), Scorer()
    async with pipeline.replica() as running:
        pipeline.store.fail_next_write(applied=applied, times=3)
        pipeline.append(*(eu.points("m-1") for _ in range(5)))
        await pipeline.settled()

    assert await pipeline.points("m-1") == 5
    assert (len(running.facts.claimed), running.facts.failed) == (1, [])


async def test_an_outage_of_the_store_is_waited_for() -> None:
    """While the store is away /readyz says so; afterwards everything is stored, by the owner that was there before."""
    pipeline, eu = Pipeline(), Scorer()
    async with pipeline.replica() as running:
        pipeline.append(eu.points("m-1"))
        await pipeline.settled()
        pipeline.store.stop_answering()
        for _ in range(60):
            pipeline.append(eu.points("m-1"))
            await passed(1)
        problems = running.problems()
        pipeline.store.answer_again()
        await pipeline.settled()
        await until(lambda: running.replica.report().is_ready, "all is well again")

    assert problems.startswith("partition 0: writing a batch of partition 0: the store of eu does not answer")
    assert await pipeline.points("m-1") == 61
    assert len(running.facts.claimed) == 1


async def test_a_store_that_is_away_at_the_start_of_a_partition_is_asked_again() -> None:
    """A claim that fails is tried again after a pause, and named meanwhile."""
    pipeline, eu = Pipeline(), Scorer()

    class LateStore(SlowStore):
        async def check(self, *, partitions: int) -> None:
            await super().check(partitions=partitions)
            self.stop_answering()

    pipeline.store = store = LateStore()
    pipeline.append(eu.points("m-1"))
    async with pipeline.replica() as running:
        await until(lambda: len(running.facts.failed) == 2, "two claims have failed")
        problems = running.problems()
        store.answer_again()
        await pipeline.settled(regions=["eu"])
        await until(lambda: running.replica.report().is_ready, "all is well")

    assert problems.startswith("partition 0: claiming partition 0: the store of eu does not answer")


async def test_damaged_state_stops_its_partition_alone(pipeline: Pipeline) -> None:
    """What does not decode is named and left as it is; the other partition goes on."""
    eu = Scorer()
    head = await pipeline.store.claim(0, owner="test")
    nowhere = {"eu": Position(), "us": Position()}
    damage = MatchChange("m-9", b"damaged", {})
    await pipeline.store.write(Batch(0, head.epoch, POOL.version, None, nowhere, [damage], 0))
    match = pipeline.match_in(1)
    async with pipeline.replica() as running:
        pipeline.append(eu.points(match))
        await pipeline.settled(partition=1, regions=["eu"])
        await passed(10)
        problems = running.problems()

    assert problems.startswith("partition 0: ")
    assert [number for number, _, _ in running.facts.claimed] == [1]
    assert (await pipeline.points(match), await pipeline.states()) == (1, {"m-9": b"damaged"})


@pytest.mark.parametrize("is_flushed", [True, False], ids=["flushed", "rolled back"])
async def test_a_store_that_forgot_is_filled_again(is_flushed: bool) -> None:
    """A store that lost writes is noticed without a new event, within seconds, and soon holds everything again."""
    pipeline, eu = Pipeline(), Scorer()
    async with pipeline.replica() as running:
        pipeline.append(*(eu.points("m-1") for _ in range(3)))
        await pipeline.settled(regions=["eu"])
        copy = pipeline.store.take_copy()
        await passed(5)
        pipeline.append(*(eu.points("m-1") for _ in range(4)), eu.points("m-2"), partition=0)
        await pipeline.settled(regions=["eu"])
        states = await pipeline.states()
        if is_flushed:
            pipeline.store.flush()
        else:
            pipeline.store.roll_back(copy)
        began = asyncio.get_running_loop().time()
        await until(lambda: running.facts.failed != [], "the loss is noticed")
        noticed_after = asyncio.get_running_loop().time() - began
        await pipeline.settled(regions=["eu"])
        found = await pipeline.states()

    assert running.facts.failed == [(0, "a write to partition 0 was refused: moved")]
    assert noticed_after < 2
    assert (await pipeline.points("m-1"), await pipeline.points("m-2")) == (7, 1)
    assert found == states


async def test_an_old_copy_of_the_store_is_noticed_by_a_new_owner() -> None:
    """A replica that starts on a store that was set back reads on from there, and nothing is missing or doubled."""
    pipeline, eu = Pipeline(), Scorer()
    async with pipeline.replica():
        pipeline.append(*(eu.points("m-1") for _ in range(3)))
        await pipeline.settled(regions=["eu"])
        copy = pipeline.store.take_copy()
        pipeline.append(*(eu.points("m-1") for _ in range(4)))
        await pipeline.settled(regions=["eu"])
    pipeline.store.roll_back(copy)
    async with pipeline.replica("replica-2"):
        await pipeline.settled(regions=["eu"])

    assert await pipeline.points("m-1") == 7


async def test_a_poll_that_fails_is_tried_again(pipeline: Pipeline, log: FailingLog) -> None:
    """The reason shows, also a while after it was last heard of; then everything is read on."""
    eu, match = Scorer(), pipeline.match_in(0)
    async with pipeline.replica() as running:
        pipeline.append(eu.points(match))
        await pipeline.settled(regions=["eu"])
        log.poll_error = Unavailable("Kafka does not answer")
        pipeline.append(eu.points(match))
        await passed(5)
        problems = running.problems()
        log.poll_error = None
        await pipeline.settled(regions=["eu"])
        is_ready = running.replica.report().is_ready

    assert (problems, is_ready) == ("reading: Kafka does not answer", True)
    assert await pipeline.points(match) == 2
    assert (log.folding(), len(running.facts.claimed)) == (1, 2)


async def test_a_record_that_cannot_be_read_is_told_while_others_are_read(pipeline: Pipeline, log: FailingLog) -> None:
    """The program lives; that records of other streams come in does not hide that one stands still, until it was not
    heard of for a while.
    """
    eu, match = Scorer(), pipeline.match_in(0)
    async with pipeline.replica() as running:
        log.poll_error = StreamBroken("a record cannot be read")
        await passed(1)
        log.poll_error = None
        pipeline.append(eu.points(match))
        await pipeline.settled(regions=["eu"])
        problems = running.problems()
        await passed(TROUBLE_S)
        is_ready = running.replica.report().is_ready

    assert (problems, is_ready) == ("a stream: a record cannot be read", True)
    assert await pipeline.points(match) == 1


async def test_a_reader_that_is_stuck_is_replaced(pipeline: Pipeline, log: FailingLog) -> None:
    """A client that fails for a minute while others would work is given up; what is held stays held."""
    eu, match = Scorer(), pipeline.match_in(0)
    async with pipeline.replica() as running:
        pipeline.append(eu.points(match))
        await pipeline.settled(regions=["eu"])
        log.stuck.update(log.readers)
        pipeline.append(eu.points(match))
        await passed(READER_S_MAX - 1)
        readers = log.folding()
        await pipeline.settled(regions=["eu"])

    assert (readers, log.folding()) == (1, 2)
    assert await pipeline.points(match) == 2
    assert len(running.facts.claimed) == 2


async def test_a_log_that_does_not_answer_is_waited_for(pipeline: Pipeline) -> None:
    """Silence costs time only."""
    eu, match = Scorer(), pipeline.match_in(0)
    async with pipeline.replica():
        pipeline.append(eu.points(match))
        await pipeline.settled(regions=["eu"])
        pipeline.log.stop_answering()
        pipeline.append(eu.points(match))
        await passed(30)
        pipeline.log.answer_again()
        await pipeline.settled(regions=["eu"])

    assert await pipeline.points(match) == 2


async def test_a_group_that_does_not_answer_shows(pipeline: Pipeline, log: FailingLog) -> None:
    """What the group says is waited for, the reason shows for a while, and the replica goes on with what it holds."""
    log.group_errors += [Unavailable("the coordinator is away")] * 3
    async with pipeline.replica() as running:
        await passed(0.25)
        problems = running.problems()
        await until(lambda: running.replica.report().owned == (0, 1), "the group has answered")
        await until(lambda: running.replica.report().is_ready, "all is well")
        took = asyncio.get_running_loop().time()

    assert "the consumer group: the coordinator is away" in problems
    assert took < TROUBLE_S


async def test_a_group_that_refuses_ends_the_replica(pipeline: Pipeline, log: FailingLog) -> None:
    """What can never work ends `run` with its own error, and not with a group of them."""
    log.group_errors.append(ConfigError("the broker does not allow this session timeout"))
    async with pipeline.replica() as running:
        with pytest.raises(ConfigError, match="does not allow this session timeout"):
            await running.ended()


async def test_marks_that_are_never_taken_end_the_replica(pipeline: Pipeline) -> None:
    """A region without marks is dead to the others: a log that refuses them for good is an error of the setup."""
    pipeline.log.create("small.events.eu", partitions=2, config={"max.message.bytes": "5"})
    for topic in ("small.events.us", "small.dead-letters"):
        pipeline.log.create(topic, partitions=2, config={})
    pipeline.prefix = "small"
    async with pipeline.replica() as running:
        with pytest.raises(CallerError, match="takes at most 5"):
            await running.ended()


async def test_a_letter_that_cannot_be_written_stops_its_partition_alone(pipeline: Pipeline, log: FailingLog) -> None:
    """The partition with the damaged record waits, and its reader too; the other is stored as it comes. Once letters
    are taken, everything is stored, in order.
    """
    eu = Scorer()
    here, there = (pipeline.match_in(number) for number in range(2))
    async with pipeline.replica() as running:
        await until(lambda: len(running.facts.claimed) == 2, "both are claimed")
        log.fail_next_append(stored=False, topic=pipeline.config.letters_topic, times=10_000)
        pipeline.append_raw((here.encode(), b"damaged"))
        for _ in range(30):
            pipeline.append(eu.points(here))
            pipeline.append(eu.points(there))
            await passed(1)
        stopped, gone_on = await pipeline.points(here), await pipeline.points(there)
        problems = running.problems()
        while log.take_fault(pipeline.config.letters_topic):
            pass
        await pipeline.settled(partition=0)

    assert (stopped, gone_on) == (0, 30)
    assert "partition 0: appending 1 records to dojo.dead-letters/0: no answer" in problems
    assert len(pipeline.letters()) == 1
    assert await pipeline.points(here) == 30


async def test_a_partition_that_waits_is_let_go_all_the_same(pipeline: Pipeline, log: FailingLog) -> None:
    """Letters that cannot be written keep no partition from its next owner, who has the same trouble, and no replica
    from stopping.
    """
    async with pipeline.replica() as running:
        await until(lambda: len(running.facts.claimed) == 2, "both are claimed")
        log.fail_next_append(stored=False, topic=pipeline.config.letters_topic, times=10_000)
        pipeline.append_raw((b"m", b"damaged"), partition=1)
        await passed(5)
        async with pipeline.replica("replica-2") as second:
            await until(lambda: second.replica.report().owned == (1,), "it has moved")
            await until(lambda: "partition 1: appending" in second.problems(), "the second has the trouble now")
            first = running.replica.report()

    assert first.is_ready
    assert pipeline.letters(1) == []
