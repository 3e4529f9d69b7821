"""Writer, reader and admin of the in-memory log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from dojopool.adapters.memory_broker import MemoryBroker
from dojopool.adapters.memory_partition import StoredRecord
from dojopool.core.record import Record
from dojopool.errors import CallerError, Unavailable
from dojopool.ports import Clock, Outgoing, TopicInfo, TopicPartition

REQUEST_TIMEOUT_S: Final = 5.0
"""How long a request that names no time of its own waits for a log that does not answer."""


class MemoryWriter:
    """`ports.LogWriter`. Numbers its batches, so that the log knows its own retries again."""

    def __init__(self, broker: MemoryBroker, *, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._id = broker.new_writer()
        self._batches = 0
        self._under_way: set[TopicPartition] = set()
        self.is_closed = False

    async def append(self, topic: str, partition: int, records: Sequence[Outgoing], *, timeout_s: float) -> int:
        """See `ports.LogWriter`."""
        assert records, "an append without records has no offset to return"
        assert not self.is_closed, "a closed writer appends nothing"
        where = (topic, partition)
        assert where not in self._under_way, f"appends to {topic}/{partition} overlap: their order would be chance"
        self._under_way.add(where)
        try:
            return await self._append(where, self._stored(records), timeout_s=timeout_s)
        finally:
            self._under_way.discard(where)

    async def _append(self, where: TopicPartition, records: list[StoredRecord], *, timeout_s: float) -> int:
        topic, partition = where
        doing = f"appending {len(records)} records to {topic}/{partition}"
        self._batches += 1
        sequence = self._batches
        while True:
            await self._broker.reached(timeout_s=timeout_s, doing=doing)
            target = self._broker.partition(where)
            self._broker.check_size(topic, records)
            fault = self._broker.take_fault(topic)
            kept = records if fault is None else records[: fault.stored]
            offset = target.append_once(kept, writer=self._id, sequence=sequence)
            self._broker.bell.ring()
            # The answer travels as well: who is cancelled now has stored, and does not know it.
            await asyncio.sleep(0)
            if fault is None:
                return offset
            if not fault.is_retried:
                raise Unavailable(
                    f"{doing}: no answer from the log of {self._broker.region} in {timeout_s} s, none, some or all may"
                    " be in it; append the same bytes again"
                )

    def _stored(self, records: Sequence[Outgoing]) -> list[StoredRecord]:
        """Copies of the records with the time of now; their offsets come with the append."""
        now_ms = self._clock.now_ms()
        return [
            StoredRecord(
                offset=-1,
                key=None if record.key is None else bytes(record.key),
                value=bytes(record.value),
                headers=tuple((name, bytes(text)) for name, text in record.headers),
                timestamp=now_ms,
            )
            for record in records
        ]


class MemoryReader:
    """`ports.LogReader`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self.is_closed = False

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """See `ports.LogReader`."""
        self._positions = dict(positions)
        self._ends = {}
        self._paused = set()

    async def poll(self, *, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Record]]:
        """See `ports.LogReader`."""
        assert not self.is_closed, "a closed reader reads nothing"
        deadline_s = asyncio.get_running_loop().time() + timeout_ms / 1000
        # Records that are there must not keep other tasks from their turn.
        await asyncio.sleep(0)
        while not (found := self._fetched()):
            if not await self._broker.bell.rung_before(deadline_s):
                break
        return found

    def pause(self, partition: TopicPartition) -> None:
        """See `ports.LogReader`."""
        self._paused.add(partition)

    def resume(self, partition: TopicPartition) -> None:
        """See `ports.LogReader`."""
        self._paused.discard(partition)
        self._broker.bell.ring()

    def end(self, partition: TopicPartition) -> int | None:
        """See `ports.LogReader`."""
        return self._ends.get(partition)

    async def bounds(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """See `ports.LogReader`. Raises CallerError for what does not exist."""
        await self._broker.reached(timeout_s=REQUEST_TIMEOUT_S, doing="asking for the bounds of partitions")
        logs = {partition: self._broker.partition(partition) for partition in partitions}
        return {partition: (log.first, log.end) for partition, log in logs.items()}

    def _fetched(self) -> dict[TopicPartition, list[StoredRecord]]:
        """What is there for every partition that is not paused; moves nothing when one of them is gone."""
        if not self._broker.answers:
            return {}
        logs = {
            partition: self._broker.readable(partition, offset)
            for partition, offset in self._positions.items()
            if partition not in self._paused
        }
        found: dict[TopicPartition, list[StoredRecord]] = {}
        for partition, log in logs.items():
            self._ends[partition] = log.end
            if self._positions[partition] < log.end and (records := log.read(self._positions[partition])):
                found[partition] = records
            self._positions[partition] = log.end
        return found


class MemoryAdmin:
    """`ports.LogAdmin`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def create_topic(self, name: str, *, partitions: int, config: Mapping[str, str]) -> bool:
        """See `ports.LogAdmin`."""
        await self._broker.reached(timeout_s=REQUEST_TIMEOUT_S, doing=f"creating topic {name}")
        return self._broker.create(name, partitions=partitions, config=config)

    async def describe_topic(self, name: str) -> TopicInfo | None:
        """See `ports.LogAdmin`."""
        await self._broker.reached(timeout_s=REQUEST_TIMEOUT_S, doing=f"describing topic {name}")
        topic = self._broker.topic(name)
        return None if topic is None else TopicInfo(len(topic.partitions), dict(topic.config))

    async def trim(self, partition: TopicPartition, *, before: int) -> None:
        """See `ports.LogAdmin`."""
        doing = f"trimming {partition[0]}/{partition[1]} before {before}"
        await self._broker.reached(timeout_s=REQUEST_TIMEOUT_S, doing=doing)
        log = self._broker.partition(partition)
        if before > log.end:
            raise CallerError(f"{doing}: the log of {self._broker.region} ends at {log.end}; trim at most to there")
        log.trim(before)
