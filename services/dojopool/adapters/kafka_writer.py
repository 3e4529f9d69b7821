"""Appending to one region's Kafka: idempotent, acknowledged by all in-sync replicas, one batch per call where it fits.

Retries of the client cannot duplicate or reorder: the broker counts batches per producer. The count has a price: after
a batch that failed for good, the broker refuses whatever follows it. So a producer that reported any failure is given
up and the next append starts a new one. A producer that merely takes too long is kept: it goes on trying, in order.

`send` of the client may block far longer than any timeout during an outage, and queues without a bound of its own; so
every append waits for its acknowledgement under its own deadline, and a partition has at most one batch queued.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed

from dojopool.adapters.kafka_client import REQUEST_TIMEOUT_MS, START_TIMEOUT_S, kafka_faults, partitions_of
from dojopool.errors import CallerError, Unavailable
from dojopool.ports import Clock, Outgoing

BATCH_BYTES: Final = 256 * 1024
"""Of one batch; a longer append is several. Well below the megabyte that a topic takes by default."""

RECORD_BYTES_MAX: Final = 2_000_000
"""Of key, value and headers. Twice what a topic takes by default: a dead letter carries a whole record and more."""

FLUSH_TIMEOUT_S: Final = 5.0
"""On exit, for batches whose append gave up waiting."""


class KafkaWriter:
    """`ports.LogWriter` on one idempotent producer at a time."""

    def __init__(self, options: dict[str, Any], *, clock: Clock) -> None:
        self._options = options
        self._bootstrap: str = options["bootstrap_servers"]
        self._clock = clock
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._given_up: set[asyncio.Task[None]] = set()
        self._partitions: dict[str, frozenset[int]] = {}

    async def append(self, topic: str, partition: int, records: Sequence[Outgoing], *, timeout_s: float) -> int:
        """See `ports.LogWriter`."""
        assert records, "an append without records has no offset to return"
        doing = f"appending {len(records)} records to {topic}/{partition}"
        for record in records:
            _check_size(record, doing)
        try:
            async with asyncio.timeout(timeout_s):
                with kafka_faults(self._bootstrap, doing):
                    return await self._append(topic, partition, records)
        except TimeoutError:
            raise Unavailable(f"{doing}: not acknowledged by Kafka at {self._bootstrap} in {timeout_s} s") from None

    async def _append(self, topic: str, partition: int, records: Sequence[Outgoing]) -> int:
        """Batch by batch, each acknowledged before the next is sent: what arrived is always a beginning."""
        producer = await self._running()
        await self._check_partition(producer, topic, partition)
        first = None
        for batch in self._batches(producer, records):
            try:
                sent = await producer.send_batch(batch, topic, partition=partition)
                sent.add_done_callback(_heard)
                acknowledged = await asyncio.shield(sent)
            except KafkaError as error:
                self._give_up(producer)
                if first is not None:  # some are in the log: not "never takeable", whatever the reason
                    raise Unavailable(
                        f"only the records before one of {topic}/{partition} arrived: {error!r}"
                    ) from error
                raise
            if acknowledged.offset < 0:  # a repeat that the broker had forgotten the place of
                raise Unavailable(f"the records are in {topic}/{partition}, but Kafka no longer knows where")
            first = acknowledged.offset if first is None else first
        assert first is not None, "every append has a batch"
        return int(first)

    def _batches(self, producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> Iterator[Any]:
        """The records as closed batches, in order."""
        now_ms = self._clock.now_ms()
        batch = producer.create_batch()
        for record in records:
            fields = {"key": record.key, "value": record.value, "headers": list(record.headers), "timestamp": now_ms}
            if batch.append(**fields) is None:
                yield batch
                batch = producer.create_batch()
                batch.append(**fields)  # the first of a batch is always taken, whatever its size
        batch.close()
        yield batch

    async def _check_partition(self, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        """Raise CallerError when there is no such partition; known ones are remembered."""
        if partition in self._partitions.get(topic, ()):
            return
        self._partitions[topic] = await partitions_of(producer.client, topic, bootstrap=self._bootstrap)
        if partition not in self._partitions[topic]:
            raise CallerError(f"{topic} has {len(self._partitions[topic])} partitions, none is number {partition}")

    async def _running(self) -> AIOKafkaProducer:
        """The producer in use; a new one when the last was given up."""
        async with self._starting:
            if self._producer is None:
                self._producer = await self._start()
            return self._producer

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._options,
            enable_idempotence=True,
            acks="all",
            linger_ms=0,  # a call is a batch already; waiting would only add to its latency
            max_batch_size=BATCH_BYTES,
        )
        try:
            await producer.start()
        except BaseException:  # also when cancelled: what was opened so far must be closed
            await producer.stop()
            raise
        return producer

    def _give_up(self, producer: AIOKafkaProducer) -> None:
        """Close a producer in the background; appends that still wait on it end as unknown."""
        if self._producer is producer:
            self._producer = None
            task = asyncio.create_task(_abandon(producer))  # allowed: close() waits for it
            self._given_up.add(task)
            task.add_done_callback(self._given_up.discard)

    async def close(self) -> None:
        """Wait a little for what is still on its way, then close every producer."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(FLUSH_TIMEOUT_S):
                    await producer.flush()
            except TimeoutError:
                await _abandon(producer)
            else:
                await producer.stop()
        await asyncio.gather(*self._given_up)


@asynccontextmanager
async def open_writer(options: dict[str, Any], *, clock: Clock) -> AsyncIterator[KafkaWriter]:
    """Connect on entry, close on exit. Raises Unavailable when Kafka does not answer."""
    writer = KafkaWriter(options, clock=clock)
    with kafka_faults(options["bootstrap_servers"], "starting a producer"):
        async with asyncio.timeout(START_TIMEOUT_S):
            await writer._running()
    try:
        yield writer
    finally:
        await writer.close()


def _heard(sent: asyncio.Future[Any]) -> None:
    """Take note of how a batch ended that nobody may wait for any more, or it is printed as an error never seen."""
    if not sent.cancelled():
        sent.exception()


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Close a producer without flushing; `stop` alone would wait for its batches for ever.

    The client has no public way to do it. While its sender ends, connections stay open, since it waits for replies.
    """
    sender = producer._sender.sender_task
    sender.cancel()
    await asyncio.wait([sender], timeout=2 * REQUEST_TIMEOUT_MS / 1000)
    batches = producer._message_accumulator
    # A batch that is queued again is no longer pending, and the client's callback fails where it takes it from there.
    batches._pending_batches.update(*batches._batches.values())
    batches.fail_all(ProducerClosed())
    await producer.stop()


def _check_size(record: Outgoing, doing: str) -> None:
    size = len(record.key or b"") + len(record.value) + sum(len(name) + len(value) for name, value in record.headers)
    if size > RECORD_BYTES_MAX:
        raise CallerError(f"{doing}: a record has {size} bytes, at most {RECORD_BYTES_MAX} are taken")
