"""Freshness ages by itself: silence of a replica or a region shows."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.client.config import ClientConfig
from dojopool.client.stamps import Stamps
from dojopool.client.status import RegionStatus
from dojopool.errors import ConfigError, CorruptState, Unavailable
from support.region import NODE, NOW_MS, PARTITIONS, Region
from support.virtual_time import in_virtual_time


def status_of(region: Region, *, regions: tuple[str, ...] = ("eu", "us")) -> RegionStatus:
    """The status as a connection in eu reads it."""
    config = ClientConfig(region="eu", regions=regions, partitions=PARTITIONS, prefix="dojo", node=NODE)
    stamps = Stamps(region.clock)
    return RegionStatus(config, views=region.store, clock=region.clock, stamps=stamps)


@pytest.mark.parametrize(("age_ms", "mode"), [(0, "healthy"), (5_000, "healthy"), (5_001, "local-only")])
async def test_a_region_is_heard_of_as_long_as_its_marks_are_young(age_ms: int, mode: str) -> None:
    """Five seconds without a mark of another region make the mode local-only."""
    region = Region()
    await region.put_marks(eu=NOW_MS, us=NOW_MS - age_ms)
    status = status_of(region)
    await status.refresh()

    assert status.mode == mode


async def test_the_newest_mark_of_any_partition_counts_for_the_region() -> None:
    """One partition that lags does not mean that a region is cut off; what lies in that partition is."""
    region = Region()
    await region.put_marks(eu=NOW_MS, us=NOW_MS - 60_000)
    await region.store.put_status({"2": b'{"at": 1, "marks": {"us": %d}}' % NOW_MS})
    status = status_of(region)
    await status.refresh()

    assert status.mode == "healthy"
    assert [status.mode_of(partition) for partition in range(PARTITIONS)] == [
        "local-only",
        "local-only",
        "healthy",
        "local-only",
    ]


@pytest.mark.parametrize("own_age_ms", [0, 3_600_000])
async def test_a_deployment_of_one_region_is_never_local_only(own_age_ms: int) -> None:
    """The own region's marks say nothing of links."""
    region = Region()
    await region.put_marks(eu=NOW_MS - own_age_ms)
    status = status_of(region, regions=("eu",))
    await status.refresh()

    assert status.mode == "healthy"


async def test_before_any_mark_other_regions_are_unheard_of() -> None:
    """An empty status, or one with the zero of "none read yet", is no sign of life."""
    region = Region()
    status = status_of(region)
    await status.refresh()
    assert status.mode == "local-only"

    await region.put_marks(eu=NOW_MS, us=0)
    await status.refresh()

    assert status.mode == "local-only"
    assert status.staleness_ms(0) == {"eu": 0, "us": None}


async def test_staleness_is_the_age_of_a_partitions_marks() -> None:
    """It grows while nothing new is read, is per partition, and is never below zero."""
    region = Region()
    await region.put_marks(eu=NOW_MS + 50, us=NOW_MS - 700)
    await region.store.put_status({"3": b'{"at": 1, "marks": {}}'})
    status = status_of(region)
    await status.refresh()
    assert status.staleness_ms(0) == {"eu": 0, "us": 700}
    assert status.staleness_ms(3) == {"eu": None, "us": None}

    region.clock.at_ms += 1_000
    assert status.staleness_ms(0) == {"eu": 950, "us": 1_700}


@in_virtual_time
async def test_silence_of_the_store_lets_the_facts_age() -> None:
    """While the status cannot be read, the mode follows from what was read last."""
    region = Region()
    await region.put_marks(eu=NOW_MS, us=NOW_MS)
    status = status_of(region)
    await status.refresh()
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(status.keep())
        region.store.stop_answering()
        region.clock.at_ms += 6_000
        await asyncio.sleep(1.5)  # of a clock that jumps: one look
        assert status.mode == "local-only"

        region.store.answer_again()
        await region.put_marks(eu=NOW_MS, us=NOW_MS + 6_000)
        await asyncio.sleep(1.0)  # of a clock that jumps: one look
        keeping.cancel()
    assert status.mode != "local-only"


async def test_the_first_look_says_that_the_store_does_not_answer() -> None:
    """Only later looks are forgiving."""
    region = Region()
    region.store.stop_answering()

    with pytest.raises(Unavailable):
        await status_of(region).refresh()


async def test_another_number_of_partitions_is_refused() -> None:
    """Events would land in partitions where no reader looks for their match."""
    region = Region()
    await region.store.put_status({"partitions": b"16"})

    with pytest.raises(ConfigError, match=r"works with 16 partitions, .* Set DOJO_PARTITIONS=16"):
        await status_of(region).refresh()


async def test_the_same_number_of_partitions_is_fine() -> None:
    """And the fields that are no partition are not taken for one."""
    region = Region()
    await region.store.put_status({"partitions": b"4", "region": b"eu", "version": b"pool-1-x"})
    await status_of(region).refresh()


@pytest.mark.parametrize("text", [b"", b"[]", b'{"at": 1, "marks": []}', b'{"at": 1, "marks": {"eu": "soon"}}', b"{}"])
async def test_a_status_that_no_replica_writes_is_reported(text: bytes) -> None:
    """Foreign data under the status key is named, not guessed at."""
    region = Region()
    await region.store.put_status({"1": text})

    with pytest.raises(CorruptState, match="status of partition 1"):
        await status_of(region).refresh()


async def test_the_own_regions_marks_guard_the_stamps() -> None:
    """A wall clock a day ahead of the region's newest mark does not stamp a day ahead."""
    region = Region()
    await region.put_marks(eu=NOW_MS, us=NOW_MS + 80_000_000)
    region.clock.at_ms += 86_400_000
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        await match.record_body("player_joined", {"player": "ana"})

    [event] = region.events("m-1")
    assert 10_000 <= (event.stamp >> 16) - NOW_MS < 20_000
