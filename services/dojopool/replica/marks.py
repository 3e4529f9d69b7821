"""Writing marks: about once a second, into the region's own stream of each owned partition that was read to its end.

Only who has read the stream to its end knows the last tick. Two programs may still write one tick, a process that lost
its partition without knowing and its successor; the second of them is a repeat and means nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from dojopool.codec.event_codec import EventCodec
from dojopool.core.cut import Mark
from dojopool.errors import Unavailable
from dojopool.ports import Clock, LogWriter, Outgoing
from dojopool.replica.partition import OwnedPartition

MARK_PERIOD_S: Final = 1.0
APPEND_TIMEOUT_S: Final = 2.0
"""With the period well below the age at which a region's marks count as stale: partitions wait for each other here."""


class MarkWriter:
    """Decides when a mark is due, and writes it. `now` is a monotonic clock in seconds."""

    def __init__(
        self, writer: LogWriter, codec: EventCodec, clock: Clock, now: Callable[[], float], *, region: str, topic: str
    ) -> None:
        self._writer, self._codec, self._clock, self._now = writer, codec, clock, now
        self._region, self._topic = region, topic
        self.failed: dict[int, Unavailable] = {}
        """Partition -> why its last mark could not be appended, as far as is known. Emptied by success."""
        self._seen: dict[int, tuple[int, float]] = {}
        """Partition -> last tick read, and since when no mark is due: it was first noticed here, or written."""

    def due(self, partition: OwnedPartition, *, end: int | None) -> bool:
        """Whether `partition`'s own stream, whose log ends at `end`, was read to the end and saw no mark for a
        second. A stream that is not read has no end: None, and no mark.
        """
        position = partition.streams.positions[self._region]
        seen = self._seen.get(partition.number)
        if seen is None or seen[0] != position.tick:
            self._seen[partition.number] = (position.tick, self._now())
            return position.tick == 0 and position.next_offset == end
        return position.next_offset == end and self._now() - seen[1] >= MARK_PERIOD_S

    async def write(self, partitions: Iterable[OwnedPartition]) -> None:
        """Append the next mark of each partition, all at once. One that cannot be written now is due again later, and
        `failed` says why.

        Raises CallerError when marks can never be written.
        """
        async with asyncio.TaskGroup() as tasks:
            for partition in partitions:
                tick = partition.streams.positions[self._region].tick + 1
                self._seen[partition.number] = (tick - 1, self._now())
                mark = Mark(region=self._region, tick=tick, time_ms=self._clock.now_ms())
                tasks.create_task(self._append(partition.number, mark))

    async def _append(self, partition: int, mark: Mark) -> None:
        record = Outgoing(None, self._codec.encode_mark(mark))
        try:
            await self._writer.append(self._topic, partition, [record], timeout_s=APPEND_TIMEOUT_S)
        except Unavailable as error:  # nothing is lost: the tick stays free until it is read
            self.failed[partition] = error
        else:
            self.failed.pop(partition, None)
