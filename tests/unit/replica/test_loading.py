"""Taking a partition over, on the in-memory log and store."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.core.cut import Position
from dojopool.errors import CorruptState, OffsetGone, Refused
from dojopool.games.loading import LoadedGame
from dojopool.ports import Batch, Head, MatchChange, Outcome
from dojopool.replica.loading import take_over
from dojopool.replica.partition import OwnedPartition
from support.pipeline import NOW_MS, POOL, Pipeline, Scorer


class Newer(LoadedGame):
    """The same game of another fold version."""

    @property
    def version(self) -> str:
        return "pool-2"


NEWER = Newer(POOL.game, POOL.codec)


@pytest.fixture
def pipeline() -> Pipeline:
    """Ten events and a mark in the log of eu, an event in that of us; no replica runs."""
    pipeline, scorer = Pipeline(), Scorer()
    pipeline.append(*(scorer.points("m-1") for _ in range(10)))
    pipeline.append_mark(1)
    pipeline.append(Scorer("us/gs-2#b").points("m-1"), region="us")
    return pipeline


async def taken(pipeline: Pipeline, *, loaded: LoadedGame = POOL, owner: str = "replica-1") -> OwnedPartition:
    """Take partition 0 over."""
    async with pipeline.log.reader() as reader:
        return await take_over(0, store=pipeline.store, reader=reader, loaded=loaded, config=pipeline.configured(owner))


async def store_everything(pipeline: Pipeline) -> OwnedPartition:
    """Take the partition over, read all of its log and store it."""
    partition = await taken(pipeline)
    for region, topic in pipeline.config.topics.items():
        partition.feed(region, pipeline.log.partition((topic, 0)).read(0))
    batch = partition.make_batch(NOW_MS)
    assert batch is not None
    assert (await pipeline.store.write(batch))[0] is Outcome.APPLIED
    return partition


async def test_an_empty_store_starts_from_the_beginning(pipeline: Pipeline) -> None:
    """With nothing stored and logs that are whole, everything is read from offset 0."""
    partition = await taken(pipeline)

    assert (partition.next_offset("eu"), partition.next_offset("us")) == (0, 0)
    assert (partition.expected, partition.fold.matches) == (None, {})


async def test_stored_state_is_loaded(pipeline: Pipeline) -> None:
    """The successor holds the same bytes and reads on at the last mark."""
    before = await store_everything(pipeline)
    after = await taken(pipeline, owner="replica-2")

    kind = POOL.game.kind
    assert after.fold.matches["m-1"].encode(kind) == before.fold.matches["m-1"].encode(kind)
    assert (after.next_offset("eu"), after.next_offset("us")) == (10, 1)
    assert after.epoch > before.epoch


async def test_a_state_of_another_version_is_forgotten(pipeline: Pipeline) -> None:
    """Another fold version starts from nothing, in the store too."""
    await store_everything(pipeline)
    partition = await taken(pipeline, loaded=NEWER)
    head = await pipeline.store.claim(0, owner="test")

    assert (partition.expected, partition.fold.matches, partition.next_offset("eu")) == (None, {}, 0)
    assert (head.positions, head.version) == (None, None)
    assert [chunk async for chunk in pipeline.store.states(0)] == []


@pytest.mark.parametrize("region", ["eu", "us"])
async def test_without_state_every_log_must_have_its_beginning(pipeline: Pipeline, region: str) -> None:
    """Where a log was trimmed and nothing is stored, nothing is served: the state would lack what is gone."""
    pipeline.log.partition((pipeline.config.topic_of(region), 0)).trim(1)

    with pytest.raises(OffsetGone, match=f"offset 0 of dojo.events.{region}/0 was wanted, the log holds 1 to"):
        await taken(pipeline)


async def test_a_state_of_another_version_is_kept_where_the_log_was_trimmed(pipeline: Pipeline) -> None:
    """Nothing is forgotten that cannot be read again: the version that wrote the state can still go on with it."""
    await store_everything(pipeline)
    pipeline.log.partition((pipeline.config.own_topic, 0)).trim(5)
    with pytest.raises(OffsetGone, match="offset 0"):
        await taken(pipeline, loaded=NEWER)
    partition = await taken(pipeline)

    assert list(partition.fold.matches) == ["m-1"]


@pytest.mark.parametrize("lost", [1, 2], ids=["the mark is left", "the mark too"])
async def test_a_log_that_lost_its_tail_is_noticed(pipeline: Pipeline, lost: int) -> None:
    """A log that ends below what is stored cannot be the one that the state came from."""
    pipeline.append_mark(2)
    scorer = Scorer("eu/gs-9#a")
    pipeline.append(scorer.points("m-9"))
    await store_everything(pipeline)
    pipeline.log.cut_tail((pipeline.config.own_topic, 0), lost)

    with pytest.raises(OffsetGone, match=f"was wanted, the log holds 0 to {13 - lost}"):
        await taken(pipeline)


async def test_a_log_that_was_trimmed_above_the_mark_is_noticed(pipeline: Pipeline) -> None:
    """Reading on needs the record of the last mark."""
    await store_everything(pipeline)
    pipeline.log.partition((pipeline.config.own_topic, 0)).trim(11)

    with pytest.raises(OffsetGone, match=r"offset 10 of .* was wanted, the log holds 11 to 11"):
        await taken(pipeline)


async def test_a_log_trimmed_below_the_mark_goes_on(pipeline: Pipeline) -> None:
    """With the state stored, what lies below its last mark is not needed."""
    await store_everything(pipeline)
    pipeline.log.partition((pipeline.config.own_topic, 0)).trim(10)

    assert list((await taken(pipeline)).fold.matches) == ["m-1"]


async def test_a_later_claim_wins(pipeline: Pipeline) -> None:
    """Whoever finds the partition claimed by another while it starts anew leaves it alone."""
    await store_everything(pipeline)
    loading = asyncio.ensure_future(taken(pipeline, loaded=NEWER))  # allowed: awaited three lines below
    await asyncio.sleep(0)  # its claim is on the way
    await pipeline.store.claim(0, owner="replica-2")

    with pytest.raises(Refused, match="partition 0 was claimed by another"):
        await loading
    assert pipeline.stored() != {}


async def test_damaged_state_is_refused(pipeline: Pipeline) -> None:
    """State that does not decode is named, not dropped."""
    head = await pipeline.store.claim(0, owner="test")
    positions = {"eu": Position(), "us": Position()}
    change = MatchChange("m-1", b"damaged", {})
    await pipeline.store.write(Batch(0, head.epoch, POOL.version, None, positions, [change], NOW_MS))

    with pytest.raises(CorruptState):
        await taken(pipeline)


async def test_the_head_is_what_the_claim_returned(pipeline: Pipeline) -> None:
    """The epoch of the claim is the one that batches will carry."""
    partition = await taken(pipeline)
    head: Head = await pipeline.store.claim(0, owner="test")

    assert partition.epoch < head.epoch
