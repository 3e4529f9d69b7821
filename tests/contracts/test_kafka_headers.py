"""A record whose header has a name that is not UTF-8: Kafka takes it from anyone, and the client cannot read it."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record import default_records

from contracts.records import append
from contracts.waiting import DEADLINE_S, POLL_MS
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.errors import StreamBroken

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


class NoUtf8(str):
    """A name that is other bytes on the wire than a string could be."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


async def spoil(kafka: str, topic: str, partition: int) -> None:
    """Append such a record."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        batch = producer.create_batch()
        # The usual builder is compiled and takes nothing but strings; this is the client's own in plain Python.
        batch._builder = default_records._DefaultRecordBatchBuilderPy(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=1_000,
        )
        assert batch.append(key=b"m-1", value=b"bad", timestamp=1, headers=[(NoUtf8("x"), b"")]) is not None
        batch.close()
        await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()


async def test_a_header_that_is_not_utf8_stops_its_partition_alone(kafka: str, unique_prefix: str) -> None:
    """The partition is named as broken, nothing behind the record is read, and the other partition goes on."""
    log, topic = KafkaLog(kafka), f"{unique_prefix}.events.eu"
    async with log.admin() as admin:
        await admin.create_topic(topic, partitions=2, config={})
    await append(log, topic, 0, "a", "b")
    await spoil(kafka, topic, 0)
    await append(log, topic, 0, "c")
    await append(log, topic, 1, "d", "e")
    read: list[tuple[int, bytes | None]] = []
    said: set[str] = set()
    async with log.reader() as reader, asyncio.timeout(DEADLINE_S):
        reader.assign({(topic, 0): 0, (topic, 1): 0})
        while not said or (1, b"f") not in read:
            try:
                for (_, number), records in (await reader.poll(timeout_ms=POLL_MS)).items():
                    read += [(number, record.value) for record in records]
            except StreamBroken as error:
                if not said:
                    await append(log, topic, 1, "f")
                said.add(str(error))

    assert sorted(read) in ([(1, b"d"), (1, b"e"), (1, b"f")], [(0, b"a"), (0, b"b"), (1, b"d"), (1, b"e"), (1, b"f")])
    [text] = said
    assert f"holds a record in {topic}/0 at offset" in text
    assert "the name of a header is not UTF-8" in text
