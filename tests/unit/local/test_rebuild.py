"""A partition is folded again beside the replica that owns it, and left alone when that would lose data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dojopool.adapters.memory_store import MemoryStore
from dojopool.client.config import ClientConfig
from dojopool.client.stamps import Stamps
from dojopool.client.status import RegionStatus
from dojopool.errors import CallerError, Refused, Unavailable
from dojopool.local.rebuild import Goal, forget, wait_until_served
from dojopool.ports import Head, StateStore
from support.pipeline import LoopClock, Pipeline, Scorer, passed
from support.virtual_time import in_virtual_time


async def forgotten(
    pipeline: Pipeline, *, log_is_right: bool = False, store: StateStore | None = None, regions: tuple[str, ...] = ()
) -> Goal:
    """Partition 0 of the pipeline, forgotten."""
    topics = {region: pipeline.config.topic_of(region) for region in regions or pipeline.regions}
    async with pipeline.log.reader() as reader:
        return await forget(
            0,
            store=store or pipeline.store,
            reader=reader,
            topics=topics,
            owner="operator",
            log_is_right=log_is_right,
        )


def status_of(pipeline: Pipeline) -> RegionStatus:
    """The status as a connection reads it."""
    config = ClientConfig("eu", pipeline.regions, pipeline.partitions, pipeline.prefix, "eu/reader#0")
    return RegionStatus(config, views=pipeline.store, clock=LoopClock(), stamps=Stamps(LoopClock()))


async def filled(pipeline: Pipeline) -> None:
    """Two events of each region in the log."""
    eu, us = Scorer(), Scorer("us/gs-2#b")
    pipeline.append(eu.points("m-1", 3), eu.points("m-1", 4))
    pipeline.append(us.points("m-1", 5), us.points("m-1", 6), region="us")


@in_virtual_time
async def test_the_owner_is_fenced_and_folds_the_partition_again() -> None:
    """Whatever was wrong in the stored state is gone: it is again what the logs say, under a later claim."""
    pipeline = Pipeline()
    await filled(pipeline)
    told: list[tuple[int, int]] = []
    async with pipeline.replica() as running:
        await pipeline.settled()
        before = await pipeline.states()
        [(_, first_epoch, _)] = running.facts.claimed
        goal = await forgotten(pipeline)
        assert await pipeline.states() == {}
        served = await wait_until_served(
            goal, status=status_of(pipeline), timeout_s=60, progress=lambda *done: told.append(done)
        )

        assert first_epoch < goal.epoch < served.epoch
        assert await pipeline.states() == before
        assert await pipeline.points("m-1") == 18
        assert served.owner == "replica-1"
        assert told[0] == (0, sum(goal.ends.values()))


@in_virtual_time
async def test_what_was_on_the_way_does_not_arrive_behind_the_reset() -> None:
    """A write of the former owner is refused, so that the state is never half old and half new."""
    pipeline = Pipeline()
    await filled(pipeline)
    async with pipeline.replica() as running:
        await pipeline.settled()
        await forgotten(pipeline)
        await passed(2)  # a mark of the former owner is written, and refused

        assert any("refused: fenced" in text for _, text in running.facts.failed)
        assert pipeline.stored() == {}
        await passed(5)
        assert pipeline.stored() != {}


async def stored_twice(pipeline: Pipeline) -> None:
    """Let a replica store everything, and stop."""
    await filled(pipeline)
    async with pipeline.replica():
        await pipeline.settled()


@in_virtual_time
async def test_a_log_without_its_beginning_leaves_the_partition_alone() -> None:
    """What was trimmed is in the stored state alone: nothing is claimed, nothing forgotten."""
    pipeline = Pipeline()
    await stored_twice(pipeline)
    before, epoch = await pipeline.states(), pipeline.store.take_copy().partitions[0].epoch
    async with pipeline.log.admin() as admin:
        await admin.trim((pipeline.config.topic_of("us"), 0), before=1)

    with pytest.raises(CallerError, match="log of us begins at offset 1"):
        await forgotten(pipeline, log_is_right=True)
    assert await pipeline.states() == before
    assert pipeline.store.take_copy().partitions[0].epoch == epoch


@in_virtual_time
async def test_a_log_that_lost_its_tail_needs_a_word_from_the_operator() -> None:
    """The state holds more than the log: only who says that the log is right loses the difference."""
    pipeline = Pipeline()
    await stored_twice(pipeline)
    before = await pipeline.states()
    pipeline.log.cut_tail((pipeline.config.topic_of("us"), 0), 1)

    with pytest.raises(CallerError, match="log of us, which ends at 1"):
        await forgotten(pipeline)
    assert await pipeline.states() == before
    await forgotten(pipeline, log_is_right=True)
    assert await pipeline.states() == {}


@in_virtual_time
async def test_a_region_that_is_not_told_is_not_lost() -> None:
    """A state that holds events of a region missing in DOJO_REGIONS is left alone."""
    pipeline = Pipeline()
    await stored_twice(pipeline)
    before = await pipeline.states()

    with pytest.raises(CallerError, match="region us, which is not in DOJO_REGIONS"):
        await forgotten(pipeline, regions=("eu",))
    assert await pipeline.states() == before


@in_virtual_time
async def test_a_claim_in_between_is_told() -> None:
    """Whoever claims between our claim and our reset keeps what is stored."""
    pipeline = Pipeline()
    await stored_twice(pipeline)
    before = await pipeline.states()
    reset = pipeline.store.reset

    async def claimed_before(partition: int, *, epoch: int) -> bool:
        await pipeline.store.claim(partition, owner="other")
        return await reset(partition, epoch=epoch)

    pipeline.store.reset = claimed_before  # type: ignore[method-assign]  # the moment in between
    with pytest.raises(Refused, match="claimed by another"):
        await forgotten(pipeline)
    assert await pipeline.states() == before


@in_virtual_time
async def test_without_a_replica_the_wait_ends() -> None:
    """The state is forgotten and nobody fills it: the error says both."""
    pipeline = Pipeline()
    await stored_twice(pipeline)
    goal = await forgotten(pipeline)

    with pytest.raises(Unavailable, match="is forgotten, and after 5 s no replica"):
        await wait_until_served(goal, status=status_of(pipeline), timeout_s=5, progress=lambda *_: None)


@in_virtual_time
async def test_a_stream_that_is_not_read_to_its_end_is_named() -> None:
    """Being taken over is not yet being served: who waits is told which stream is behind."""
    pipeline = Pipeline()
    status = b'{"at": 1, "marks": {}, "offsets": {"eu": 4, "us": 2}, "owner": "replica-1", "epoch": 8}'
    await pipeline.store.put_status({"0": status})
    goal = Goal(0, 7, {"eu": 4, "us": 3})
    told: list[tuple[int, int]] = []

    with pytest.raises(Unavailable, match=r"replica-1 is still folding it \(us at 2 of 3\)"):
        await wait_until_served(goal, status=status_of(pipeline), timeout_s=5, progress=lambda *done: told.append(done))
    assert told == [(6, 7)]
    assert asyncio.get_running_loop().time() >= 5


@in_virtual_time
async def test_what_was_said_before_the_reset_does_not_count() -> None:
    """The status of the former owner stays in the hash, with offsets that look as if all were done."""
    pipeline = Pipeline()
    status = b'{"at": 1, "marks": {}, "offsets": {"eu": 4, "us": 3}, "owner": "replica-1", "epoch": 6}'
    await pipeline.store.put_status({"0": status})

    with pytest.raises(Unavailable, match="no replica has stored anything new"):
        await wait_until_served(
            Goal(0, 7, {"eu": 4, "us": 3}), status=status_of(pipeline), timeout_s=5, progress=lambda *_: None
        )


class Working(MemoryStore):
    """A store whose owner stores one batch more just before it is fenced."""

    def __init__(self, last: Callable[[], Awaitable[None]]) -> None:
        super().__init__(region="eu")
        self._last: Callable[[], Awaitable[None]] | None = last

    async def claim(self, partition: int, *, owner: str) -> Head:
        """See `ports.StateStore`."""
        if owner == "operator" and self._last is not None:
            last, self._last = self._last, None
            await last()
        return await super().claim(partition, owner=owner)


@in_virtual_time
async def test_an_owner_at_work_is_no_log_that_lost_its_tail() -> None:
    """What is written and stored between the first look at the logs and the claim is part of both."""
    scorer, pipeline = Scorer("eu/gs-9#c"), Pipeline()

    async def goes_on() -> None:
        pipeline.append(scorer.points("m-1"))
        await pipeline.settled()

    pipeline.store = Working(goes_on)
    await filled(pipeline)
    async with pipeline.replica():
        await pipeline.settled()
        goal = await forgotten(pipeline)

    assert goal.ends["eu"] >= 3
