"""A mirror that brings nothing for a while, and then goes by fits and starts."""

from __future__ import annotations

import asyncio
import signal
import time
from functools import partial
from pathlib import Path
from random import Random

import pytest

from dojopool.client import Dojo
from dojopool.client.receipts import Mode
from dojopool.local.stack import Stack
from support.judge import clocks_of, judge
from support.ledger import Ledger
from support.one_kafka import deployed, signal_server
from support.site import Site, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(200)]

EVENTS = 40
BURSTS = 8
STILL_S = 0.4
MOVING_S = 0.1


async def test_a_mirror_that_is_cut_and_then_slow_delays_only_what_it_brings(
    real_stack: Stack, stack_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """While the mirror stands still each region shows its own events and tells game servers that it is on its own;
    when it moves by fits and starts, and then freely, nothing is lost or counted twice.
    """
    ledger, mirror = Ledger(tmp_path / "ledger"), real_stack.mirror
    assert mirror is not None
    async with deployed(real_stack, stack_prefix, tmp_path, chance=Random(fault_seed), ledger=ledger) as here:
        await here.record(EVENTS)
        await judge(here.site, ledger, since_s=time.monotonic())
        for dojo in here.clients.values():
            await eventually(partial(says, dojo, "healthy"), what="both regions hear of each other")
        signal_server(mirror, signal.SIGSTOP)
        try:
            await here.record(EVENTS)
            for region in here.site.regions:
                await eventually(partial(shows_own, here.site, region), what=f"{region} shows its own events")
                await eventually(partial(says, here.clients[region], "local-only"), what=f"{region} is local-only")
            for _ in range(BURSTS):
                signal_server(mirror, signal.SIGCONT)
                await asyncio.sleep(MOVING_S)  # the fault itself: how long it moves
                signal_server(mirror, signal.SIGSTOP)
                await here.record(EVENTS // BURSTS)
                await asyncio.sleep(STILL_S)  # and how long it does not
        finally:
            signal_server(mirror, signal.SIGCONT)
        freed_s = time.monotonic()
        verdict = await judge(here.site, ledger, since_s=freed_s)
        print(f"mirror cut, then slow: right {verdict.recovered_s:.1f} s after it moves freely (seed {fault_seed})")
        for dojo in here.clients.values():
            await eventually(partial(says, dojo, "healthy"), what="both regions hear of each other again")
        failures = [await replica.total("dojo_replica_failures_total") for replica in here.replicas.values()]

    assert failures == [0, 0], "no partition had to be taken over anew"
    assert verdict.unknown == 0


async def shows_own(site: Site, region: str) -> bool:
    """Whether a region shows every event of its own log, and some of the other's are not there."""
    found = (await site.stored(region)).clocks
    own = clocks_of(await site.logged(region, read_in=region))
    every = clocks_of([event for origin in site.regions for event in await site.logged(origin, read_in=origin)])
    return found != every and all(clock.items() <= found.get(match, {}).items() for match, clock in own.items())


async def says(dojo: Dojo, mode: Mode) -> bool:
    """Whether a game server is told that its region is in this mode."""
    return dojo.mode == mode
