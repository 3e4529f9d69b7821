"""A log's reader alone, in a process of its own: everything that is in the topics, read once.

    python run_reader.py aiokafka|confluent on|held BOOTSTRAP PREFIX EVENTS IDLE

What the fold asks of every record is looked at. `on` and `held` say what Python's garbage collector does meanwhile.
Then IDLE single records are appended and waited for, unless that is 0. The clock runs from the assignment on, so that
connecting does not count; CPU includes the client's own threads.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from statistics import median
from typing import Final

from load import PARTITIONS, REGIONS
from report import percentile

from dojopool.adapters.confluent_log import ConfluentLog
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.ports import LogReader, Outgoing

KINDS: Final = {"aiokafka": KafkaLog, "confluent": ConfluentLog}
COLLECTORS: Final = ("on", "held")


async def read(kind: str, collector: str, bootstrap: str, prefix: str, events: int, idle: int) -> dict[str, float]:
    """Read everything once."""
    if collector == "held":
        gc.freeze()
        gc.disable()
    log = KINDS[kind](bootstrap)
    async with log.reader() as reader:
        seen = polls = 0
        began, began_cpu = time.perf_counter(), time.process_time()
        reader.assign({(f"{prefix}.events.{region}", n): 0 for region in REGIONS for n in range(PARTITIONS)})
        while seen < events:
            polled = await reader.poll(timeout_ms=1000)
            polls += bool(polled)
            for records in polled.values():
                seen += len(records)
                for record in records:
                    _ = record.offset, record.key, record.value
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    found = {"seconds": seconds, "cpu_s": cpu_s, "polls": polls}
    if idle:
        delays = await _idle(log, prefix, idle)
        found |= {"p50_ms": median(delays) * 1000, "p99_ms": percentile(delays, 99) * 1000}
    return found


async def _idle(log: KafkaLog, prefix: str, count: int) -> list[float]:
    """Seconds from before an append until a waiting poll returns with its record."""
    place = (f"{prefix}.dead-letters", 0)
    delays = []
    async with log.reader() as reader, log.writer() as writer:
        [(_, end)] = (await reader.bounds([place])).values()
        reader.assign({place: end})
        await reader.poll(timeout_ms=500)
        for _ in range(count):
            async with asyncio.TaskGroup() as tasks:
                waiting = tasks.create_task(_record(reader))
                await asyncio.sleep(0.01)
                began = time.perf_counter()
                tasks.create_task(writer.append(*place, [Outgoing(b"k", b"v")], timeout_s=10))
                delays.append(await waiting - began)
    return delays


async def _record(reader: LogReader) -> float:
    """When the next record came."""
    while not await reader.poll(timeout_ms=10_000):
        pass
    return time.perf_counter()


if __name__ == "__main__":
    _, kind, collector, bootstrap, prefix, events, idle = sys.argv
    print(json.dumps(asyncio.run(read(kind, collector, bootstrap, prefix, int(events), int(idle)))))
