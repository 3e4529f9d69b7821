"""What is published: partitions of the violations topic, read from their beginning to where they end now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.invariants.history import History
from dojopool.errors import RefusedRecord, Unavailable
from dojopool.ports import LogReader, TopicPartition

POLL_MS: Final = 500
SILENT_POLLS_MAX: Final = 20
"""Polls without a record before the topic's end: something is wrong with the log."""


async def read_history(reader: LogReader, partitions: Sequence[TopicPartition], codec: ViolationCodec) -> History:
    """Where each violation in `partitions` stands now. Assigns `reader` to them.

    What is no violation is passed over: it is not ours, and says nothing of what we published. Raises Unavailable when
    the log stops answering, OffsetGone when it is trimmed meanwhile.
    """
    bounds = await reader.bounds(partitions)
    left = {partition: first for partition, (first, end) in bounds.items() if first < end}
    history = History()
    reader.assign(left)
    silent = 0
    while left:
        polled = await reader.poll(timeout_ms=POLL_MS)
        silent = 0 if polled else silent + 1
        if silent > SILENT_POLLS_MAX:
            raise Unavailable(f"the violations topic does not come to its end: {left} is where it stands")
        for partition, records in polled.items():
            for record in records:
                try:
                    history.add(codec.decode(record.value or b""))
                except RefusedRecord:
                    continue
            if records and records[-1].offset + 1 >= bounds[partition][1]:
                left.pop(partition, None)
    return history
