"""A replica is frozen with a batch in hand, taken for dead, and wakes up."""

from __future__ import annotations

import signal
import time
from functools import partial
from pathlib import Path
from random import Random

import pytest

from dojopool.local.stack import Stack
from support.judge import judge
from support.ledger import Ledger, Producer
from support.processes import Program, programs, stack_settings
from support.site import REGIONS, Site, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

MATCHES = tuple(f"m-{number}" for number in range(12))
EVENTS = 60


async def test_what_a_frozen_owner_writes_when_it_wakes_up_is_refused(
    real_stack: Stack, stack_prefix: str, tmp_path: Path, fault_seed: int
) -> None:
    """It stands still between folding a batch and sending it, for longer than its session; its partitions go on
    elsewhere, its batch is refused by the store, and it works on as if it had just come.
    """
    chance, ledger = Random(fault_seed), Ledger(tmp_path / "ledger")
    async with programs(tmp_path, stack_settings(real_stack, prefix=stack_prefix)) as started:
        await started.run("topics", "create")
        site = Site(real_stack, stack_prefix, started)
        await site.replica("us")
        await record(site, ledger, chance)
        held = await started.held_replica("frozen", region="eu", point="folded")
        frozen = held.program
        await eventually(held.is_reached, what="it has folded a batch")

        frozen_s = time.monotonic()
        successor = await site.replica("eu", name="successor")
        verdict = await judge(site, ledger, since_s=frozen_s)
        print(f"owner frozen: right again after {verdict.recovered_s:.1f} s (seed {fault_seed})")
        frozen.signal(signal.SIGCONT)
        await eventually(partial(was_refused, frozen), what="the store refuses what it had in hand")
        await record(site, ledger, chance)
        await eventually(partial(share, site, frozen, successor), what="both replicas work")
        verdict = await judge(site, ledger, since_s=frozen_s)
        codes = await frozen.stop(), await successor.stop()

    assert (verdict.accepted, verdict.unknown) == (4 * EVENTS, 0)
    assert codes == (0, 0)


async def record(site: Site, ledger: Ledger, chance: Random) -> None:
    """Events in both regions, all of them accepted."""
    for region in REGIONS:
        async with site.connect(region) as dojo:
            await Producer(dojo, ledger, chance, matches=MATCHES).record(EVENTS)


async def was_refused(replica: Program) -> bool:
    """Whether a write of this process was turned down because another claimed the partition, as its log says."""
    failed = [line["error"] for line in replica.lines() if line["event"] == "partition failed"]
    return any("was refused: fenced" in error for error in failed)


async def share(site: Site, *replicas: Program) -> bool:
    """Whether these hold every partition together, each of them some."""
    owned = [await replica.owned() for replica in replicas]
    return all(owned) and sorted(number for share in owned for number in share) == list(range(site.partitions))
