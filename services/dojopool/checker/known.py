"""What is published: partitions of the violations topic, read from their beginning to where they end now."""

from __future__ import annotations

from collections.abc import Sequence

from dojopool.client.whole_log import read_to_end
from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.invariants.history import History
from dojopool.errors import RefusedRecord
from dojopool.ports import LogReader, TopicPartition


async def read_history(reader: LogReader, partitions: Sequence[TopicPartition], codec: ViolationCodec) -> History:
    """Where each violation in `partitions` stands now. Assigns `reader` to them.

    What is no violation is passed over: it is not ours, and says nothing of what we published. Raises Unavailable when
    the log stops answering, OffsetGone when it is trimmed meanwhile.
    """
    history = History()
    async for _, records in read_to_end(reader, partitions, named="the violations topic"):
        for record in records:
            try:
                history.add(codec.decode(record.value or b""))
            except RefusedRecord:
                continue
    return history
