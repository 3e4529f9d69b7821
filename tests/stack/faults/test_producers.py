"""Game servers whose log goes away under them, whose tasks are cancelled, and whose name another one took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random

import pytest

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.adapters.redis_views import RedisViews
from dojopool.adapters.system_clock import SystemClock
from dojopool.client import Dojo
from dojopool.client.dojo import open_dojo
from dojopool.client.stopping import stopped
from dojopool.errors import CallerError
from dojopool.games.loading import load_game
from dojopool.local.stack import Stack
from support.judge import judge
from support.ledger import Answer, Ledger, Producer
from support.processes import Program, programs, stack_settings
from support.site import REGIONS, Site, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

MATCHES = tuple(f"m-{number}" for number in range(12))
EVENTS = 40
DOUBT_S = 1.0
"""After which an event that is not acknowledged is unknown."""

TWIN = "eu/twin#1"


async def test_what_a_broker_did_not_answer_is_unknown_and_then_certain(
    real_stack: Stack, stack_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """The broker dies while events are recorded and tasks that record are cancelled: nobody is told what is not so,
    and what is left open is in the log once or not at all.
    """
    chance, ledger = Random(fault_seed), Ledger(tmp_path / "ledger")
    async with programs(tmp_path, stack_settings(real_stack, prefix=stack_prefix)) as started:
        await started.run("topics", "create")
        site = Site(real_stack, stack_prefix, started)
        for region in REGIONS:
            await site.replica(region)
        async with AsyncExitStack() as staying, asyncio.TaskGroup() as tasks:
            server = Producer(await staying.enter_async_context(site.connect("eu")), ledger, chance, matches=MATCHES)
            await server.record(EVENTS)
            await cancel_at_work(tasks, ledger, server)
            async with site.connect("eu", close_timeout_s=DOUBT_S) as dojo:
                leaving = Producer(dojo, ledger, chance, matches=MATCHES)
                await leaving.record(EVENTS)
                recording = tasks.create_task(record_on(server))
                killed_s = time.monotonic()
                await real_stack.kill("kafka eu")
                await eventually(partial(has, ledger, "unknown"), what="an event is left open")
                await leaving.record(EVENTS, timeout_s=DOUBT_S)
                await cancel_at_work(tasks, ledger, server)
                left_s = time.monotonic()
            left_s = time.monotonic() - left_s
            recording.cancel()
            await real_stack.start("kafka eu")
            back_s = time.monotonic()
            await server.record(EVENTS)

        verdict = await judge(site, ledger, since_s=back_s)
        print(
            f"broker away for {back_s - killed_s:.1f} s: right again {verdict.recovered_s:.1f} s after it answers,"
            f" {verdict.unknown_in_log} of {verdict.unknown} open events in the log; a connection that was left"
            f" meanwhile took {left_s:.1f} s to close (seed {fault_seed})"
        )
    assert 0 < verdict.unknown_in_log < verdict.unknown


async def test_two_writers_of_one_node_are_found_and_harm_nobody_else(
    real_stack: Stack, stack_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """Two connections write as one node: of each number the event that is first in the log counts, in both regions;
    the replicas tell of the others, the SDK tells whoever reads on, and what other nodes wrote is all there.
    """
    chance, ledger = Random(fault_seed), Ledger(tmp_path / "ledger")
    async with programs(tmp_path, stack_settings(real_stack, prefix=stack_prefix)) as started:
        await started.run("topics", "create")
        site = Site(real_stack, stack_prefix, started)
        replicas = [await site.replica(region) for region in REGIONS]
        async with AsyncExitStack() as stack:
            twins = [await stack.enter_async_context(connected_as(site, TWIN)) for _ in range(2)]
            others = [await stack.enter_async_context(site.connect(region)) for region in REGIONS]
            producers = [Producer(dojo, ledger, chance, matches=MATCHES, rereads=0) for dojo in twins]
            producers += [Producer(dojo, ledger, chance, matches=MATCHES) for dojo in others]
            for producer in producers:
                await producer.open_all()
            began_s = time.monotonic()
            async with asyncio.TaskGroup() as tasks:
                for producer in producers:
                    tasks.create_task(producer.record(EVENTS))
            verdict = await judge(site, ledger, since_s=began_s, usurped=[TWIN])
            with pytest.raises(CallerError, match="another connection uses the same node name"):
                await read_all(twins)
        for replica in replicas:
            await eventually(partial(tells_of_equivocation, replica), what=f"{replica.name} tells of equivocation")
        print(f"two writers of one node: right after {verdict.recovered_s:.1f} s (seed {fault_seed})")

    assert verdict.accepted == 4 * EVENTS


async def cancel_at_work(tasks: asyncio.TaskGroup, ledger: Ledger, producer: Producer) -> None:
    """Cancel tasks that have begun to record and were not answered yet."""
    before = ledger.invoked
    recording = tasks.create_task(producer.record(EVENTS))
    while ledger.invoked == before:  # noqa: ASYNC110  # this very loop is what it waits for
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # the tasks take their first step: what they record is numbered
    await stopped([recording])  # again and again: the Redis client loses a cancellation that meets its answer


async def record_on(producer: Producer) -> None:
    """Record a few events again and again, until cancelled."""
    while True:
        await producer.record(5, timeout_s=DOUBT_S)


async def has(ledger: Ledger, answer: Answer) -> bool:
    """Whether some event was answered so; an event without an answer yet does not count."""
    return any(entry.answer == answer and entry.dot is not None for entry in ledger.entries().values())


async def read_all(dojos: Sequence[Dojo]) -> None:
    """Take a handle of every match by each connection."""
    for dojo in dojos:
        for match in MATCHES:
            await dojo.match(match)


async def tells_of_equivocation(replica: Program) -> bool:
    """Whether its metrics and its log do."""
    in_log = any(line["event"] == "equivocation" for line in replica.lines())
    return in_log and await replica.total("dojo_replica_equivocations_total") > 0


@asynccontextmanager
async def connected_as(site: Site, node: str) -> AsyncIterator[Dojo]:
    """The SDK under a node name that is not its own, as a program would that made it up or restored it."""
    log = KafkaLog(site.stack.brokers["eu"].bootstrap)
    async with (
        RedisViews.open(site.stack.redis["eu"].url, prefix=site.prefix) as views,
        open_dojo(
            log=log,
            views=views,
            clock=SystemClock(),
            loaded=load_game("pool"),
            region="eu",
            regions=REGIONS,
            partitions=site.partitions,
            prefix=site.prefix,
            node=node,
        ) as dojo,
    ):
        yield dojo
