"""The baseline, in a process of its own: the loop that one would write by hand for the same job.

aiokafka `getmany`, the shared `match_state`, and a redis-py pipeline that sets a JSON view per changed match and then
commits the Kafka offsets. At least once, and each event is taken as it comes: no causal delivery, no duplicates found,
no fencing, state and offsets apart.
"""

from __future__ import annotations

import asyncio
import os
import sys

from aiokafka import AIOKafkaConsumer, TopicPartition
from child import Stopwatch, await_go
from load import PARTITIONS, REGIONS
from match_state import Match, decode, merge, new_match, read_schema, view, view_key
from redis.asyncio import Redis


async def main(bootstrap: str, redis_url: str, prefix: str, wanted: int, schema_path: str) -> None:
    """Read `wanted` events and end."""
    schema = read_schema(schema_path)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=f"{prefix}.loop.{os.getpid()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    redis = Redis.from_url(redis_url)
    places = [TopicPartition(f"{prefix}.events.{region}", n) for region in REGIONS for n in range(PARTITIONS)]
    await consumer.start()
    await_go()
    watch = Stopwatch()
    watch.start()
    consumer.assign(places)
    matches: dict[str, Match] = {}
    done = 0
    while done < wanted:
        for place, records in (await consumer.getmany(timeout_ms=100)).items():
            changed = set()
            for record in records:
                if record.key is None:  # a mark of the replicas that read this topic before
                    continue
                done += 1
                event = decode(record.value, schema)
                match = matches.get(event["match"])
                if match is None:
                    match = matches[event["match"]] = new_match()
                merge(match, event)
                changed.add(event["match"])
            async with redis.pipeline(transaction=False) as pipeline:
                for match_id in changed:
                    pipeline.set(view_key(prefix, match_id), view(matches[match_id]))
                await pipeline.execute()
            await consumer.commit({place: records[-1].offset + 1})
    watch.stop()
    await consumer.stop()
    await redis.aclose()
    watch.report()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]))
