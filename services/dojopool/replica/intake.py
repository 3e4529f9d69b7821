"""Records in: what every lane does before it sends anything, in whatever program.

A lane is given the records of its partition as they were read. It folds them in batches, the oldest first over all
regions, and what came of a batch is sent while the next one is folded. Nobody waits long here for a log or a store that
does not answer: the lane then takes no more, and others go on.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final

from dojopool.core.record import Record
from dojopool.core.streams import Fed
from dojopool.errors import EnvironmentFault, StreamBroken, Unavailable
from dojopool.ports import PartitionObserver
from dojopool.replica.partition import OwnedPartition

BATCH_RECORDS_MAX: Final = 8_000
"""Records of one stream folded before a write: bounds a call of the store to a few milliseconds."""

TURN_RECORDS_MAX: Final = 2_000
"""Records folded without letting other tasks run, such as the heartbeats of the group: about 30 ms."""

SLICE_RECORDS: Final = 250
"""Records of one stream fed before the others are looked at: as few as cost nothing."""

ROOM_WAIT_S_MAX: Final = 0.5
"""How long a busy lane holds up the others before its records are put aside: far longer than a write takes."""


class Intake(ABC):
    """One partition on its way from records to what is sent. Used by one task. Its fields are those of the lane."""

    partition: OwnedPartition
    topics: Mapping[str, str]
    left: dict[str, Sequence[Record]]
    """Records that were read and not folded, by region: their stream is full, or the lane is busy."""
    trouble: str | None
    """Why what is on the way is being tried again."""
    lost: EnvironmentFault | None
    """Why nothing can be sent any more; the partition must be taken over anew."""
    writes: tuple[asyncio.Task[None], ...]
    """What was sent last and what was sent before it, which it waits for."""

    @property
    @abstractmethod
    def watcher(self) -> PartitionObserver:
        """Who is told of streams that break."""

    @abstractmethod
    async def _loaded(self, pieces: Mapping[str, Sequence[Record]]) -> bool:
        """Make sure that all matches of these records are there; False when they cannot be now."""

    @abstractmethod
    async def _fold_and_send(
        self, pieces: Mapping[str, Sequence[Record]], ends: Mapping[str, int | None]
    ) -> dict[str, int]:
        """Fold one piece of each stream and send what came of it. Returns how many records of each were consumed."""

    async def take(self, read: Mapping[str, Sequence[Record]], *, ends: Mapping[str, int | None]) -> None:
        """Fold the next records of each region's stream, behind those left over, and send what changed.

        What does not fit stays in `left`.
        """
        queues = {
            region: [*self.left.pop(region, ()), *read.get(region, ())]
            for region in self.topics
            if region in self.left or region in read
        }
        while queues and await self._has_room():
            pieces = {region: queue[:BATCH_RECORDS_MAX] for region, queue in queues.items()}
            if not await self._loaded(pieces):
                break
            consumed = await self._fold_and_send(pieces, ends)
            for region, count in consumed.items():
                rest = queues[region][count:]
                if count == len(pieces[region]) and rest:
                    queues[region] = rest
                    continue
                del queues[region]
                if rest and region not in self.partition.broken:
                    self.left[region] = rest
        self.left.update(queues)

    async def settle(self, *, timeout_s: float) -> None:
        """Wait until everything sent is stored, or `lost` says why it is not. What takes longer is given up."""
        if self.writes:
            _, late = await asyncio.wait(self.writes, timeout=timeout_s)
            if late:
                self.lost = Unavailable(
                    f"a write was not confirmed within {timeout_s:g} s: {self.trouble or 'no answer'}"
                )
        self.abandon()

    def abandon(self) -> None:
        """Give up what is on the way. Whether it is stored is not known then: the next owner finds it, or reads the
        same records.
        """
        for write in self.writes:
            write.cancel()

    async def _has_room(self) -> bool:
        """Whether a batch may be made: all that was sent but the last is stored."""
        earlier = self.writes[:-1]
        if earlier and self.trouble is None:
            await asyncio.wait(earlier, timeout=ROOM_WAIT_S_MAX)
        return self.lost is None and all(write.done() for write in earlier)

    async def _feed(self, pieces: Mapping[str, Sequence[Record]]) -> dict[str, Fed]:
        """Feed a piece of each stream, the oldest slice first, with a turn for other tasks now and then.

        Events have mostly seen what was written just before them elsewhere: fed in the order of their times, they find
        it there, and need not wait. A stream that breaks is reported.
        """
        fed = {region: Fed() for region in pieces}
        going_on = {region for region, records in pieces.items() if records}
        turn = 0
        while going_on:
            region = min(going_on, key=lambda name: (pieces[name][fed[name].records].timestamp, name))
            start, records = fed[region].records, pieces[region]
            run = records[start : start + SLICE_RECORDS]
            try:
                self.partition.feed(region, run, fed[region])
            except StreamBroken as error:
                self.watcher.partition_failed(self.partition.number, error=error)
                going_on.discard(region)
            if fed[region].records < start + len(run) or fed[region].records == len(records):
                going_on.discard(region)
            turn += len(run)
            if turn >= TURN_RECORDS_MAX:
                turn = 0
                await asyncio.sleep(0)
        return fed

    def _lag_records(self, ends: Mapping[str, int | None]) -> dict[str, int]:
        """Per region, records known to be in the log behind what was read."""
        positions = self.partition.streams.positions
        return {region: max(0, (ends.get(region) or 0) - at.next_offset) for region, at in positions.items()}

    def _failed(self, error: Exception) -> None:
        self.trouble = str(error)
