"""What is told of a region: from its owners, from the logs, and from what does not answer."""

from __future__ import annotations

import json

import pytest

from dojopool.client.config import ClientConfig
from dojopool.client.stamps import Stamps
from dojopool.client.status import RegionStatus
from dojopool.errors import ConfigError
from dojopool.local.overview import RegionReport, StreamReport, region_report, unreached
from support.pipeline import LoopClock, Pipeline, Scorer, passed
from support.virtual_time import in_virtual_time


async def look(pipeline: Pipeline, *, partitions: int | None = None) -> RegionReport:
    """The report of region eu."""
    count = partitions or pipeline.partitions
    config = ClientConfig("eu", pipeline.regions, count, pipeline.prefix, "eu/reader#0")
    clock = LoopClock()
    async with pipeline.log.reader() as reader:
        return await region_report(
            "eu",
            topics=pipeline.config.topics,
            partitions=count,
            status=RegionStatus(config, views=pipeline.store, clock=clock, stamps=Stamps(clock)),
            reader=reader,
            clock=clock,
        )


@in_virtual_time
async def test_a_region_at_work_is_good() -> None:
    """Everything is owned, read to the end and young, also the marks of the other region."""
    pipeline = Pipeline(partitions=2)
    for number in range(2):
        pipeline.append_mark(1, region="us", partition=number)
    async with pipeline.replica():
        for number in range(2):
            await pipeline.settled(partition=number)
        await passed(1.5)  # the status is written once a second
        report = await look(pipeline)

    assert report.is_good
    assert (report.mode, report.problems) == ("healthy", ())
    assert [partition.owner for partition in report.partitions] == ["replica-1", "replica-1"]
    assert all(partition.is_served for partition in report.partitions)
    [_, us] = report.partitions[1].streams
    assert us.origin == "us"
    assert (us.next_offset, us.end, us.lag_records) == (1, 1, 0)
    assert us.staleness_ms is not None
    assert us.staleness_ms > 0


@in_virtual_time
async def test_a_dead_replica_shows() -> None:
    """What it said last stays, with its age; what came since is the lag; the partition is not served."""
    pipeline = Pipeline()
    async with pipeline.replica():
        await passed(2.5)
    pipeline.append(Scorer().points("m-1"))
    before = await look(pipeline)
    await passed(6)
    report = await look(pipeline)

    assert before.partitions[0].is_served
    [partition] = report.partitions
    assert (partition.owner, partition.is_served) == ("replica-1", False)
    assert partition.written_ms is not None
    assert partition.written_ms > 5_000
    [stream, _] = partition.streams
    # Its last mark may have been stored behind the last status it wrote.
    assert stream.next_offset is not None
    assert stream.end is not None
    assert stream.lag_records == stream.end - stream.next_offset >= 1
    assert not report.is_good
    assert "nobody serves partition 0: see that replicas run in eu" in report.problems[0]


@in_virtual_time
async def test_a_partition_that_was_never_stored_has_no_owner() -> None:
    """Nothing is made up for it: no offset, no lag, no age; how much there is to read is known."""
    pipeline = Pipeline(partitions=2)
    pipeline.append_mark(1, partition=1)
    report = await look(pipeline)

    assert report.partitions[1].owner is None
    assert report.partitions[1].written_ms is None
    assert report.partitions[1].streams[0] == StreamReport("eu", None, 1, None, None)
    assert report.mode == "local-only"
    assert "nobody serves partitions 0, 1" in report.problems[0]


@in_virtual_time
async def test_a_silent_log_is_a_line_in_the_report() -> None:
    """What the owners said is shown all the same, without the lag that nobody knows."""
    pipeline = Pipeline(regions=("eu",))
    async with pipeline.replica():
        await passed(2.5)
    pipeline.log.stop_answering()
    report = await look(pipeline)

    assert not report.is_reached
    assert not report.is_good
    assert report.mode == "healthy"
    assert report.partitions[0].streams[0].lag_records is None
    assert report.partitions[0].streams[0].next_offset is not None
    assert "has not answered" in report.problems[0]


@in_virtual_time
async def test_a_silent_store_leaves_nothing_to_tell() -> None:
    """Without the status there is no mode; the reason is in the report."""
    pipeline = Pipeline()
    pipeline.store.stop_answering()
    report = await look(pipeline)

    assert report == unreached("eu", *report.problems)
    assert report.mode is None
    assert not report.is_good
    assert len(report.problems) == 1


@in_virtual_time
async def test_the_status_of_an_older_release_is_read() -> None:
    """It names no owner and no offsets, and is not guessed at."""
    pipeline = Pipeline()
    now_ms = LoopClock().now_ms()
    status = json.dumps({"at": now_ms, "marks": {"eu": now_ms, "us": now_ms}}).encode()
    await pipeline.store.put_status({"0": status})
    report = await look(pipeline)

    assert (report.mode, report.partitions[0].owner, report.partitions[0].is_served) == ("healthy", None, True)
    assert report.partitions[0].streams[0].next_offset is None


@in_virtual_time
async def test_another_number_of_partitions_is_an_error() -> None:
    """A report by a wrong number would be wrong as a whole."""
    pipeline = Pipeline(partitions=2)
    await pipeline.store.put_status({"partitions": b"2"})

    with pytest.raises(ConfigError, match="DOJO_PARTITIONS=2"):
        await look(pipeline, partitions=1)


@in_virtual_time
async def test_one_partition_that_is_cut_off_shows() -> None:
    """The region as a whole is heard of in another partition; all is well only when all partitions are."""
    pipeline = Pipeline(partitions=2)
    now_ms = LoopClock().now_ms()
    whole = json.dumps({"at": now_ms, "marks": {"eu": now_ms, "us": now_ms}}).encode()
    cut = json.dumps({"at": now_ms, "marks": {"eu": now_ms, "us": now_ms - 60_000}}).encode()
    await pipeline.store.put_status({"0": whole, "1": cut})
    report = await look(pipeline)

    assert report.mode == "healthy"
    assert not report.is_good
    assert "no young mark of another region in partition 1 of eu" in report.problems[0]
