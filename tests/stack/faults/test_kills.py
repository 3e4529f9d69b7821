"""A replica is killed at each step of its work, one step after another, while events come in from two regions."""

from __future__ import annotations

import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest
from aiokafka import AIOKafkaProducer

from dojopool.local.stack import Stack
from dojopool.replica.failpoints import CHECKER_ONLY, POINTS, Point
from support.judge import judge
from support.ledger import Ledger, Producer
from support.processes import programs, stack_settings
from support.site import REGIONS, Site, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

STEPS: tuple[Point, ...] = ("reset", *(point for point in POINTS if point != "reset" and point not in CHECKER_ONLY))
"""Only an empty store is reset, so that comes first."""

MATCHES = tuple(f"m-{number}" for number in range(12))
EVENTS = 30
"""Of each region, before each kill."""


async def test_a_kill_at_any_step_loses_and_doubles_nothing(
    real_stack: Stack, stack_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """At each failpoint in turn a replica is killed, and another one makes the state right again."""
    chance, ledger = Random(fault_seed), Ledger(tmp_path / "ledger")
    async with (
        programs(tmp_path, stack_settings(real_stack, prefix=stack_prefix)) as started,
        AsyncExitStack() as stack,
    ):
        await started.run("topics", "create")
        site = Site(real_stack, stack_prefix, started)
        clients = [await stack.enter_async_context(site.connect(region)) for region in REGIONS]
        producers = [Producer(dojo, ledger, chance, matches=MATCHES) for dojo in clients]
        await site.replica("us")
        for number, point in enumerate(STEPS, 1):
            for producer in producers:
                await producer.record(EVENTS)
                await producer.record_refused()
            await damage_log(site)
            held = await started.held_replica(f"eu-{point}", region="eu", point=point)
            if point == "draining":
                await eventually(held.program.is_at_work, what="it has work to leave")
                held.program.signal(signal.SIGTERM)
            await eventually(held.is_reached, what=f"the failpoint {point} is reached")
            await held.program.kill()

            killed_s = time.monotonic()
            successor = await site.replica("eu", name=f"eu-after-{point}")
            verdict = await judge(site, ledger, since_s=killed_s, letters=number)
            print(f"killed at {point}: right again after {verdict.recovered_s:.1f} s (seed {fault_seed})")
            assert (verdict.accepted, verdict.unknown) == (2 * EVENTS * number, 0)
            assert await successor.stop() == 0


async def damage_log(site: Site) -> None:
    """A record in the log of eu that is no event."""
    async with AIOKafkaProducer(bootstrap_servers=site.stack.brokers["eu"].bootstrap) as producer:
        await producer.send_and_wait(f"{site.prefix}.events.eu", b"damaged", partition=0)
