"""One benchmark run of the replica, in a process of its own: the classes of `dojo replica` until a topic is read.

Prints one JSON line: records, seconds from taking the first partition over to the last write, CPU seconds, peak MB.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Mapping

from load import PARTITIONS, REGIONS

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.adapters.redis_store import RedisStore
from dojopool.adapters.system_clock import SystemClock
from dojopool.games.loading import load_game
from dojopool.ports import BatchFacts
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.service import Replica


class Stopwatch:
    """Observes one replica and stops it once `wanted` events were stored."""

    links_max = 0

    def __init__(self, wanted: int) -> None:
        self.wanted, self.events = wanted, 0
        self.started = self.cpu = self.ended = self.cpu_ended = 0.0
        self.replica: Replica | None = None

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        if not self.started:
            self.started, self.cpu = time.perf_counter(), time.process_time()

    def batch_applied(self, facts: BatchFacts, *, write_s: float) -> None:
        self.events += facts.events
        if self.events >= self.wanted and not self.ended and self.replica is not None:
            self.ended, self.cpu_ended = time.perf_counter(), time.process_time()
            self.replica.stop()

    def partition_released(self, partition: int, *, reason: str) -> None: ...

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        raise SystemExit(f"partition {partition} failed: {error}")

    def letter_written(self, *, topic: str, partition: int, offset: int, kind: str, reason: str) -> None:
        raise SystemExit(f"{topic}/{partition}/{offset} became a dead letter: {reason}")


async def main(bootstrap: str, redis_url: str, prefix: str, wanted: int) -> None:
    watch = Stopwatch(wanted)
    config = ReplicaConfig(region="eu", regions=REGIONS, partitions=PARTITIONS, prefix=prefix, owner="benchmark")
    async with RedisStore.open(redis_url, prefix=prefix) as store:
        watch.replica = Replica(
            config,
            log=KafkaLog(bootstrap),
            store=store,
            loaded=load_game("pool"),
            clock=SystemClock(),
            observer=watch,
        )
        await watch.replica.run()
    print(
        json.dumps(
            {
                "events": watch.events,
                "seconds": watch.ended - watch.started,
                "cpu_s": watch.cpu_ended - watch.cpu,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
