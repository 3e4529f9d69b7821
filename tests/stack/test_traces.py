"""A trace from a game server through a real Kafka into a real replica, sent to a collector by both."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import dojopool
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.client import Accepted
from dojopool.local.topics import create_topics
from support.collector import collector
from support.processes import programs
from support.region import points

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

PARTITIONS = 2


async def test_an_event_leads_to_its_batch(kafka: str, redis_url: str, unique_prefix: str, tmp_path: Path) -> None:
    """The span of an event that the SDK recorded is a link of a span of the replica process that stored it."""
    async with KafkaLog(kafka).admin() as admin:
        await create_topics({"eu": admin}, regions=("eu",), partitions=PARTITIONS, prefix=unique_prefix)
    with collector() as (server, url):
        shared: dict[str, Any] = {
            "regions": "eu",
            "kafka": kafka,
            "redis": redis_url,
            "prefix": unique_prefix,
            "otlp": url,
        }
        settings = {f"DOJO_{name.upper()}": value for name, value in shared.items()}
        async with programs(tmp_path, settings | {"DOJO_PARTITIONS": str(PARTITIONS)}) as started:
            replica = await started.replica("replica", region="eu")
            async with dojopool.connect(**shared, region="eu", partitions=PARTITIONS) as dojo:
                receipt = await (await dojo.match("m-1")).record(points())
                assert isinstance(receipt, Accepted)
                async with asyncio.timeout(60):
                    await dojo.read("m-1", at_least=receipt, timeout_s=60)
            assert await replica.stop() == 0
    [sent] = [span for span in server.spans() if span.name == f"send {unique_prefix}.events.eu"]
    batches = [span for span in server.spans() if span.name == f"process {unique_prefix}.events"]

    assert [link.span_id for batch in batches for link in batch.links] == [sent.span_id]
    assert [link.trace_id for batch in batches for link in batch.links] == [sent.trace_id]
