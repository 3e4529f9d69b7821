"""Everything comes again: each record twice in a row, whole logs from their beginning, and a store that has to start
over.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from random import Random

import pytest
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from dojopool.local.stack import Stack
from support.judge import judge
from support.ledger import Ledger, Producer
from support.processes import Program, programs, stack_settings
from support.site import REGIONS, Site, eventually
from support.stored import read_partitions

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

MATCHES = tuple(f"m-{number}" for number in range(12))
EVENTS = 80
TIMES = 2


async def test_what_comes_again_changes_nothing(
    real_stack: Stack, stack_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """The logs of both regions, events and marks, are appended to themselves with every record doubled, on top of the
    state they gave; then a region folds all of it from the beginning into an empty store.
    """
    chance, ledger = Random(fault_seed), Ledger(tmp_path / "ledger")
    async with programs(tmp_path, stack_settings(real_stack, prefix=stack_prefix)) as started:
        await started.run("topics", "create")
        site = Site(real_stack, stack_prefix, started)
        replicas = [await site.replica(region) for region in REGIONS]
        for region in REGIONS:
            async with site.connect(region) as dojo:
                await Producer(dojo, ledger, chance, matches=MATCHES).record(EVENTS)
        await judge(site, ledger, since_s=time.monotonic())

        began_s = time.monotonic()
        for region in REGIONS:
            await repeat_log(site, region)
        for replica in replicas:
            await eventually(partial(has_dropped, replica, 2 * TIMES * EVENTS), what=f"{replica.name} met the repeats")
        verdict = await judge(site, ledger, since_s=began_s)
        print(f"every record again, twice: right again after {verdict.recovered_s:.1f} s (seed {fault_seed})")

        assert await replicas[0].stop() == 0
        async with Redis.from_url(real_stack.redis["eu"].url) as redis:
            await redis.flushall()
        began_s = time.monotonic()
        await site.replica("eu", name="eu-anew")
        verdict = await judge(site, ledger, since_s=began_s)
        print(f"started on an empty store: right again after {verdict.recovered_s:.1f} s (seed {fault_seed})")

    assert (verdict.accepted, verdict.unknown) == (2 * EVENTS, 0)


async def repeat_log(site: Site, region: str) -> None:
    """Append a region's log to itself, each record twice in a row."""
    bootstrap, topic = site.stack.brokers[region].bootstrap, f"{site.prefix}.events.{region}"
    found = await read_partitions(bootstrap, topic, partitions=site.partitions)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        for number, records in found.items():
            for key, value in records:
                for _ in range(TIMES):
                    await producer.send(topic, value, key=key, partition=number)


async def has_dropped(replica: Program, count: int) -> bool:
    """Whether it has met at least `count` events that it knew."""
    return await replica.total("dojo_replica_duplicates_total") >= count
