"""What is published already: a partition of the violations topic, read from its beginning when it is taken over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.invariants.history import History
from dojopool.core.invariants.violation import Violation
from dojopool.errors import RefusedRecord, Unavailable
from dojopool.ports import LogReader, TopicPartition

POLL_MS: Final = 500
SILENT_POLLS_MAX: Final = 20
"""Polls without a record before the topic's end: something is wrong with the log."""


async def read_known(reader: LogReader, partition: TopicPartition, codec: ViolationCodec) -> Iterable[Violation]:
    """The latest record of each violation in `partition` as it is now. Assigns `reader` to it.

    What is no violation is passed over: it is not ours, and says nothing of what we published. Raises Unavailable when
    the log stops answering, OffsetGone when it is trimmed meanwhile.
    """
    first, end = (await reader.bounds([partition]))[partition]
    history = History()
    reader.assign({partition: first})
    silent = 0
    while first < end:
        records = (await reader.poll(timeout_ms=POLL_MS)).get(partition, ())
        silent = 0 if records else silent + 1
        if silent > SILENT_POLLS_MAX:
            raise Unavailable(f"{partition[0]}/{partition[1]} is read up to {first}, but not to its end {end}")
        for record in records:
            first = record.offset + 1
            try:
                history.add(codec.decode(record.value or b""))
            except RefusedRecord:
                continue
    return [standing.latest for standing in history.standings.values()]
