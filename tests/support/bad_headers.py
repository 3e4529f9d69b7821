"""A record whose header has a name that is not UTF-8: Kafka takes it from anyone, and no usual client writes it."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer
from aiokafka.record import default_records


class NoUtf8(str):
    """A name that is other bytes on the wire than a string could be."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


async def spoil(kafka: str, topic: str, partition: int) -> None:
    """Append such a record: key `m-1`, value `bad`, time 1."""
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
