"""A log that is replaced, loses its tail or its beginning, or gets a new one beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeAlias

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from dojopool.core.partition import partition_of
from dojopool.local.stack import Stack
from dojopool.local.stack.broker import create_topic
from dojopool.local.topics import EVENTS_CONFIG
from dojopool.replica.proving import PROVE_PERIOD_S
from support.judge import claim_logs_keep_the_ledger, clocks_of, judge, shows
from support.ledger import Ledger
from support.one_kafka import PARTITIONS, Deployment, deployed, part_of
from support.oracle import pool_state
from support.processes import Program
from support.site import Site, eventually
from support.stored import read_partitions

pytestmark = [pytest.mark.stack, pytest.mark.timeout(200)]

EVENTS = 40
EMPTIED = (0, 1)
"""Partitions of which a recreated topic gets nothing back; the others lose their tail, one record at least of what
every region has read."""

NUMBER = 2
"""The partition whose records are deleted."""

Tape: TypeAlias = dict[int, list[tuple[bytes | None, bytes]]]
"""Partition -> key and value of every record, in log order."""


async def test_a_log_that_was_replaced_is_refused_until_it_is_restored(
    own_stores: Stack, unique_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """A topic is deleted under a reader and made anew, in part with nothing in it and in part without its tail: neither
    that replica nor one that starts reads it, while it is shorter than what is stored or when it has grown beyond; what
    is stored is served, and with the records back in their places everything is right.
    """
    stack, ledger, chance = part_of(own_stores, "eu", "us"), Ledger(tmp_path / "ledger"), Random(fault_seed)
    async with deployed(stack, unique_prefix, tmp_path, chance=chance, ledger=ledger) as here:
        await here.record(EVENTS)
        await judge(here.site, ledger, since_s=time.monotonic())
        assert await here.replicas["eu"].stop() == 0  # or it adds marks, to what is copied and to what is made anew
        tape = await read_log(here.site, "eu")
        stored = [await here.offsets(region) for region in here.site.regions]
        shown = (await here.site.stored("eu")).plain

        ends = {n: 0 if n in EMPTIED else min(offsets[n, "eu"] for offsets in stored) - 1 for n in tape}
        await replace_log(here.site, {n: records[: ends[n]] for n, records in tape.items()})
        here.replicas["eu"] = await here.site.programs.replica("eu-again", region="eu")
        for replica in here.replicas.values():
            await eventually(
                partial(refuses, replica, "was wanted, the log holds", range(PARTITIONS)), what="too short"
            )
        while any(len(records) <= len(tape[n]) for n, records in (await read_log(here.site, "eu")).items()):
            await here.producers["eu"].record(EVENTS)
        for replica in here.replicas.values():
            await eventually(partial(refuses, replica, "the log was replaced", range(PARTITIONS)), what="no mark there")
        assert shown == (await here.site.stored("eu")).plain
        assert [await replica.stop() for replica in here.replicas.values()] == [0, 0]
        written = {n: records[ends[n] :] for n, records in (await read_log(here.site, "eu")).items()}

    await replace_log(here.site, {n: tape[n] + written[n] for n in tape})
    restored_s = time.monotonic()
    async with deployed(stack, unique_prefix, tmp_path, chance=chance, ledger=ledger) as here:
        await here.record(EVENTS)
        verdict = await judge(here.site, ledger, since_s=restored_s)
    print(f"log restored: right again after {verdict.recovered_s:.1f} s (seed {fault_seed})")
    assert verdict.unknown == 0


async def test_a_log_replaced_and_filled_at_once_is_refused(
    own_stores: Stack, unique_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """A topic is made anew under running readers and holds more than they had read before they ask again: every
    replica refuses it in every partition, and serves nothing of what was put in front of its place.
    """
    stack, ledger = part_of(own_stores, "eu", "us"), Ledger(tmp_path / "ledger")
    async with deployed(stack, unique_prefix, tmp_path, chance=Random(fault_seed), ledger=ledger) as here:
        await here.record(EVENTS)
        await judge(here.site, ledger, since_s=time.monotonic())
        await asyncio.sleep(2 * PROVE_PERIOD_S)  # part of the fault: marks are known only once they were looked at
        tape = await read_log(here.site, "eu")
        await replace_log(here.site, {n: records[1:] + records for n, records in tape.items()})
        replaced_s = time.monotonic()
        for replica in here.replicas.values():
            await eventually(partial(refuses, replica, "the log was replaced", range(PARTITIONS)), what="no mark there")
        print(f"log replaced at once: refused after {time.monotonic() - replaced_s:.1f} s (seed {fault_seed})")


async def test_records_that_are_gone_unread_stop_their_partition_alone(
    own_stores: Stack, unique_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """While a region is away, records that it has not read are deleted: when it is back it names what is gone, leaves
    that partition as it was, and the other partitions and the other region are right.
    """
    stack, ledger = part_of(own_stores, "eu", "us"), Ledger(tmp_path / "ledger")
    async with deployed(stack, unique_prefix, tmp_path, chance=Random(fault_seed), ledger=ledger) as here:
        await here.record(EVENTS)
        await judge(here.site, ledger, since_s=time.monotonic())
        before = (await here.site.stored("eu")).plain
        assert await here.replicas["eu"].stop() == 0
        await here.record(EVENTS)
        events = [event for origin in here.site.regions for event in await here.site.logged(origin, read_in=origin)]
        clocks = clocks_of(events)
        await eventually(partial(shows, here.site, "us", clocks), what="us shows everything")
        gone = await delete_records(here.site, "us", NUMBER)

        back_s = time.monotonic()
        replica = await here.site.programs.replica("eu-back", region="eu")
        await eventually(partial(refuses, replica, "was wanted, the log holds", [NUMBER]), what="eu names what is gone")
        others = {match: clock for match, clock in clocks.items() if partition_of(match, PARTITIONS) != NUMBER}
        await eventually(partial(shows_all_of, here.site, "eu", others), what="the other partitions are read")
        print(f"records gone: the rest is right after {time.monotonic() - back_s:.1f} s (seed {fault_seed})")
        problems = await problems_of(replica)
        stored = {region: (await here.site.stored(region)).plain for region in here.site.regions}

    expected = pool_state(events)
    claim_logs_keep_the_ledger(ledger.entries(), events, events, usurped=())
    [problem] = problems
    assert f"{unique_prefix}.events.us/{NUMBER} was wanted, the log holds {gone} to" in problem
    assert expected == stored["us"]
    assert {match: before[match] if match not in others else expected[match] for match in expected} == stored["eu"]


async def test_a_region_that_is_added_is_part_of_every_state(
    own_stores: Stack, unique_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """A third region comes to a deployment at work, whose replicas are restarted one after the other: until a region
    knows of the new one, events that have seen some of its events wait there; then every region shows everything.
    """
    chance, ledger = Random(fault_seed), Ledger(tmp_path / "ledger")
    async with deployed(part_of(own_stores, "eu", "us"), unique_prefix, tmp_path, chance=chance, ledger=ledger) as here:
        await here.record(EVENTS)
        await judge(here.site, ledger, since_s=time.monotonic())
        matches = len((await here.site.stored("eu")).states)
        assert await here.replicas["eu"].stop() == 0
        (tmp_path / "three").mkdir()
        added_s = time.monotonic()
        async with deployed(
            own_stores, unique_prefix, tmp_path / "three", chance=chance, ledger=ledger, leave_out=("us",)
        ) as grown:
            await grown.producers["ap"].record(EVENTS)
            await eventually(partial(shows_events_of, grown.site, "eu", "ap"), what="eu shows events of ap")
            await eventually(partial(makes_wait, grown, "us"), what="events that have seen ap's wait in us")
            assert await here.replicas["us"].stop() == 0
            await grown.site.programs.replica("us", region="us")
            await grown.record(EVENTS)
            verdict = await judge(grown.site, ledger, since_s=added_s)
            took_s = verdict.recovered_s
            print(f"region added: all are right {took_s:.1f} s after the first restart (seed {fault_seed})")
            assert matches == loaded(grown.replicas["eu"])
            assert {"eu", "us", "ap"} == {origin for _, origin in await grown.offsets("eu")}


# --- what happens to a log


async def read_log(site: Site, origin: str) -> Tape:
    """Every record of a region's own log, marks too."""
    topic, bootstrap = f"{site.prefix}.events.{origin}", site.stack.brokers[origin].bootstrap
    return await read_partitions(bootstrap, topic, partitions=site.partitions)


async def replace_log(site: Site, tape: Tape) -> None:
    """Delete eu's log, make a new one of that name, and fill it."""
    topic, bootstrap = f"{site.prefix}.events.eu", site.stack.brokers["eu"].bootstrap
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()

    async def is_new() -> bool:
        return await create_topic(bootstrap, topic, partitions=site.partitions, configs=EVENTS_CONFIG)

    await eventually(is_new, what="the topic is gone and made anew")
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        for number, records in tape.items():
            for key, value in records:
                await producer.send(topic, value, key=key, partition=number)


async def delete_records(site: Site, origin: str, number: int) -> int:
    """Delete every record of a partition of a region's log, and return the offset that it begins with now."""
    topic, bootstrap = f"{site.prefix}.events.{origin}", site.stack.brokers[origin].bootstrap
    end = len((await read_log(site, origin))[number])
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, number): RecordsToDelete(before_offset=end)})
    finally:
        await admin.close()
    return end


# --- what is seen of it


async def problems_of(replica: Program) -> list[str]:
    """What stands in its way, as it says."""
    problems: list[str] = (await replica.get("/readyz")).json()["problems"]
    return problems


async def refuses(replica: Program, reason: str, numbers: Collection[int]) -> bool:
    """Whether exactly these partitions do not go on, each for this reason."""
    problems = await problems_of(replica)
    starts = [f"partition {number}: " for number in numbers]
    return len(problems) == len(starts) and all(
        problem.startswith(start) and reason in problem for problem, start in zip(problems, starts, strict=True)
    )


async def shows_all_of(site: Site, region: str, clocks: dict[str, dict[str, int]]) -> bool:
    """Whether a region's views of these matches contain exactly these events."""
    found = (await site.stored(region)).clocks
    return clocks == {match: clock for match, clock in found.items() if match in clocks}


async def shows_events_of(site: Site, region: str, origin: str) -> bool:
    """Whether a region's views show any event of another."""
    clocks = (await site.stored(region)).clocks.values()
    return any(node.startswith(f"{origin}/") for clock in clocks for node in clock)


async def makes_wait(here: Deployment, region: str) -> bool:
    """Let eu's game server go on, which reads now and then, and say whether any of its events waits in a region."""
    await here.producers["eu"].record(EVENTS)
    return any(view["@pending"] for view in (await here.site.stored(region)).views.values())


def loaded(replica: Program) -> int:
    """How many matches it found stored when it took its partitions over first."""
    claimed = {
        line["partition"]: line["matches"] for line in reversed(replica.lines()) if line["event"] == "partition claimed"
    }
    return sum(claimed.values())
