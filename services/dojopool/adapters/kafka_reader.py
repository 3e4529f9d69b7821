"""Reading chosen partitions of one region's Kafka from chosen offsets.

The consumer has no group, commits nothing and never resets an offset by itself: an offset that is gone is reported.
Every partition is sought before anything of it is fetched. Everything fetched is handed out at once (a cap would starve
the partitions behind it, and keep the next fetch from starting).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError, RecordTooLargeError

from dojopool.adapters.kafka_client import kafka_faults, partitions_of, started
from dojopool.adapters.kafka_headers import spare_headers
from dojopool.core.record import Record
from dojopool.errors import CallerError, DojoError, OffsetGone, StreamBroken, Unavailable
from dojopool.ports import TopicPartition as Partition

FETCH_WAIT_MS: Final = 100
"""How long a broker holds a fetch that finds nothing. A partition drained while a fetch for the others waits is asked
for again only after it, so this is also the most that it can lag; the price is ten idle requests a second.
"""

PARTITION_FETCH_BYTES: Final = 1024 * 1024
"""Per partition and fetch: with FETCH_BYTES the bound on what is read ahead."""

FETCH_BYTES: Final = 32 * 1024 * 1024

SILENCE_S_MAX: Final = 15.0
"""Without a single reply to a fetch: the client retries for ever and says nothing, so this is where we speak up."""


class KafkaReader:
    """`ports.LogReader` on a consumer without a group."""

    def __init__(self, consumer: AIOKafkaConsumer, *, bootstrap: str) -> None:
        self._consumer = consumer
        self._bootstrap = bootstrap
        self._wanted: dict[Partition, int] | None = None
        """An assignment that the next poll takes up."""
        self._next: dict[TopicPartition, int] = {}
        """Per assigned partition, the offset behind the last record handed out."""
        self._paused: set[Partition] = set()
        self._broken: dict[TopicPartition, StreamBroken] = {}
        """Partitions that hold a record which cannot be read; they are not fetched any more."""
        self._last_reply = 0
        self._heard_at = asyncio.get_running_loop().time()

    def assign(self, positions: Mapping[Partition, int]) -> None:
        """See `ports.LogReader`."""
        self._wanted = dict(positions)
        self._paused.clear()

    async def poll(self, *, timeout_ms: int) -> Mapping[Partition, Sequence[Record]]:
        """See `ports.LogReader`. Raises StreamBroken when a stored record fails its checksum, and again whenever
        nothing else is there, until that partition is assigned elsewhere.
        """
        while self._wanted is not None:
            await self._take_up(self._wanted)
        if not self._next:
            await asyncio.sleep(timeout_ms / 1000)
            return {}
        found = await self._fetched(timeout_ms)
        for partition, records in found.items():
            self._next[TopicPartition(*partition)] = records[-1].offset + 1
        if not found:
            self._check_broken()
            self._check_replies()
        return found

    async def _take_up(self, wanted: dict[Partition, int]) -> None:
        """Assign and seek in one step, so that nothing is fetched from elsewhere."""
        await self._check_exist(wanted)
        if self._wanted is not wanted:  # changed while we looked
            return
        self._next = {TopicPartition(*partition): offset for partition, offset in wanted.items()}
        self._consumer.assign(list(self._next))
        for partition, offset in self._next.items():
            self._consumer.seek(partition, offset)
        self._consumer.pause(*(TopicPartition(*partition) for partition in self._paused))
        self._broken.clear()
        self._wanted = None
        self._heard_at = asyncio.get_running_loop().time()

    async def _check_exist(self, partitions: Mapping[Partition, object] | Sequence[Partition]) -> None:
        known = {}
        for topic in {topic for topic, _ in partitions}:
            known[topic] = await partitions_of(self._consumer._client, topic, bootstrap=self._bootstrap)
        for topic, partition in partitions:
            if partition not in known[topic]:
                raise CallerError(f"{topic} has {len(known[topic])} partitions, none is number {partition}")

    async def _fetched(self, timeout_ms: int) -> Mapping[Partition, Sequence[Record]]:
        """What the client has, with its errors in our words."""
        try:
            with kafka_faults(self._bootstrap, "reading"):
                # aiokafka's records have what ports.Record asks for, and its partitions are tuples.
                found: Mapping[Partition, Sequence[Record]] = await self._consumer.getmany(
                    *self._next, timeout_ms=timeout_ms
                )
                return found
        except DojoError as error:
            cause = error.__cause__
            if isinstance(cause, OffsetOutOfRangeError):
                (topic, partition), wanted = next(iter(cause.args[0].items()))
                raise await self._gone(topic, partition, wanted) from cause
            self._seek_back()
            if isinstance(cause, CorruptRecordException | RecordTooLargeError):
                named = next((partition for partition in self._next if repr(partition) in str(cause)), None)
                raise self._set_aside(named, str(cause)) from cause
            raise

    def _seek_back(self) -> None:
        """Lose nothing to an error: the client has moved past what it had drained before it met one."""
        for partition, offset in self._next.items():
            self._consumer.seek(partition, offset)

    def _set_aside(self, partition: TopicPartition | None, why: str) -> StreamBroken:
        """Stop fetching the partition that an unreadable record is in, where it is known."""
        if partition is None:
            return StreamBroken(f"Kafka at {self._bootstrap} holds a record that cannot be read: {why}")
        place = f"{partition.topic}/{partition.partition} at offset {self._next[partition]} or behind it"
        self._broken[partition] = StreamBroken(
            f"Kafka at {self._bootstrap} holds a record in {place} that cannot be read: {why}"
        )
        self._consumer.pause(partition)
        return self._broken[partition]

    def _check_broken(self) -> None:
        for error in self._broken.values():
            raise error

    async def _gone(self, topic: str, partition: int, wanted: int) -> OffsetGone:
        [(first, end)] = (await self.bounds([(topic, partition)])).values()
        return OffsetGone(topic=topic, partition=partition, wanted=wanted, first=first, end=end)

    def _check_replies(self) -> None:
        """Raise Unavailable when no broker has answered a fetch for too long."""
        if self._consumer._fetcher.error_future.done():
            raise Unavailable("the client's background reading has ended: open a new reader")
        now = asyncio.get_running_loop().time()
        active = [partition for partition in self._next if partition not in self._paused]
        last_reply = max((self._consumer.last_poll_timestamp(partition) or 0 for partition in active), default=0)
        if not active or last_reply != self._last_reply:
            self._last_reply, self._heard_at = last_reply, now
        elif now - self._heard_at > SILENCE_S_MAX:
            self._heard_at = now
            raise Unavailable(f"Kafka at {self._bootstrap} has not answered a fetch for {SILENCE_S_MAX:.0f} s")

    def pause(self, partition: Partition) -> None:
        """See `ports.LogReader`."""
        self._paused.add(partition)
        if self._wanted is None:
            self._consumer.pause(TopicPartition(*partition))

    def resume(self, partition: Partition) -> None:
        """See `ports.LogReader`."""
        if partition in self._paused:
            self._paused.discard(partition)
            if self._wanted is None:
                self._consumer.resume(TopicPartition(*partition))

    def end(self, partition: Partition) -> int | None:
        """See `ports.LogReader`."""
        if self._wanted is not None or partition not in self._next:
            return None
        seen: int | None = self._consumer.highwater(TopicPartition(*partition))
        return seen

    async def bounds(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """See `ports.LogReader`."""
        await self._check_exist(partitions)
        asked = [TopicPartition(*partition) for partition in partitions]
        with kafka_faults(self._bootstrap, "asking for the bounds of partitions"):
            first = await self._consumer.beginning_offsets(asked)
            end = await self._consumer.end_offsets(asked)
        return {(*partition,): (first[partition], end[partition]) for partition in asked}


@asynccontextmanager
async def open_reader(options: dict[str, Any]) -> AsyncIterator[KafkaReader]:
    """Connect on entry, close on exit. Raises Unavailable when Kafka does not answer."""
    spare_headers()
    consumer = AIOKafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        check_crcs=True,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
    )
    async with started(consumer, options["bootstrap_servers"], "starting a reader"):
        yield KafkaReader(consumer, bootstrap=options["bootstrap_servers"])
