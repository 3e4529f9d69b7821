"""Reading chosen partitions of one region's Kafka from chosen offsets, on librdkafka.

The rules are those of `kafka_reader`: no offset is ever reset, nothing is committed, everything that is there is handed
out at once. The client wants the name of a group and never joins it: it is assigned, not subscribed.

Whenever records may have been lost between the thread and the caller, every partition is assigned anew, at the offset
behind the last record that the caller has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from dojopool.adapters import kafka_reader
from dojopool.adapters.confluent_client import SLICE_S, Link, librdkafka_faults, linked, seen_as
from dojopool.adapters.confluent_records import GONE, Consumed, sort_out
from dojopool.adapters.kafka_client import REQUEST_TIMEOUT_MS, kafka_faults
from dojopool.adapters.kafka_reader import FETCH_BYTES, FETCH_WAIT_MS
from dojopool.core.record import Record
from dojopool.errors import CallerError, OffsetGone, StreamBroken, Unavailable
from dojopool.ports import TopicPartition as Partition

READ_RECORDS_MAX: Final = 100_000
"""Of one poll: as many as a fetch of all partitions brings, about 100 ms of Python in turns with the event loop. The
queue holds one partition behind the other, and fewer would hand out one stream without those that it answers to.
"""

PARTITION_FETCH_BYTES: Final = 64 * 1024
"""Per partition and fetch. The client queues what a fetch brought partition by partition, so this is how far one stream
can be ahead of those that it answers to: with a megabyte, a third of a long backlog had to wait for the other region.
"""

QUEUED_RECORDS_MIN: Final = 100_000
"""Per partition, fetching goes on below it, as far as FETCH_BYTES of all of them together allow."""

QUEUE_BACKOFF_MS: Final = 5
"""Until a queue that was full is looked at again; the client's own second would leave us idle."""

QUIET_S: Final = 5.0
"""Without a record before the broker is asked whether it is there at all."""

PROBE_S: Final = 1.0
"""For the answer."""


class ConfluentReader:
    """`ports.LogReader` on a consumer that is a member of no group."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._bootstrap = link.bootstrap
        self._wanted: dict[Partition, int] | None = None
        """An assignment that the next poll takes up."""
        self._next: dict[Partition, int] = {}
        """Per assigned partition, the offset behind the last record handed out."""
        self._paused: set[Partition] = set()
        self._held: frozenset[Partition] = frozenset()
        """The partitions that the client was told to pause."""
        self._ends: dict[Partition, int] = {}
        """The end of each partition of which a fetch has told something since it was assigned."""
        self._stuck: dict[Partition, KafkaError] = {}
        """Partitions that are not read any more, and why."""
        self._untold: set[Partition] = set()
        """Those of them to be told of before anything else."""
        self._passing: KafkaError | None = None
        """An error to be told of that needs no answer."""
        self._heard_at = asyncio.get_running_loop().time()

    def assign(self, positions: Mapping[Partition, int]) -> None:
        """See `ports.LogReader`."""
        self._wanted = dict(positions)
        self._paused.clear()

    async def poll(self, *, timeout_ms: int) -> Mapping[Partition, Sequence[Record]]:
        """See `ports.LogReader`. Raises StreamBroken when a stored record fails its checksum, and again whenever
        nothing else is there, until that partition is assigned elsewhere.
        """
        now = asyncio.get_running_loop().time
        deadline_s = now() + timeout_ms / 1000
        while True:
            while self._wanted is not None:
                await self._take_up(self._wanted)
            left_s = max(0.0, deadline_s - now())
            if not self._next:
                await asyncio.sleep(left_s)
                return {}
            await self._tell(self._untold)
            if found := await self._read(min(left_s, SLICE_S)):
                return found
            if now() >= deadline_s:
                await self._tell(self._stuck)
                return {}

    async def _take_up(self, wanted: dict[Partition, int]) -> None:
        """Assign with offsets, in one call, so that nothing is fetched from elsewhere."""
        await self._check_exist(wanted)
        if self._wanted is not wanted:  # changed while we looked
            return
        with librdkafka_faults(self._bootstrap, "assigning partitions"):
            await self._link.call(partial(self._assign, dict(wanted)))
        self._next = dict(wanted)
        self._passing = None
        self._ends.clear()
        self._stuck.clear()
        self._untold.clear()
        self._heard_at = asyncio.get_running_loop().time()
        if self._wanted is wanted:
            self._wanted = None

    def _assign(self, wanted: Mapping[Partition, int]) -> None:
        """Runs in the thread."""
        consumer = self._link.consumer
        consumer.resume([TopicPartition(*partition) for partition in self._held])  # a pause outlives an assignment
        self._held = frozenset()
        consumer.assign([TopicPartition(*partition, offset) for partition, offset in wanted.items()])

    async def _read(self, wait_s: float) -> Mapping[Partition, Sequence[Record]]:
        """What is there within `wait_s`; sees to it that the broker is."""
        held = self._next.keys() & (self._paused | self._stuck.keys())
        try:
            with librdkafka_faults(self._bootstrap, "reading"):
                consumed, ends = await self._link.call(partial(self._consume, frozenset(held), wait_s))
        except BaseException:  # also when cancelled: what the thread has read by now reaches nobody
            self._wanted = dict(self._next) if self._wanted is None else self._wanted
            raise
        for partition, records in consumed.records.items():
            self._next[partition] = records[-1].offset + 1
        self._ends |= ends
        self._stuck |= consumed.stuck
        self._untold.update(consumed.stuck)
        if consumed.passing is not None:
            self._passing = consumed.passing
        if ends:
            self._heard_at = asyncio.get_running_loop().time()
        else:
            await self._check_silence()
        return consumed.records

    def _consume(self, held: frozenset[Partition], wait_s: float) -> tuple[Consumed, dict[Partition, int]]:
        """Wait for a first record and take along what came with it. Also the ends of what was heard of. Runs in the
        thread.
        """
        consumer = self._link.consumer
        if held != self._held:
            consumer.pause([TopicPartition(*partition) for partition in held - self._held])
            consumer.resume([TopicPartition(*partition) for partition in self._held - held])
            self._held = held
        # One call for both would wait its whole time whenever there is less than it may take.
        first = consumer.poll(wait_s)
        if first is None:
            return Consumed(), {}
        consumed = sort_out([first, *consumer.consume(READ_RECORDS_MAX - 1, 0)])
        ends = {
            partition: consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)[1]
            for partition in (*consumed.records, *consumed.ended)
        }
        return consumed, ends

    async def _tell(self, partitions: Iterable[Partition]) -> None:
        """Raise for what cannot be read. An offset that is gone stays untold: its partition is never read again."""
        for partition in tuple(partitions):
            if self._stuck[partition].code() in GONE:
                raise await self._gone(partition)
            self._untold.discard(partition)
            self._raise_broken(partition)
        if self._passing is not None:
            error, self._passing = self._passing, None
            with kafka_faults(self._bootstrap, "reading"):
                raise seen_as(error)

    async def _gone(self, partition: Partition) -> OffsetGone:
        [(first, end)] = (await self.bounds([partition])).values()
        topic, number = partition
        return OffsetGone(topic=topic, partition=number, wanted=self._next[partition], first=first, end=end)

    def _raise_broken(self, partition: Partition) -> None:
        place = f"{partition[0]}/{partition[1]} at offset {self._next[partition]} or behind it"
        raise StreamBroken(
            f"Kafka at {self._bootstrap} holds a record in {place} that cannot be read: {self._stuck[partition].str()}"
        )

    async def _check_silence(self) -> None:
        """Ask a broker that sends nothing whether it is there. Raises Unavailable when it was not for too long."""
        now = asyncio.get_running_loop().time()
        active = [partition for partition in self._next if partition not in self._held]
        if not active:
            self._heard_at = now
        elif now - self._heard_at > min(QUIET_S, kafka_reader.SILENCE_S_MAX):
            try:
                await self._link.call(partial(self._watermarks, active[:1], PROBE_S))
            except KafkaException:
                if now - self._heard_at > kafka_reader.SILENCE_S_MAX:
                    self._heard_at = now
                    raise Unavailable(
                        f"Kafka at {self._bootstrap} has not answered a fetch for {kafka_reader.SILENCE_S_MAX:.0f} s"
                    ) from None
            else:
                self._heard_at = now

    def pause(self, partition: Partition) -> None:
        """See `ports.LogReader`."""
        self._paused.add(partition)

    def resume(self, partition: Partition) -> None:
        """See `ports.LogReader`."""
        self._paused.discard(partition)

    def end(self, partition: Partition) -> int | None:
        """See `ports.LogReader`."""
        return None if self._wanted is not None else self._ends.get(partition)

    async def bounds(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """See `ports.LogReader`."""
        await self._check_exist(partitions)
        with librdkafka_faults(self._bootstrap, "asking for the bounds of partitions"):
            return await self._link.call(partial(self._watermarks, partitions, REQUEST_TIMEOUT_MS / 1000))

    def _watermarks(self, partitions: Sequence[Partition], timeout_s: float) -> dict[Partition, tuple[int, int]]:
        """Ask for bounds. Runs in the thread. Raises KafkaException."""
        ask = self._link.consumer.get_watermark_offsets
        return {partition: ask(TopicPartition(*partition), timeout=timeout_s) for partition in partitions}

    async def _check_exist(self, partitions: Iterable[Partition]) -> None:
        known: dict[str, frozenset[int]] = {}
        for topic, partition in partitions:
            if topic not in known:
                known[topic] = await self._link.topic_partitions(topic)
            if partition not in known[topic]:
                raise CallerError(f"{topic} has {len(known[topic])} partitions, none is number {partition}")


@asynccontextmanager
async def open_reader(options: dict[str, Any]) -> AsyncIterator[ConfluentReader]:
    """Connect on entry, close on exit. Raises Unavailable when Kafka does not answer."""
    wanted = {
        **options,
        "group.id": f"{options['client.id']}.reader",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "check.crcs": True,
        "fetch.wait.max.ms": FETCH_WAIT_MS,
        "fetch.max.bytes": FETCH_BYTES,
        "fetch.message.max.bytes": PARTITION_FETCH_BYTES,
        "queued.min.messages": QUEUED_RECORDS_MIN,
        "queued.max.messages.kbytes": FETCH_BYTES // 1024,
        "fetch.queue.backoff.ms": QUEUE_BACKOFF_MS,
    }
    async with linked(wanted, "starting a reader") as link:
        yield ConfluentReader(link)
