"""Records per second and CPU of the log's readers alone, on a real Kafka: aiokafka beside librdkafka.

    python benchmarks/bench_reader.py [--events 400000] [--rounds 3]

Starts a broker of its own and fills one topic per region; then each reader reads all of it in turn, in a process of its
own, and looks at what the fold asks of every record. The clock runs from the assignment on, so that connecting does not
count; CPU includes the client's own threads. Once as it is and once with Python's garbage collector held, as a replica
in steady state holds it. With `--idle N` it also prints the time from the call of an append to the
record in a poll that waits, for N single records.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from load import PARTITIONS, REGIONS, fill

from dojopool.adapters.confluent_log import ConfluentLog
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.local.stack import KafkaBroker
from dojopool.local.stack.ports import free_ports
from dojopool.ports import LogReader, Outgoing

KINDS = {"aiokafka": KafkaLog, "confluent": ConfluentLog}
COLLECTORS = ("on", "held")
RUN_TIMEOUT_S = 300
PREFIX = "bench"


async def main(events: int, rounds: int, idle: int) -> None:
    """Measure and print."""
    rows = [(kind, collector) for kind in KINDS for collector in COLLECTORS]
    runs: dict[tuple[str, str], list[dict[str, float]]] = {row: [] for row in rows}
    with tempfile.TemporaryDirectory(prefix="dojo-bench-") as folder:
        port, controller_port = free_ports(2)
        broker = KafkaBroker(name="kafka", folder=Path(folder), port=port, controller_port=controller_port)
        await broker.start()
        try:
            await fill(broker.bootstrap, PREFIX, events)
            for _ in range(rounds):
                for row in rows:
                    runs[row].append(await asyncio.to_thread(_child, *row, broker.bootstrap, events, idle))
        finally:
            await broker.kill()
    for (kind, collector), found in runs.items():
        print(
            f"{kind}, collector {collector}:", {name: round(median(run[name] for run in found), 2) for name in found[0]}
        )


def _child(kind: str, collector: str, bootstrap: str, events: int, idle: int) -> dict[str, float]:
    command = [
        sys.executable,
        __file__,
        "--events",
        str(events),
        "--idle",
        str(idle),
        "--read",
        kind,
        collector,
        bootstrap,
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=RUN_TIMEOUT_S, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


async def read(kind: str, collector: str, bootstrap: str, events: int, idle: int) -> dict[str, float]:
    """Read everything once."""
    if collector == "held":
        gc.freeze()
        gc.disable()
    log = KINDS[kind](bootstrap)
    async with log.reader() as reader:
        seen = polls = 0
        began, began_cpu = time.perf_counter(), time.process_time()
        reader.assign({(f"{PREFIX}.events.{region}", n): 0 for region in REGIONS for n in range(PARTITIONS)})
        while seen < events:
            polled = await reader.poll(timeout_ms=1000)
            polls += bool(polled)
            for records in polled.values():
                seen += len(records)
                for record in records:
                    _ = record.offset, record.key, record.value
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    found = {"records/s": seen / seconds, "CPU s/M": cpu_s / seen * 1e6, "polls": polls}
    if idle:
        delays = sorted(await _idle(log, idle))
        found |= {"idle p50 ms": median(delays) * 1000, "idle p99 ms": quantiles(delays, n=100)[98] * 1000}
    return found


async def _idle(log: KafkaLog, count: int) -> list[float]:
    """Seconds from before an append until a waiting poll returns with its record."""
    place = (f"{PREFIX}.dead-letters", 0)
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
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=400_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--idle", type=int, default=0)
    arguments.add_argument("--read", nargs=3, metavar=("KIND", "COLLECTOR", "BOOTSTRAP"), help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.read:
        kind, collector, bootstrap = given.read
        print(json.dumps(asyncio.run(read(kind, collector, bootstrap, given.events, given.idle))))
    else:
        asyncio.run(main(given.events, given.rounds, given.idle))
