"""Guards that live in the store: who may write, and on top of what. Each is taken out of the in-memory twin, and of the
functions that run inside Redis.

The owners here are driven by hand, step by step, because the order of their writes is the scenario.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

import pytest

from dojopool.adapters import memory_store, redis_store
from dojopool.adapters.lua import DOJO_LIBRARY
from dojopool.games.loading import LoadedGame
from dojopool.games.pool import pool
from dojopool.ports import Batch, Outcome, StateStore, ViewReader
from dojopool.replica.loading import take_over
from dojopool.replica.partition import OwnedPartition
from guards.result import Guard, Patch, Result, oracle, seen
from guards.storing import eu_point
from support.hostile import NEWER, NODE
from support.pipeline import NOW_MS, POOL, Pipeline, Scorer

Copy = Callable[[], Awaitable[Callable[[], Awaitable[None]]]]
"""Copies what the store holds of partition 0, and returns what brings it back."""


class Owner:
    """One program that owns partition 0 of a pipeline's log."""

    def __init__(self, pipeline: Pipeline, store: StateStore, partition: OwnedPartition) -> None:
        self._pipeline, self._store, self._partition = pipeline, store, partition

    @classmethod
    async def claim(cls, pipeline: Pipeline, store: StateStore, loaded: LoadedGame = POOL) -> Owner:
        """Take the partition over."""
        async with pipeline.log.reader() as reader:
            config = pipeline.configured("owner")
            partition = await take_over(0, store=store, reader=reader, loaded=loaded, config=config)
        return cls(pipeline, store, partition)

    async def go_on(self) -> Outcome | None:
        """Read what is in the log, and write it; None when there was nothing."""
        for region, topic in self._pipeline.config.topics.items():
            records = self._pipeline.log.partition((topic, 0)).read(self._partition.next_offset(region))
            self._partition.feed(region, records)
        batch = self._partition.make_batch(NOW_MS)
        return None if batch is None else (await self._store.write(batch))[0]


async def an_older_owner_wakes_up(store: StateStore, views: ViewReader, copy: Copy) -> Result:
    """A replica of an older version lost its partition to one that knows more schemas, and does not know it."""
    pipeline, writer = Pipeline(), Scorer(NODE)
    first, (second, as_newer) = writer.points("m-1", 1), eu_point("m-1", 2)
    pipeline.append_raw((b"m-1", first), (b"m-1", as_newer))
    older = await Owner.claim(pipeline, store)
    await older.go_on()
    newer = await Owner.claim(pipeline, store, LoadedGame(pool, NEWER))
    await newer.go_on()
    writer.seqs["m-1"] = 2
    third = writer.points("m-1", 4)
    pipeline.append(third)
    await older.go_on()
    await newer.go_on()
    return Result(await seen(views, ["m-1"]), oracle([first, second, third]))


async def a_tail_of_writes_is_lost(store: StateStore, views: ViewReader, copy: Copy) -> Result:
    """The store falls back to a copy that has the same claim, and lacks a match."""
    pipeline, writer = Pipeline(), Scorer()
    first, second, third = writer.points("m-1", 1), writer.points("m-2", 2), writer.points("m-1", 4)
    owner = await Owner.claim(pipeline, store)
    pipeline.append(first)
    await owner.go_on()
    roll_back = await copy()
    pipeline.append(second)
    await owner.go_on()
    await roll_back()
    pipeline.append(third)
    if await owner.go_on() is not Outcome.APPLIED:
        await (await Owner.claim(pipeline, store)).go_on()
    return Result(await seen(views, ["m-1", "m-2"]), oracle([first, second, third]))


# --- on the in-memory twin


async def in_memory(scenario: Callable[[StateStore, ViewReader, Copy], Coroutine[Any, Any, Result]]) -> Result:
    """A scenario on the twin."""
    store = memory_store.MemoryStore(region="eu")

    async def copy() -> Callable[[], Awaitable[None]]:
        held = store.take_copy()

        async def roll_back() -> None:
            store.roll_back(held)

        return roll_back

    return await scenario(store, store, copy)


def without_epoch(patch: pytest.MonkeyPatch) -> None:
    """A batch is applied whoever claimed the partition since."""
    sound = memory_store._Partition.refusal

    def refusal(self: Any, batch: Batch) -> Outcome | None:
        claimed, self.epoch = self.epoch, batch.epoch
        try:
            return sound(self, batch)
        finally:
            self.epoch = claimed

    patch.setattr(memory_store._Partition, "refusal", refusal)


def without_expected_offsets(patch: pytest.MonkeyPatch) -> None:
    """A batch is applied on top of whatever is stored."""
    sound = memory_store._Partition.refusal

    def refusal(self: Any, batch: Batch) -> Outcome | None:
        found = sound(self, batch)
        return None if found is Outcome.MOVED else found

    patch.setattr(memory_store._Partition, "refusal", refusal)


# --- inside Redis


def _edited(piece: str, instead: str) -> Patch:
    """The functions with a piece of their source replaced, which must be there once."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        assert DOJO_LIBRARY.count(piece) == 1, f"the functions do not hold once: {piece}"
        monkeypatch.setattr(redis_store, "DOJO_LIBRARY", DOJO_LIBRARY.replace(piece, instead))

    return patch


GUARDS: Final = (
    Guard(
        "fencing by epoch",
        "a batch is applied only under the newest claim",
        "it is applied under any",
        "lost",
        "an older version that woke up overwrites what only the newer one can read, until that folds it anew",
        without_epoch,
        partial(in_memory, an_older_owner_wakes_up),
    ),
    Guard(
        "expected offsets",
        "a batch is applied only on top of the positions it was made for",
        "it is applied on top of any",
        "lost",
        "what a store lost in a failover is never read again",
        without_expected_offsets,
        partial(in_memory, a_tail_of_writes_is_lost),
    ),
)

REDIS_GUARDS: Final = (
    Guard(
        "fencing by epoch, in Redis",
        "a batch is applied only under the newest claim",
        "it is applied under any",
        "lost",
        "as in the twin: a replica of an older version overwrites what it cannot read",
        _edited("if stored[1] ~= epoch then", "if false then"),
        an_older_owner_wakes_up,
    ),
    Guard(
        "a new epoch for every claim, in Redis",
        "a claim raises the epoch",
        "it keeps the one that is stored",
        "lost",
        "as before: the older claim looks like the newest",
        _edited("math.max(stored + 1, at_least)", "stored > 0 and stored or at_least"),
        an_older_owner_wakes_up,
    ),
    Guard(
        "expected offsets, in Redis",
        "a batch is applied only on top of the positions it was made for",
        "it is applied on top of any",
        "lost",
        "as in the twin: what a store lost in a failover is never read again",
        _edited("return now ~= expected and 'MOVED' or nil", "return nil"),
        a_tail_of_writes_is_lost,
    ),
)
"""Their scenarios take a store, its reader, and how it is rolled back."""
