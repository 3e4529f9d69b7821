"""Guards of a partition's owner: taking over, writing under the claim, and letters."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import pytest

from dojopool.errors import Unavailable
from dojopool.game import Game
from dojopool.games.loading import LoadedGame
from dojopool.games.pool import pool
from dojopool.ports import Batch, BatchFacts, Outcome
from dojopool.replica import loading
from dojopool.replica.lane import Lane, Parcel
from guards.reading import QUIET_S, read_through
from guards.result import Guard, Result, oracle, seen
from support.hostile import NEWER, NODE, newer_points
from support.pipeline import Pipeline, Scorer, passed


def without_load(patch: pytest.MonkeyPatch) -> None:
    """A claim goes on from the stored positions, with nothing in memory."""

    async def load(partition: object, store: object, failpoints: object) -> None:
        pass

    patch.setattr(loading, "_load", load)


async def a_partition_changes_hands() -> Result:
    """One replica stores five events and stops; another goes on."""
    pipeline, eu = Pipeline(), Scorer()
    values = [eu.points("m-1", 1 << place) for place in range(6)]
    pipeline.append(*values[:5])
    await read_through(pipeline)
    pipeline.append(values[5])
    await read_through(pipeline, owner="replica-2")
    return Result(await seen(pipeline.store, ["m-1"]), oracle(values))


def without_fold_version(patch: pytest.MonkeyPatch) -> None:
    """State is taken over whatever the schemas were that it was folded with."""
    patch.setattr(Game, "fold_version", lambda self, schemas: self.name)


async def a_schema_arrives() -> Result:
    """Of three events the second is of a schema that only the next program knows."""
    pipeline, eu = Pipeline(), Scorer(NODE)
    first, _, third = (eu.points("m-1", points) for points in (1, 1, 4))
    same, as_newer = eu_point("m-1", 2)
    records = ((b"m-1", value) for value in (first, as_newer, third))
    pipeline.append_raw(*records)
    await read_through(pipeline)
    async with pipeline.replica("replica-2", loaded=LoadedGame(pool, NEWER)):
        await passed(QUIET_S)
    return Result(await seen(pipeline.store, ["m-1"]), oracle([first, same, third]))


def eu_point(match: str, seq: int) -> tuple[bytes, bytes]:
    """A point of NODE as today's schema writes it, for the oracle, and as a newer one does."""
    writer = Scorer(NODE)
    writer.seqs[match] = seq - 1
    return writer.points(match), newer_points(match, seq)


def without_drop_of_refused_cache(patch: pytest.MonkeyPatch) -> None:
    """A batch that was refused is sent again on top of what is stored instead."""

    async def store(self: Lane, batch: Batch, facts: BatchFacts) -> None:
        outcome, head = await self.store.write(batch)
        if outcome is Outcome.MOVED:
            epoch = head.epoch or self.partition.epoch
            await self.store.write(replace(batch, expected=head.positions, epoch=epoch))
        self.stored = batch.positions

    patch.setattr(Lane, "_store", store)


async def a_store_fails_over() -> Result:
    """The store falls back to a copy from before one of two matches began."""
    pipeline, eu = Pipeline(), Scorer()
    first, second, third = eu.points("m-1", 1), eu.points("m-2", 2), eu.points("m-1", 4)
    async with pipeline.replica():
        pipeline.append(first)
        await passed(QUIET_S)
        copy = pipeline.store.take_copy()
        pipeline.append(second)
        await passed(QUIET_S)
        pipeline.store.roll_back(copy)
        pipeline.append(third)
        await passed(2 * QUIET_S)
    return Result(await seen(pipeline.store, ["m-1", "m-2"]), oracle([first, second, third]))


def without_letter_first(patch: pytest.MonkeyPatch) -> None:
    """The batch that skips a record is stored before the record's letter is written."""

    async def send(self: Lane, parcel: Parcel, before: tuple[asyncio.Task[None], ...]) -> None:
        if before:
            await asyncio.wait(before)
        if parcel.batch is not None:
            await self._store(parcel.batch, parcel.facts)
        for region, letters in parcel.letters.items():
            await self.letters.write(self.topics[region], self.partition.number, letters, failed=self._failed)

    patch.setattr(Lane, "_send", send)


async def a_crash_while_letters_cannot_be_written() -> Result:
    """The topic of letters does not answer, and the replica dies; the next one finds both well."""
    pipeline = Pipeline()
    topic = pipeline.config.letters_topic
    pipeline.append_raw((b"m-1", b"damaged"))
    pipeline.log.fail_next_append(stored=False, topic=topic, times=1_000)
    async with pipeline.replica() as running:
        await passed(QUIET_S)
        running.is_judged = True
        running.task.cancel()
        await asyncio.wait([running.task])
    while pipeline.log.take_fault(topic) is not None:
        pass
    await read_through(pipeline, owner="replica-2")
    letters = {(0, (letter.key or b"").decode()): letter.value for letter in pipeline.letters()}
    return Result(letters, {(0, "dojo.events.eu/0/0"): b"damaged"})


def without_retry_of_a_write(patch: pytest.MonkeyPatch) -> None:
    """A write without an answer counts as written, and what comes next is put on top of whatever is stored."""

    async def store(self: Lane, batch: Batch, facts: BatchFacts) -> None:
        try:
            outcome, head = await self.store.write(batch)
            if outcome is Outcome.MOVED:
                await self.store.write(replace(batch, expected=head.positions))
        except Unavailable as error:
            self._failed(error)
        self.stored = batch.positions

    patch.setattr(Lane, "_store", store)


async def a_write_is_not_answered() -> Result:
    """The batch with a match's only event never reaches the store."""
    pipeline, eu = Pipeline(), Scorer()
    first, second = eu.points("m-1", 1), eu.points("m-2", 2)
    async with pipeline.replica():
        await passed(QUIET_S)
        pipeline.store.fail_next_write(applied=False)
        pipeline.append(first)
        await passed(QUIET_S)
        pipeline.append(second)
        await passed(QUIET_S)
    return Result(await seen(pipeline.store, ["m-1", "m-2"]), oracle([first, second]))


GUARDS: Final = (
    Guard(
        "load on claim",
        "a new owner loads the stored state before it reads on",
        "it starts from nothing at the stored positions",
        "lost",
        "the first event it folds overwrites the match",
        without_load,
        a_partition_changes_hands,
    ),
    Guard(
        "fold version",
        "state folded with other schemas is folded anew",
        "it is taken over",
        "lost",
        "records that were held for their schema stay held, though the program knows it now",
        without_fold_version,
        a_schema_arrives,
    ),
    Guard(
        "drop of a refused cache",
        "a refused batch means that the partition is taken over anew",
        "it is sent again with the positions that the store has",
        "lost",
        "what the store forgot is never read again",
        without_drop_of_refused_cache,
        a_store_fails_over,
    ),
    Guard(
        "retry of a write",
        "a batch without an answer is sent until there is one",
        "it counts as stored",
        "lost",
        "what was in it and does not change again never appears",
        without_retry_of_a_write,
        a_write_is_not_answered,
    ),
    Guard(
        "letter before batch",
        "a letter is acknowledged before the batch that skips its record is stored",
        "the batch is stored first",
        "lost",
        "a crash in between leaves a record that is neither in the state nor among the letters",
        without_letter_first,
        a_crash_while_letters_cannot_be_written,
    ),
)
