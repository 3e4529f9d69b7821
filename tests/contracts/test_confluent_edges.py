"""What is librdkafka's own: assignments in the middle of prefetched records, and a member that is assigned nothing."""

from __future__ import annotations

import asyncio
import random

import pytest

from contracts.records import append
from contracts.waiting import DEADLINE_S, POLL_MS, owned_by
from dojopool.adapters.confluent_log import ConfluentLog
from dojopool.ports import EventLog, Membership
from support.offsets import committed_by

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

RECORDS = 20_000
"""More than one reading takes."""

ALL = frozenset(range(4))


@pytest.fixture
def log(kafka: str) -> EventLog:
    """The run's broker."""
    return ConfluentLog(kafka, client_id="edges")


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_record_of_an_earlier_assignment_comes(log: EventLog, topic: str, seed: int) -> None:
    """However often partitions are assigned, paused and cancelled amid prefetched records, each gives its records from
    the offset asked for, without one missing.
    """
    chance = random.Random(seed)
    starts = [await append(log, topic, number, *map(str, range(RECORDS))) for number in (0, 1)]
    async with log.reader() as reader, asyncio.timeout(DEADLINE_S):
        for _ in range(30):
            wanted = {(topic, n): starts[n] + chance.randrange(RECORDS) for n in (0, 1) if chance.random() < 0.8}
            reader.assign(wanted)
            for _ in range(chance.randrange(4)):
                paused = {place for place in wanted if chance.random() < 0.3}
                for place in paused:
                    reader.pause(place)
                try:
                    async with asyncio.timeout(chance.choice((0, 0.001, 1))):
                        polled = await reader.poll(timeout_ms=50)
                except TimeoutError:
                    polled = {}
                for place, records in polled.items():
                    assert place not in paused
                    assert [record.offset for record in records] == [
                        *range(wanted[place], wanted[place] + len(records))
                    ]
                    wanted[place] += len(records)
                for place in paused:
                    reader.resume(place)


async def test_a_reader_reads_the_whole_log_over_many_polls(log: EventLog, topic: str) -> None:
    """What does not fit into one reading comes with the next, in order."""
    start = await append(log, topic, 0, *map(str, range(RECORDS)))
    offsets: list[int] = []
    async with log.reader() as reader, asyncio.timeout(DEADLINE_S):
        reader.assign({(topic, 0): start})
        while len(offsets) < RECORDS:
            for records in (await reader.poll(timeout_ms=POLL_MS)).values():
                offsets += [record.offset for record in records]

    assert offsets == [*range(start, start + RECORDS)]


async def test_a_member_reads_nothing(kafka: str, log: EventLog, topic: str) -> None:
    """Through rebalances a member gets no record, which it would assert; the group's offsets are the committed ones."""
    group = f"{topic}.group"
    await append(log, topic, 0, *map(str, range(20)))
    async with log.membership(group=group, topic=topic) as member, asyncio.timeout(DEADLINE_S):
        await owned_by(member, ALL)
        await _commit(kafka, group, member, (topic, 0), 1)
        async with log.membership(group=group, topic=topic) as second:
            await second.changed()
            owner = member if 0 in member.owned() else second
            for offset in range(2, 7):  # each takes the owner a poll, in which records would come
                await _commit(kafka, group, owner, (topic, 0), offset)


async def _commit(kafka: str, group: str, member: Membership, partition: tuple[str, int], offset: int) -> None:
    """Commit until the group says so: a commit in the middle of a rebalance may be lost."""
    while await committed_by(group, kafka) != {partition: offset}:
        await member.commit({partition[1]: offset})
        await asyncio.sleep(0.05)  # allowed: between two questions, under the test's deadline
