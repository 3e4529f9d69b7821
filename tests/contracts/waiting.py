"""How the contract suites wait: for the thing itself, and never longer than a deadline that no working system needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dojopool.core.record import Record
from dojopool.ports import EventLog, LogReader, Membership, TopicPartition, ViewReader

DEADLINE_S = 30.0
"""Far above what a slow machine needs for one step; a real group of consumers takes seconds to share partitions."""

POLL_MS = 500
"""One wait inside a loop that has its own deadline."""


async def drain(reader: LogReader, records: int) -> dict[TopicPartition, list[Record]]:
    """Poll until `records` records came in all, and return everything that came, per partition in the order given."""
    drained: dict[TopicPartition, list[Record]] = {}
    async with asyncio.timeout(DEADLINE_S):
        while sum(map(len, drained.values())) < records:
            for partition, found in (await reader.poll(timeout_ms=POLL_MS)).items():
                drained.setdefault(partition, []).extend(found)
    return drained


async def read_partition(log: EventLog, partition: TopicPartition, *, start: int, records: int) -> list[Record]:
    """The first `records` records of a partition from offset `start`, and more if one poll brought more."""
    async with log.reader() as reader:
        reader.assign({partition: start})
        return (await drain(reader, records)).get(partition, [])


async def read_until(log: EventLog, partition: TopicPartition, last: bytes, *, start: int) -> list[bytes | None]:
    """The values of a partition from offset `start` up to the first that is `last`."""
    values: list[bytes | None] = []
    async with log.reader() as reader:
        reader.assign({partition: start})
        while last not in values:
            values += [record.value for record in (await drain(reader, 1))[partition]]
    return values[: values.index(last) + 1]


async def bounds_of(log: EventLog, partition: TopicPartition) -> tuple[int, int]:
    """First offset and end offset of one partition, as a new reader learns them."""
    async with log.reader() as reader:
        return (await reader.bounds([partition]))[partition]


async def owned_by(member: Membership, wanted: frozenset[int]) -> None:
    """Wait until a call of `changed` returned exactly `wanted`."""
    async with asyncio.timeout(DEADLINE_S):
        while await member.changed() != wanted:
            pass


async def shared_out(members: Sequence[Membership], *, partitions: int) -> None:
    """Wait until every member owns something, nothing has two owners and nothing is left over."""
    settled = asyncio.Event()

    def is_settled() -> bool:
        owned = [member.owned() for member in members]
        return all(owned) and sorted(number for share in owned for number in share) == list(range(partitions))

    async def follow(member: Membership) -> None:
        while not is_settled():
            await member.changed()
        settled.set()

    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        following = [group.create_task(follow(member)) for member in members]
        await settled.wait()
        for task in following:
            task.cancel()


async def changed_matches(views: ViewReader, partition: int, *, after: str, matches: int) -> list[str]:
    """Ids named by the change stream behind `after`, oldest first, until `matches` of them were read."""
    found: list[str] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(found) < matches:
            for entry in await views.changes(partition, after=after, timeout_ms=POLL_MS):
                found.extend(entry.matches)
                after = entry.cursor
    return found
