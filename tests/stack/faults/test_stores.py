"""A Redis that loses what it had acknowledged, loses everything, is replaced by one that lagged, or is full."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from dojopool.local.stack import RedisServer, Stack
from dojopool.local.stack.ports import LOOPBACK, free_ports
from support.judge import judge
from support.ledger import Ledger
from support.one_kafka import Deployment, deployed, fell_back, part_of, signal_server
from support.processes import Program
from support.site import Site, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(200)]

EVENTS = 40
"""Of each region, before and behind what a store loses."""

TORN_BYTES = 7
"""Left of a command in an append-only file: what a machine leaves that fails while it writes."""


async def test_a_store_that_lost_its_last_writes_reads_them_again(
    own_stores: Stack, unique_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """A Redis starts from an append-only file whose tail was cut off: the owner notices by itself, reads on from what
    is stored there, and nothing is missing or counted twice.
    """
    stack, ledger = part_of(own_stores, "eu", "us"), Ledger(tmp_path / "ledger")
    server = own_stores.redis["eu"]
    async with deployed(stack, unique_prefix, tmp_path, chance=Random(fault_seed), ledger=ledger) as here:
        kept = await judged_size(here, server)
        await judged_size(here, server)
        here.replicas["eu"].signal(signal.SIGSTOP)  # or the offsets rise again before anybody has looked at them
        before = await here.offsets("eu")
        await cut_short(server, kept)
        after = await here.offsets("eu")
        assert fell_back(before, after), (before, after)

        recovered_s = await recover(here)
        print(f"append-only file cut short: right again after {recovered_s:.1f} s (seed {fault_seed})")


async def test_a_crash_while_loading_what_an_older_store_holds_leaves_nothing_behind(
    own_stores: Stack, unique_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """A Redis loses its last writes together with the owner, and the next owner dies when it has loaded a part of what
    is left: the one after it makes everything right.
    """
    stack, ledger = part_of(own_stores, "eu", "us"), Ledger(tmp_path / "ledger")
    server = own_stores.redis["eu"]
    async with deployed(stack, unique_prefix, tmp_path, chance=Random(fault_seed), ledger=ledger) as here:
        kept = await judged_size(here, server)
        await judged_size(here, server)
        await here.replicas["eu"].kill()
        before = await here.offsets("eu")
        await cut_short(server, kept)
        held = await here.site.programs.held_replica("eu-loading", region="eu", point="loading")
        await eventually(held.is_reached, what="it has loaded a part")
        await held.program.kill()
        after = await here.offsets("eu")
        assert fell_back(before, after), (before, after)

        killed_s = time.monotonic()
        await here.site.programs.replica("eu-next", region="eu")
        await here.record(EVENTS)
        verdict = await judge(here.site, ledger, since_s=killed_s)
        print(f"killed while loading a cut store: right again after {verdict.recovered_s:.1f} s (seed {fault_seed})")


async def test_a_store_that_was_emptied_is_filled_again(
    own_stores: Stack, unique_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """A Redis is flushed under its owner, and later replaced by an empty one that lacks even the functions: each time
    everything is there again.
    """
    stack, ledger = part_of(own_stores, "eu", "us"), Ledger(tmp_path / "ledger")
    server = own_stores.redis["eu"]
    async with deployed(stack, unique_prefix, tmp_path, chance=Random(fault_seed), ledger=ledger) as here:
        await judged_size(here, server)
        async with Redis.from_url(server.url) as redis:
            await redis.flushall()
        emptied_s = time.monotonic()
        await here.record(EVENTS)
        verdict = await judge(here.site, ledger, since_s=emptied_s)
        print(f"flushed: right again after {verdict.recovered_s:.1f} s (seed {fault_seed})")

        here.replicas["eu"].signal(signal.SIGSTOP)
        await server.kill()
        shutil.rmtree(server.folder)
        await server.start()
        assert await here.offsets("eu") == {}
        recovered_s = await recover(here)
        print(f"replaced by an empty one: right again after {recovered_s:.1f} s (seed {fault_seed})")


async def test_a_failover_to_a_store_that_lagged_loses_nothing(
    own_stores: Stack, unique_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """A Redis replica stands still while its primary takes writes; then the primary is gone and the other one, with
    what it had taken in, is the primary at the same address.
    """
    stack, ledger = part_of(own_stores, "eu", "us"), Ledger(tmp_path / "ledger")
    primary = own_stores.redis["eu"]
    [port] = free_ports(1)
    standby = RedisServer(name="redis standby", folder=tmp_path / "standby", port=port)
    promoted = RedisServer(name="redis promoted", folder=standby.folder, port=primary.port or 0)
    try:
        async with deployed(stack, unique_prefix, tmp_path, chance=Random(fault_seed), ledger=ledger) as here:
            await standby.start()
            await judged_size(here, primary)
            await follow(standby, primary)
            signal_server(standby, signal.SIGSTOP)
            await judged_size(here, primary)
            here.replicas["eu"].signal(signal.SIGSTOP)
            before = await here.offsets("eu")
            await primary.kill()
            await standby.kill()  # what lies in its sockets goes with it: it has lagged for good
            await promoted.start()
            after = await here.offsets("eu")
            assert fell_back(before, after), (before, after)

            recovered_s = await recover(here)
            print(f"failed over to one that lagged: right again after {recovered_s:.1f} s (seed {fault_seed})")
    finally:
        await standby.kill()
        await promoted.kill()


async def test_a_full_store_takes_nothing_until_there_is_room(
    own_stores: Stack, unique_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """At `maxmemory` a Redis refuses every write: its owner says so, holds on to its partitions and serves what is
    stored, while the other region goes on; with room again everything is stored that came meanwhile.
    """
    stack, ledger = part_of(own_stores, "eu", "us"), Ledger(tmp_path / "ledger")
    async with (
        deployed(stack, unique_prefix, tmp_path, chance=Random(fault_seed), ledger=ledger) as here,
        Redis.from_url(own_stores.redis["eu"].url) as redis,
    ):
        owner = here.replicas["eu"]
        await judged_size(here, own_stores.redis["eu"])
        memory: Any = await redis.info("memory")
        await redis.config_set("maxmemory", memory["used_memory"] // 2)
        await eventually(partial(says, owner, "maxmemory"), what="the replica says that the store is full")
        before, shown = await here.offsets("eu"), (await here.site.stored("eu")).views
        await here.producers["us"].record(EVENTS)
        await eventually(partial(has_more, here.site, "us", shown), what="us shows what came meanwhile")
        assert before == await here.offsets("eu")
        assert shown == (await here.site.stored("eu")).views

        await redis.config_set("maxmemory", 0)
        freed_s = time.monotonic()
        verdict = await judge(here.site, ledger, since_s=freed_s)
        print(f"full, then with room: right again after {verdict.recovered_s:.1f} s (seed {fault_seed})")
        assert await owner.total("dojo_replica_failures_total") == 0, "it had to take a partition over anew"


# --- what happens to a store


def append_only_file(server: RedisServer) -> Path:
    """The file that a Redis appends its writes to."""
    [file] = (server.folder / "appendonlydir").glob("*.incr.aof")
    return file


async def cut_short(server: RedisServer, kept: int) -> None:
    """Kill a Redis, cut its file behind the first `kept` bytes and a torn command, and start it on what is left."""
    await server.kill()
    os.truncate(append_only_file(server), kept + TORN_BYTES)
    await server.start()


async def follow(standby: RedisServer, primary: RedisServer) -> None:
    """Make one Redis a replica of another; on return it has everything of it, also on its disk."""
    async with Redis.from_url(standby.url) as redis:
        await redis.replicaof(LOOPBACK, primary.port)

        async def is_level() -> bool:
            link: Any = await redis.info("replication")
            disk: Any = await redis.info("persistence")
            rewriting = disk["aof_rewrite_in_progress"] or disk["aof_rewrite_scheduled"]
            return bool(link["master_link_status"] == "up" and not rewriting)

        await eventually(is_level, what="the standby has everything that the primary has")


# --- what is seen of it


async def judged_size(here: Deployment, server: RedisServer) -> int:
    """Record events, see that all is well, and return how long the append-only file of a Redis is now."""
    await here.record(EVENTS)
    await judge(here.site, here.ledger, since_s=time.monotonic())
    return append_only_file(server).stat().st_size


async def recover(here: Deployment) -> float:
    """Wake the replica of eu, which stands still, record events and judge. Returns how long that took, in seconds."""
    owner = here.replicas["eu"]
    woken_s = time.monotonic()
    owner.signal(signal.SIGCONT)
    await here.record(EVENTS)
    verdict = await judge(here.site, here.ledger, since_s=woken_s)
    assert "moved" in " ".join(failures(owner)), "its writes were never refused for what is stored"
    return verdict.recovered_s


def failures(replica: Program) -> Sequence[str]:
    """Why it lost partitions, as its log says."""
    return [line["error"] for line in replica.lines() if line["event"] == "partition failed"]


async def says(replica: Program, word: str) -> bool:
    """Whether its readiness is refused for a reason with this word in it."""
    return any(word in problem for problem in (await replica.get("/readyz")).json()["problems"])


async def has_more(site: Site, region: str, shown: dict[str, Any]) -> bool:
    """Whether a region shows other views than these."""
    return (await site.stored(region)).views != shown
