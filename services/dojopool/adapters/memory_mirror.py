"""The way from one region's log to another in memory: what MirrorMaker 2 is between two Kafkas.

A mirror copies one topic in one direction. Partition, key, value, headers, timestamp and the order within a partition
stay; offsets do not. It delivers at least once: a copy is on the other side before its place is remembered, so a mirror
that is killed starts a little before where it was, and repeats. What is first seen therefore always comes in the
source's order.

The delay is latency, not a slow line: any number of records are on their way at once. A link that is cut loses what was
on its way, and gets it again from the source when it is healed.

Left out: MirrorMaker's habit of creating topics anew and copying settings beyond the number of partitions.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import NoReturn

from dojopool.adapters.memory_broker import Topic
from dojopool.adapters.memory_log import MemoryLog


@dataclass(frozen=True, slots=True)
class _Flight:
    """Everything of a partition below an offset, and when it arrives."""

    partition: int
    until: int
    due_s: float


class MemoryMirror:
    """Copies `topic` from one log to another while `run` runs. The topic is made in the target when it is missing.

    `delay_ms` may be changed at any time, for what is noticed after that; nothing overtakes what left before it.
    """

    def __init__(self, source: MemoryLog, target: MemoryLog, topic: str, *, delay_ms: float = 0.0) -> None:
        assert source is not target, "a mirror from a log to itself would never come to an end"
        self.delay_ms = delay_ms
        self._source, self._target, self._topic = source, target, topic
        self._is_cut = False
        self._copied: list[int] = []
        """Per partition, the source offset behind the last copy."""
        self._noticed: list[int] = []
        """Per partition, the source offset behind what is on its way."""
        self._flights: deque[_Flight] = deque()

    async def run(self) -> NoReturn:
        """Copy until cancelled; running again goes on where the last run was."""
        now_s = asyncio.get_running_loop().time
        while True:
            if (topic := self._linked()) is not None:
                self._notice(topic, now_s())
                self._land(topic, now_s())
            if self._flights:
                await self._source.bell.rung_before(self._flights[0].due_s)
            else:
                await self._source.bell.rung()

    def cut(self) -> None:
        """Let nothing through, and lose what is on its way."""
        self._is_cut = True
        self._forget_flights()

    def heal(self) -> None:
        """Let everything through that the source has kept."""
        self._is_cut = False
        self._source.bell.ring()

    def restart(self, *, repeat: int) -> None:
        """Lose what is on its way and copy the last `repeat` records of each partition once more, as after a kill."""
        for partition, offset in enumerate(self._copied):
            self._copied[partition] = self._source.partition((self._topic, partition)).back_from(offset, records=repeat)
        self._forget_flights()
        self._source.bell.ring()

    def waiting(self) -> int:
        """How many offsets of the source are not copied yet, over all partitions."""
        topic = self._source.topic(self._topic)
        if topic is None:
            return 0
        copied = self._copied or [0] * len(topic.partitions)
        return sum(max(log.end - max(at, log.first), 0) for log, at in zip(topic.partitions, copied, strict=True))

    def _linked(self) -> Topic | None:
        """The source's topic when the way is open; the target then has one too."""
        topic = self._source.topic(self._topic)
        if topic is None or self._is_cut:
            return None
        if not self._copied:
            self._copied = [0] * len(topic.partitions)
            self._noticed = list(self._copied)
            self._target.create(self._topic, partitions=len(topic.partitions), config={})
        return topic

    def _notice(self, topic: Topic, now_s: float) -> None:
        """Send off what is new in the source."""
        for partition, log in enumerate(topic.partitions):
            if log.end != self._noticed[partition]:
                self._noticed[partition] = log.end
                self._flights.append(_Flight(partition, log.end, now_s + self.delay_ms / 1000))

    def _land(self, topic: Topic, now_s: float) -> None:
        """Copy what has arrived, in the order it left in: a flight that is not due yet holds up those behind it."""
        while self._flights and self._flights[0].due_s <= now_s:
            flight = self._flights.popleft()
            log = topic.partitions[flight.partition]
            start = self._copied[flight.partition]
            if start > log.end:
                # The source lost its tail or was replaced. MirrorMaker begins again with the oldest record there is,
                # as it also does where the source was trimmed, in silence; readers find out by the marks.
                start = log.first
            if records := log.read(start, flight.until):
                self._target.copy_in((self._topic, flight.partition), records)
            self._copied[flight.partition] = max(start, min(flight.until, log.end))

    def _forget_flights(self) -> None:
        self._flights.clear()
        self._noticed = list(self._copied)
