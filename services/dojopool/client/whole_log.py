"""Partitions read once, from where they begin to where they end now."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from dojopool.core.record import Record
from dojopool.errors import Unavailable
from dojopool.ports import LogReader, TopicPartition

POLL_MS: Final = 500
SILENT_POLLS_MAX: Final = 20
"""Polls without a record before the end: something is wrong with the log."""


async def read_to_end(
    reader: LogReader, partitions: Sequence[TopicPartition], *, named: str
) -> AsyncGenerator[tuple[TopicPartition, Sequence[Record]], None]:
    """The records of `partitions`, in order within each, a poll's at a time; ends when all have come to where they
    ended when it began. Assigns `reader` to them. `named` is what a message calls them.

    Raises Unavailable when the log stops answering, OffsetGone when it is trimmed meanwhile.
    """
    bounds = await reader.bounds(partitions)
    left = {partition: first for partition, (first, end) in bounds.items() if first < end}
    reader.assign(left)
    silent = 0
    while left:
        polled = await reader.poll(timeout_ms=POLL_MS)
        silent = 0 if polled else silent + 1
        if silent > SILENT_POLLS_MAX:
            raise Unavailable(f"{named} does not come to its end: {left} is where it stands")
        for partition, records in polled.items():
            yield partition, records
            if records and records[-1].offset + 1 >= bounds[partition][1]:
                left.pop(partition, None)
