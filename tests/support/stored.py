"""What is in a region's Kafka and Redis, read with plain clients: the names of topics and keys are the contract.

Nothing here comes from `dojopool` but the shape of names, so it would find what our own readers overlook.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from support.oracle import decode_record

FETCH_MS = 1_000


@dataclass(frozen=True, slots=True)
class Stored:
    """One region's Redis, under one prefix."""

    views: dict[str, dict[str, Any]]
    """Match -> fields of its hash, decoded."""
    states: dict[str, bytes]
    """Match -> canonical bytes."""
    owners: dict[int, str]
    """Partition -> who claimed it last."""

    @property
    def clocks(self) -> dict[str, dict[str, int]]:
        """Match -> the events that its view says it contains."""
        return {match: view["@clock"] for match, view in self.views.items()}

    @property
    def plain(self) -> dict[str, dict[str, Any]]:
        """Match -> the declared state, without what the `@` fields say of it."""
        return {
            match: {name: value for name, value in view.items() if not name.startswith("@")}
            for match, view in self.views.items()
        }


async def read_redis(url: str, *, prefix: str, partitions: int) -> Stored:
    """Everything that the replicas of a region wrote, at about one moment."""
    found = Stored({}, {}, {})
    async with Redis.from_url(url) as redis:
        for number in range(partitions):
            state: Any = await redis.hgetall(f"{prefix}:{{{number}}}:state")
            found.states.update({name.decode(): data for name, data in state.items() if not name.startswith(b"@")})
            found.owners[number] = state.get(b"@owner", b"").decode()
            live: Any = await redis.zrange(f"{prefix}:{{{number}}}:matches", 0, -1)
            matches = [match.decode() for match in live]
            async with redis.pipeline(transaction=False) as pipeline:
                for match in matches:
                    pipeline.hgetall(f"{prefix}:{{{number}}}:match:{match}")
                hashes = await pipeline.execute()
            for match, fields in zip(matches, hashes, strict=True):
                found.views[match] = {name.decode(): json.loads(text) for name, text in fields.items()}
    return found


async def read_events(bootstrap: str, topic: str, *, partitions: int) -> list[dict[str, Any]]:
    """Every event of a topic in JSON form, repeats included, in log order per partition. Marks, without key, are no
    events.
    """
    records = await read_topic(bootstrap, topic, partitions=partitions)
    return [decode_record(value) for key, value in records if key is not None]


async def read_topic(bootstrap: str, topic: str, *, partitions: int) -> list[tuple[bytes | None, bytes]]:
    """Key and value of every record that a topic holds now, partition by partition."""
    found = await read_partitions(bootstrap, topic, partitions=partitions)
    return [record for number in sorted(found) for record in found[number]]


async def read_partitions(
    bootstrap: str, topic: str, *, partitions: int
) -> dict[int, list[tuple[bytes | None, bytes]]]:
    """Partition -> key and value of every record that it holds now, in log order."""
    places = [TopicPartition(topic, number) for number in range(partitions)]
    records: dict[int, list[tuple[bytes | None, bytes]]] = {}
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, batch in (await consumer.getmany(timeout_ms=FETCH_MS)).items():
                records.setdefault(place.partition, []).extend((record.key, record.value) for record in batch)
    return records
