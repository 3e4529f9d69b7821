"""The partitions a replica holds: taking them over, letting them go, and where each of their streams is to be read.

Knows nothing of the group: what is wanted is told. A partition that cannot go on is lost, and while it is still wanted
it is taken over anew after a pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, Generic, TypeVar

from dojopool.errors import CorruptState, EnvironmentFault, StoreMoved, StreamBroken
from dojopool.ports import LogReader, PartitionObserver, TopicPartition
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.intake import Intake
from dojopool.replica.partition import OwnedPartition

RETRY_S: Final = 3.0
"""How long a partition that was refused or cannot be taken over is left alone: longer than a group needs to tell a
process that it lost it, so that two processes do not fence each other in turn.
"""

SETTLE_S_MAX: Final = 5.0
"""How long a partition that is let go waits for its last write. Giving up loses nothing: the successor reads on from
what is stored."""


AnyLane = TypeVar("AnyLane", bound=Intake)


class Holdings(Generic[AnyLane]):
    """The lanes held, by number. Used by one task; others may look."""

    def __init__(
        self,
        config: ReplicaConfig,
        *,
        take_over: Callable[[int, LogReader], Awaitable[AnyLane]],
        observer: PartitionObserver,
    ) -> None:
        """`take_over` makes the lane of a partition, or raises why it cannot be had now."""
        self.lanes: dict[int, AnyLane] = {}
        self.failed: dict[int, str] = {}
        """Partitions that were lost or could not be taken over, with the reason, until they are held."""
        self.disproved: list[tuple[OwnedPartition, str, StreamBroken]] = []
        """Streams found to be others than they were, to be read no further."""
        self.is_changed = True
        """Whether other streams are to be read, or from elsewhere, than at the last call of `positions`."""
        self._config, self._take_over, self._observer = config, take_over, observer
        self._retry_at: dict[int, float] = {}

    def due(self, wanted: Collection[int]) -> list[int]:
        """What of `wanted` is to be taken over now."""
        now = asyncio.get_running_loop().time()
        return sorted(
            number for number in wanted if number not in self.lanes and self._retry_at.get(number, now) <= now
        )

    async def claim(self, number: int, reader: LogReader) -> None:
        """Take a partition over; when that fails it is lost."""
        try:
            lane = await self._take_over(number, reader)
        except (EnvironmentFault, CorruptState) as error:
            self.lose(number, error)
            return
        self.lanes[number], partition = lane, lane.partition
        self.failed.pop(number, None)
        self.is_changed = True
        self._observer.partition_claimed(
            number,
            epoch=partition.epoch,
            matches=len(partition.fold.matches),
            mark_time_ms={region: at.mark_time_ms for region, at in partition.streams.positions.items()},
        )

    def lose(self, number: int, error: Exception) -> None:
        """Drop a partition that cannot go on as it is; it is due again after a pause.

        Where the store lost writes nobody contends for the partition, so it is due at once, but not time and again.
        """
        self.failed[number] = str(error)
        now = asyncio.get_running_loop().time()
        is_first = now - self._retry_at.get(number, now - 2 * RETRY_S) > RETRY_S
        self._retry_at[number] = now if isinstance(error, StoreMoved) and is_first else now + RETRY_S
        self._observer.partition_failed(number, error=error)
        lane = self.lanes.pop(number, None)
        if lane is not None:
            lane.abandon()
            self.is_changed = True
            self._observer.partition_released(number, reason=str(error))

    def lose_refused(self) -> None:
        """Drop the partitions whose writes the store refuses."""
        for number, lane in list(self.lanes.items()):
            if lane.lost is not None:
                self.lose(number, lane.lost)

    def stop_disproved(self) -> None:
        """Stop the streams of which `disproved` tells. The task that reads calls it: none is being folded then."""
        for partition, region, error in self.disproved:
            lane = self.lanes.get(partition.number)
            if lane is not None and lane.partition is partition and region not in partition.broken:
                partition.broken[region] = str(error)
                self._observer.partition_failed(partition.number, error=error)
                self.is_changed = True
        self.disproved.clear()

    async def release_all_but(self, wanted: Collection[int], *, reason: str) -> None:
        """Let the others go; what is being written is settled first, so that a successor finds it."""
        self.failed = {number: text for number, text in self.failed.items() if number in wanted}
        unwanted = [number for number in self.lanes if number not in wanted]
        await asyncio.gather(*(self._release(number, reason) for number in unwanted))

    def positions(self) -> Mapping[TopicPartition, int]:
        """Where to read what is held. Records left over are read again: they were not taken."""
        positions = {}
        for number, lane in self.lanes.items():
            lane.left.clear()
            for region, topic in self._config.topics.items():
                if region not in lane.partition.broken:
                    positions[topic, number] = lane.partition.next_offset(region)
        self.is_changed = False
        return positions

    async def _release(self, number: int, reason: str) -> None:
        lane = self.lanes.pop(number)
        self.is_changed = True
        await lane.settle(timeout_s=SETTLE_S_MAX)
        self._observer.partition_released(number, reason=reason if lane.lost is None else f"{reason}; {lane.lost}")
