"""Writing marks: about once a second, into the region's own stream of each owned partition that was read to its end.

Only who has read the stream to its end knows the last tick. Two programs may still write one tick, a process that lost
its partition without knowing and its successor; the second of them is a repeat and means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dojopool.codec.event_codec import EventCodec
from dojopool.core.cut import Mark
from dojopool.errors import Unavailable
from dojopool.ports import Clock, LogWriter, Outgoing
from dojopool.replica.partition import OwnedPartition

MARK_PERIOD_S = 1.0
APPEND_TIMEOUT_S = 5.0


class MarkWriter:
    """Decides when a mark is due, and writes it. `now` is a monotonic clock in seconds."""

    def __init__(
        self, writer: LogWriter, codec: EventCodec, clock: Clock, now: Callable[[], float], *, region: str, topic: str
    ) -> None:
        self._writer, self._codec, self._clock, self._now = writer, codec, clock, now
        self._region, self._topic = region, topic
        self._seen: dict[int, tuple[int, float]] = {}
        """Partition -> last tick read and when it was first noticed here."""

    def due(self, partition: OwnedPartition, *, end: int | None) -> bool:
        """Whether `partition`'s own stream, whose log ends at `end`, was read to the end and saw no mark for a
        second.
        """
        position = partition.streams.positions[self._region]
        seen = self._seen.get(partition.number)
        if seen is None or seen[0] != position.tick:
            self._seen[partition.number] = (position.tick, self._now())
            return position.tick == 0 and position.next_offset == end
        return position.next_offset == end and self._now() - seen[1] >= MARK_PERIOD_S

    async def write(self, partitions: Iterable[OwnedPartition]) -> None:
        """Append the next mark of each partition. One that cannot be written now is due again later."""
        for partition in partitions:
            tick = partition.streams.positions[self._region].tick + 1
            mark = Mark(region=self._region, tick=tick, time_ms=self._clock.now_ms())
            record = Outgoing(None, self._codec.encode_mark(mark))
            self._seen[partition.number] = (tick - 1, self._now())
            try:
                await self._writer.append(self._topic, partition.number, [record], timeout_s=APPEND_TIMEOUT_S)
            except Unavailable:
                continue
