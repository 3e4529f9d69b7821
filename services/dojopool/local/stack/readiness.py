"""The proof that a stack works: a record written in one region is read in another.

It uses topics of its own. A probe among the events would be a record that every replica has to refuse.
"""

from __future__ import annotations

import asyncio
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from dojopool.errors import Unavailable
from dojopool.local.stack.broker import KafkaBroker
from dojopool.local.stack.process import Server

MIRROR_SECONDS = 120.0
"""A fresh MirrorMaker needs about 10 s; longer on a machine that is starting everything else."""

POLL_MS = 200


async def record_arrives(*, topic: str, origin: KafkaBroker, target: KafkaBroker, mirror: Server | None) -> None:
    """Write one record to partition 0 of `topic` at the origin and return when it is read at the target.

    Raises Unavailable when the mirror ends meanwhile or nothing arrives within two minutes.
    """
    token = uuid.uuid4().bytes
    consumer = AIOKafkaConsumer(bootstrap_servers=target.bootstrap, group_id=None)
    producer = AIOKafkaProducer(bootstrap_servers=origin.bootstrap, acks="all")
    try:
        async with asyncio.timeout(MIRROR_SECONDS):
            await consumer.start()
            await producer.start()
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            await consumer.seek_to_end(partition)
            await producer.send_and_wait(topic, token, partition=0)
            await _read_until(consumer, token, mirror)
    except TimeoutError as error:
        way = f"a record of {topic} from {origin.name} to {target.name}"
        reason = f"{way} did not arrive within {MIRROR_SECONDS:.0f} s"
        raise Unavailable(mirror.with_log(reason) if mirror else reason) from error
    finally:
        await producer.stop()
        await consumer.stop()


async def _read_until(consumer: AIOKafkaConsumer, token: bytes, mirror: Server | None) -> None:
    while True:
        batches = await consumer.getmany(timeout_ms=POLL_MS)
        if any(record.value == token for records in batches.values() for record in records):
            return
        if mirror is not None and not mirror.is_alive:
            raise Unavailable(mirror.with_log("the mirror ended while a record was on its way"))
