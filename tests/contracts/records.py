"""Records as the log suites write and compare them."""

from __future__ import annotations

from contracts.waiting import DEADLINE_S
from dojopool.core.record import Record
from dojopool.ports import EventLog, Outgoing


def outgoing(*values: str) -> list[Outgoing]:
    """Records with these values and the key `m-1`."""
    return [Outgoing(b"m-1", value.encode()) for value in values]


def values_of(records: list[Record]) -> list[str]:
    """The values of records as text."""
    return [(record.value or b"").decode() for record in records]


async def append(log: EventLog, topic: str, partition: int, *values: str) -> int:
    """Append with a writer of its own and return the offset of the first record."""
    async with log.writer() as writer:
        return await writer.append(topic, partition, outgoing(*values), timeout_s=DEADLINE_S)
