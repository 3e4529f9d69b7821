"""The guards against a header whose name is not UTF-8, one in each Kafka client; only a real Kafka shows them."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords

from dojopool.adapters import kafka_headers, kafka_reader
from dojopool.adapters.confluent_log import ConfluentLog
from dojopool.adapters.confluent_records import ConfluentRecord
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.ports import EventLog, Outgoing
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.letters import DeadLetters
from dojopool.replica.loading import take_over
from dojopool.replica.partition import OwnedPartition
from guards.result import Guard, Result, oracle, seen
from support.bad_headers import spoil
from support.pipeline import NOW_MS, POOL, Facts, Pipeline, Scorer

DEADLINE_S: Final = 30.0


def without_sparing(patch: pytest.MonkeyPatch) -> None:
    """aiokafka reads records as it does by itself."""
    patch.setattr(kafka_reader, "spare_headers", lambda: None)
    patch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    patch.setattr(fetcher, "PartitionRecords", kafka_headers._SparingPartition.__mro__[1])


def without_sparing_in_librdkafka(patch: pytest.MonkeyPatch) -> None:
    """Headers are asked for, and what the client then raises is raised on."""
    patch.setattr(ConfluentRecord, "headers", property(lambda self: self._message.headers() or ()))


async def with_aiokafka(kafka: str, prefix: str) -> Result:
    """A record with such a header, no event either, lies between two events; read with aiokafka."""
    return await _read(KafkaLog(kafka), kafka, prefix)


async def with_confluent_kafka(kafka: str, prefix: str) -> Result:
    """As before; read with confluent-kafka."""
    return await _read(ConfluentLog(kafka), kafka, prefix)


async def _read(log: EventLog, kafka: str, prefix: str) -> Result:
    pipeline, eu = Pipeline(regions=("eu",)), Scorer()
    config = ReplicaConfig(region="eu", regions=("eu",), partitions=1, prefix=prefix, owner="owner")
    values = [eu.points("m-1", points) for points in (1, 4)]
    async with log.admin() as admin, log.writer() as writer:
        await admin.create_topic(config.own_topic, partitions=1, config={})
        await writer.append(config.own_topic, 0, [Outgoing(b"m-1", values[0])], timeout_s=DEADLINE_S)
        await spoil(kafka, config.own_topic, 0)
        await writer.append(config.own_topic, 0, [Outgoing(b"m-1", values[1])], timeout_s=DEADLINE_S)
    told = ""
    try:
        await _follow(log, config, pipeline)
    except (UnicodeDecodeError, SystemError) as error:
        told = repr(error)
    return Result(await seen(pipeline.store, ["m-1"]), oracle(values), told=told)


async def _follow(log: EventLog, config: ReplicaConfig, pipeline: Pipeline) -> None:
    """Read three records as an owner does; letters and state go to the twins."""
    async with log.reader() as reader, pipeline.log.writer() as writer, asyncio.timeout(DEADLINE_S):
        partition = await take_over(0, store=pipeline.store, reader=reader, loaded=POOL, config=config)
        reader.assign({(config.own_topic, 0): 0})
        letters = DeadLetters(writer, Facts(), topic=pipeline.config.letters_topic)
        while partition.next_offset("eu") < 3:
            for records in (await reader.poll(timeout_ms=500)).values():
                fed = partition.feed("eu", records)
                await letters.write(config.own_topic, 0, fed.letters, failed=_raise)
                await _store(partition, pipeline)


async def _store(partition: OwnedPartition, pipeline: Pipeline) -> None:
    batch = partition.make_batch(NOW_MS)
    if batch is not None:
        await pipeline.store.write(batch)


def _raise(error: Exception) -> None:
    raise error


KAFKA_GUARDS: Final = (
    Guard(
        "names of headers, in aiokafka",
        "a record with a header whose name is not UTF-8 comes without its headers",
        "it cannot be read, nor what was fetched with it",
        "lost",
        "anybody can stop a partition with one record",
        without_sparing,
        with_aiokafka,
    ),
    Guard(
        "names of headers, in confluent-kafka",
        "as in aiokafka",
        "whoever asks for its headers, as its letter does, gets an error",
        "lost",
        "as in aiokafka",
        without_sparing_in_librdkafka,
        with_confluent_kafka,
    ),
)
