"""The baseline, in a process of its own: the loop that one would write by hand for the same job.

aiokafka `getmany`, fastavro with a parsed schema, a dictionary per match (points added up, breaker, winner, a clock per
node), and a redis-py pipeline that sets a JSON view per changed match and then commits the Kafka offsets. At least
once, and each event is taken as it comes: no causal delivery, no duplicates found, no fencing, state and offsets
apart.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import resource
import sys
import time
from typing import Any

import fastavro
from aiokafka import AIOKafkaConsumer, TopicPartition
from load import PARTITIONS, REGIONS
from redis.asyncio import Redis

from dojopool.codec import schema_files

HEADER_BYTES = 10


async def main(bootstrap: str, redis_url: str, prefix: str, wanted: int) -> None:
    schema = fastavro.parse_schema(schema_files.load(schema_files.find("event.avsc")))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=f"{prefix}.loop.{os.getpid()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    redis = Redis.from_url(redis_url)
    places = [TopicPartition(f"{prefix}.events.{region}", n) for region in REGIONS for n in range(PARTITIONS)]
    await consumer.start()
    consumer.assign(places)
    matches: dict[str, dict[str, object]] = {}
    done = 0
    started, cpu = time.perf_counter(), time.process_time()
    while done < wanted:
        for place, records in (await consumer.getmany(timeout_ms=100)).items():
            changed = set()
            for record in records:
                if record.key is None:  # a mark of the replicas that read this topic before
                    continue
                done += 1
                body = io.BytesIO(record.value[HEADER_BYTES:])
                event: Any = fastavro.schemaless_reader(body, schema, None, return_record_name=True)
                merge(matches.setdefault(event["match"], {"clock": {}, "frames": {}}), event)
                changed.add(event["match"])
            async with redis.pipeline(transaction=False) as pipeline:
                for match in changed:
                    pipeline.set(f"{prefix}:loop:{match}", json.dumps(matches[match]))
                await pipeline.execute()
            await consumer.commit({place: records[-1].offset + 1})
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    await consumer.stop()
    await redis.aclose()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"events": done, "seconds": seconds, "cpu_s": cpu_s, "peak_mb": peak_mb}))


def merge(match: dict, event: dict) -> None:  # type: ignore[type-arg]  # plain JSON-like data, as such a loop has it
    """Take one event into a match."""
    match["clock"][event["node"]] = max(event["seq"], match["clock"].get(event["node"], 0))
    kind, body = event["body"]
    if "frame" in body:
        frame = match["frames"].setdefault(body["frame"], {"points": {}})
        if kind.endswith("PointsAwarded"):
            frame["points"][body["player"]] = frame["points"].get(body["player"], 0) + body["points"]
        elif kind.endswith("FrameStarted"):
            frame["breaker"] = body["breaker"]
        elif kind.endswith("FrameFinished"):
            frame["winner"] = body["winner"]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
