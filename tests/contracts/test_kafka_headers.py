"""A record whose header has a name that is not UTF-8: Kafka takes it from anyone, and the client cannot read it."""

from __future__ import annotations

import asyncio

import pytest

from contracts.records import append
from contracts.waiting import DEADLINE_S, POLL_MS
from dojopool.adapters.confluent_log import ConfluentLog
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.core.record import Record
from support.bad_headers import spoil

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


@pytest.mark.parametrize("kind", [KafkaLog, ConfluentLog])
async def test_a_header_that_is_not_utf8_takes_nothing_but_itself(
    kind: type[KafkaLog], kafka: str, unique_prefix: str
) -> None:
    """The record comes without its headers, in its place; those before it and behind it, in one fetch with it, too."""
    log, topic = kind(kafka), f"{unique_prefix}.events.eu"
    async with log.admin() as admin:
        await admin.create_topic(topic, partitions=2, config={})
    await append(log, topic, 0, "a", "b")
    await spoil(kafka, topic, 0)
    await append(log, topic, 0, "c")
    await append(log, topic, 1, "d")
    read: dict[int, list[Record]] = {0: [], 1: []}
    async with log.reader() as reader, asyncio.timeout(DEADLINE_S):
        reader.assign({(topic, 0): 0, (topic, 1): 0})
        while len(read[0]) < 4 or not read[1]:
            for (_, number), records in (await reader.poll(timeout_ms=POLL_MS)).items():
                read[number] += records

    assert [(record.offset, record.value) for record in read[0]] == [(0, b"a"), (1, b"b"), (2, b"bad"), (3, b"c")]
    bad = read[0][2]
    assert (bad.key, list(bad.headers), bad.timestamp) == (b"m-1", [], 1)
    assert [record.value for record in read[1]] == [b"d"]
