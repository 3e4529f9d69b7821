"""The main job on real servers, while what can fail does: a season is played, and both regions end with what it says.

The events go through the SDK to two Kafka brokers with MirrorMaker between, and through two `dojo replica` processes a
region into two Redis. `dojopool` does not judge itself: logs and stores are read with plain clients, and what should be
there is worked out from the file, and from the logs by the oracle. Only the digests of the bytes it stored are its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import permutations
from pathlib import Path

import pytest
from redis.asyncio import Redis

from dojopool.client import Accepted, Receipt
from dojopool.core.match import digest, region_digest
from dojopool.local.league import SAMPLE, read_league
from dojopool.local.player import play
from dojopool.local.stack import Stack
from support.league_file import states_in
from support.oracle import pool_state
from support.processes import Program, Programs, programs, stack_settings
from support.site import REGIONS, Site, dot_of, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

EVENTS = 8051
QUARTERS = 4
EVENTS_PER_S = 400.0
"""Five seconds a quarter: time for a fault to happen while events flow."""


class Season(Site):
    """The play of the league on a stack, with its replicas, and the faults that meet it."""

    def __init__(self, stack: Stack, prefix: str, started: Programs) -> None:
        super().__init__(stack, prefix, started)
        self.receipts: list[Receipt] = []
        self.quarters = 0
        """Played to their end."""
        self._quarters = asyncio.Semaphore(1)

    async def start_replicas(self) -> dict[str, list[Program]]:
        """Two replicas a region, once each holds a part of the partitions."""
        replicas = {
            region: [await self.programs.replica(f"replica-{region}-{number}", region=region) for number in (1, 2)]
            for region in REGIONS
        }
        for pair in replicas.values():
            await eventually(partial(self.share_all, pair), what="two replicas share the partitions")
        return replicas

    async def share_all(self, replicas: Sequence[Program]) -> bool:
        """Whether every partition is held by one of these, and each holds some."""
        owned = [await replica.owned() for replica in replicas]
        return all(owned) and sorted(number for share in owned for number in share) == list(range(self.partitions))

    async def play(self) -> None:
        """Play the whole file, a quarter and then each next one when `go_on` allows it."""
        plans = read_league(SAMPLE)
        size = -(-len(plans) // QUARTERS)
        async with AsyncExitStack() as stack:
            clients = {region: await stack.enter_async_context(self.connect(region)) for region in REGIONS}
            for start in range(0, len(plans), size):
                await self._quarters.acquire()
                await play(plans[start : start + size], clients, rate=EVENTS_PER_S, answered=self.receipts.append)
                self.quarters += 1

    def go_on(self) -> None:
        """Let the next quarter be played. So a slow machine plays more slowly, and meets the faults all the same."""
        self._quarters.release()

    async def is_at_rest(self) -> bool:
        """Whether the first quarter is over."""
        return self.quarters == 1

    async def played(self, part: float) -> None:
        """Wait until this part of the events is answered."""

        async def has_come() -> bool:
            return len(self.receipts) >= part * EVENTS

        await eventually(has_come, what=f"{part:.0%} of the events are answered")

    async def shows_events_of(self, origin: str, *, in_region: str) -> bool:
        """Whether a region's views show any event that was written in another."""
        clocks = (await self.stored(in_region)).clocks.values()
        return any(node.startswith(f"{origin}/") for clock in clocks for node in clock)

    async def is_settled(self, region: str) -> bool:
        """Whether the region's views show every accepted event."""
        return accepted_clocks(self.receipts) == (await self.stored(region)).clocks


async def test_a_season_survives_what_can_fail(real_stack: Stack, stack_prefix: str, tmp_path: Path) -> None:
    """A replica dies, the mirror dies and repeats itself, a Redis is emptied: each region ends as the file says."""
    async with programs(tmp_path, stack_settings(real_stack, prefix=stack_prefix)) as started:
        await started.run("topics", "create")
        season = Season(real_stack, stack_prefix, started)
        replicas = await season.start_replicas()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(season.play())
            await season.played(1 / 8)
            await kill_mirror_at_work(season)
            await eventually(season.is_at_rest, what="the quarter is played without a mirror")
            started_s = time.monotonic()
            await real_stack.start("mirror")
            for region in REGIONS:
                await eventually(partial(season.is_settled, region), what=f"the quarter shows in {region}")
            print(f"mirror killed: right again {time.monotonic() - started_s:.1f} s after it was told to start")
            season.go_on()
            await season.played(3 / 8)
            await kill_at_work(replicas["eu"].pop())
            season.go_on()
            await season.played(5 / 8)
            await empty_redis(season, "us")
            season.go_on()

        for region in REGIONS:
            await eventually(partial(season.is_settled, region), what=f"everything shows in {region}")
        await eventually(partial(season.share_all, replicas["eu"]), what="the survivor holds every partition")
        assert [await replica.stop() for region in REGIONS for replica in replicas[region]] == [0, 0, 0]

        await claim_events_are_in_the_logs_once(season)
        await claim_stores_are_as_the_file_says(season)


# --- the faults


async def kill_at_work(replica: Program) -> None:
    """Kill a replica that holds partitions and has stored events."""
    await eventually(replica.is_at_work, what=f"{replica.name} holds partitions and has stored events")
    await replica.kill()


async def kill_mirror_at_work(season: Season) -> None:
    """Kill the mirror once it has brought events both ways."""
    for region, other in permutations(REGIONS):
        await eventually(partial(season.shows_events_of, other, in_region=region), what=f"{region} shows {other}")

    await season.stack.kill("mirror")


async def empty_redis(season: Season, region: str) -> None:
    """Empty a region's Redis, which showed matches."""
    assert (await season.stored(region)).views

    async with Redis.from_url(season.stack.redis[region].url) as redis:
        await redis.flushall()


# --- the claims


async def claim_events_are_in_the_logs_once(season: Season) -> None:
    """Every event was accepted and is in its own log once; the mirror brought each of them, some repeatedly."""
    assert len(season.receipts) == EVENTS
    assert all(isinstance(receipt, Accepted) for receipt in season.receipts)
    accepted = Counter((receipt.match, *receipt.dot) for receipt in accepted_of(season.receipts))
    assert {1} == set(accepted.values())

    repeats = 0
    for origin, other in permutations(REGIONS):
        written = Counter(map(dot_of, await season.logged(origin, read_in=origin)))
        mirrored = Counter(map(dot_of, await season.logged(origin, read_in=other)))
        assert {dot: 1 for dot in accepted if dot[1].startswith(f"{origin}/")} == written
        assert written.keys() == mirrored.keys()
        repeats += mirrored.total() - written.total()
    assert repeats > 0, "a killed mirror sends again what it had not yet noted as sent"
    assert [await season.letters(region) for region in REGIONS] == [[], []]


async def claim_stores_are_as_the_file_says(season: Season) -> None:
    """Each region shows what the file says and what the oracle makes of the logs, and holds the same bytes."""
    told = states_in(SAMPLE)
    digests = set()
    for region in REGIONS:
        stored = await season.stored(region)
        events = [event for origin in REGIONS for event in await season.logged(origin, read_in=region)]
        assert told == stored.plain
        assert told == pool_state(events)
        assert accepted_clocks(season.receipts) == stored.clocks
        assert {0} == {view["@pending"] for view in stored.views.values()}
        assert told.keys() == stored.states.keys()
        digests.add(region_digest({match: digest(state) for match, state in stored.states.items()}))
    assert len(digests) == 1


def accepted_of(receipts: Sequence[Receipt]) -> list[Accepted]:
    """Those that say Accepted."""
    return [receipt for receipt in receipts if isinstance(receipt, Accepted)]


def accepted_clocks(receipts: Sequence[Receipt]) -> dict[str, dict[str, int]]:
    """Match -> the last number of each of its nodes."""
    clocks: dict[str, dict[str, int]] = {}
    for receipt in accepted_of(receipts):
        node, seq = receipt.dot
        clock = clocks.setdefault(receipt.match, {})
        clock[node] = max(seq, clock.get(node, 0))
    return clocks
