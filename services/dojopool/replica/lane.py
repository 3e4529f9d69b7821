"""The lane of one partition: records in, letters written, batches stored, in order, one write on the way at a time.

While a batch is being written the next records are already folded; the batch they make is sent only once the last one
was applied, because its expected positions are the last one's. A refused write means that the fold is ahead of a
store that never saw it: the lane is lost and its partition must be taken over anew.

How records come in is `intake`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final

from dojopool.core.cut import Position
from dojopool.core.record import Record
from dojopool.core.streams import Fed, Letter
from dojopool.errors import CorruptState, EnvironmentFault, Refused, StoreMoved, Unavailable
from dojopool.ports import Batch, BatchFacts, Clock, Observer, Outcome, StateStore
from dojopool.replica.failpoints import OFF, Failpoints
from dojopool.replica.intake import Intake
from dojopool.replica.letters import DeadLetters
from dojopool.replica.links import sampled
from dojopool.replica.partition import OwnedPartition
from dojopool.replica.patience import until_done

WRITE_WAIT_S_MAX: Final = 2.0
"""Longest pause between two tries of a write whose outcome is unknown."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one round of folding has to send."""

    batch: Batch | None
    facts: BatchFacts
    letters: Mapping[str, Sequence[Letter]]
    """By the region of the stream; written before the batch."""


@dataclass
class Lane(Intake):
    """One partition on its way from records to the store. Used by one task."""

    partition: OwnedPartition
    topics: Mapping[str, str]
    store: StateStore
    letters: DeadLetters
    clock: Clock
    observer: Observer
    tasks: asyncio.TaskGroup
    """Owns the writes."""
    failpoints: Failpoints = OFF
    left: dict[str, Sequence[Record]] = field(default_factory=dict)
    """Records that were read and not folded, by region: their stream is full, or the lane is busy."""
    stored: Mapping[str, Position] = field(default_factory=dict)
    """The positions this lane stored last; empty before the first write."""
    stored_at_ms: int = 0
    """When the batch stored last was made; 0 before the first write."""
    trouble: str | None = None
    """Why what is on the way is being tried again."""
    lost: EnvironmentFault | None = None
    """Why nothing can be stored any more; the partition must be taken over anew."""
    batches_stored: int = 0
    """How many batches of the partition are stored."""
    writes: tuple[asyncio.Task[None], ...] = ()
    """What was sent last and what was sent before it, which it waits for."""

    @property
    def watcher(self) -> Observer:
        return self.observer

    async def _loaded(self, pieces: Mapping[str, Sequence[Record]]) -> bool:
        """Make room for the matches of these records and load those that were forgotten; whether all are there now.

        Here and nowhere else are matches forgotten, so that none is between being loaded and being folded.
        """
        cache = self.partition.cache
        cache.shrink(stored=self.batches_stored)
        absent = cache.absent(pieces.values())
        if absent:
            try:
                cache.load((await self.store.states_of(self.partition.number, absent)).items())
            except Unavailable as error:
                self._failed(error)
                return False
            except CorruptState as error:
                self.lost = Refused(f"a match of partition {self.partition.number} cannot be loaded again: {error}")
                return False
            self.trouble = None
        return True

    async def _fold_and_send(
        self, pieces: Mapping[str, Sequence[Record]], ends: Mapping[str, int | None]
    ) -> dict[str, int]:
        """Fold one piece of each stream and send what changed. Returns how many records of each were consumed."""
        now = asyncio.get_running_loop().time
        started = now()
        fed = await self._feed(pieces)
        batch = self.partition.make_batch(self.clock.now_ms())
        letters = {region: done.letters for region, done in fed.items() if done.letters}
        if batch is not None or letters:
            facts = self._facts(batch, pieces, fed, ends, began_s=started)
            before = self.writes[-1:]
            self.writes = (*before, self.tasks.create_task(self._send(Parcel(batch, facts, letters), before)))
        return {region: done.records for region, done in fed.items()}

    async def _send(self, parcel: Parcel, before: Collection[asyncio.Task[None]]) -> None:
        """Write the letters, then the batch, unless what was sent before was not stored."""
        if before:
            await asyncio.wait(before)
        self.failpoints.reach("folded")
        for region, letters in parcel.letters.items():
            if self.lost is None:
                await self.letters.write(self.topics[region], self.partition.number, letters, failed=self._failed)
                self.trouble = None
                self.failpoints.reach("lettered")
        if self.lost is None and parcel.batch is not None:
            await self._store(parcel.batch, parcel.facts)

    async def _store(self, batch: Batch, facts: BatchFacts) -> None:
        """Write a batch, again while its outcome is unknown: the store recognises a repeat by its positions."""
        now = asyncio.get_running_loop().time
        started = now()
        try:
            outcome, _ = await until_done(
                lambda: self.store.write(batch),
                doing=f"writing a batch of partition {batch.partition}",
                on=Unavailable,
                wait_s_max=WRITE_WAIT_S_MAX,
                failed=self._failed,
            )
        except CorruptState as error:  # the positions stored are not ours, nor anything we can read
            self.lost = Refused(f"a write to partition {batch.partition} was refused: {error}")
            return
        self.failpoints.reach("written")
        self.trouble = None
        if outcome in (Outcome.FENCED, Outcome.MOVED):
            kind = StoreMoved if outcome is Outcome.MOVED else Refused
            self.lost = kind(f"a write to partition {batch.partition} was refused: {outcome.value}")
            return
        self.stored, self.stored_at_ms = batch.positions, batch.at_ms
        self.batches_stored += 1
        self.observer.batch_applied(facts, write_s=now() - started)

    def _facts(
        self,
        batch: Batch | None,
        pieces: Mapping[str, Sequence[Record]],
        read: Mapping[str, Fed],
        ends: Mapping[str, int | None],
        *,
        began_s: float,
    ) -> BatchFacts:
        fold, positions, fed = self.partition.fold, self.partition.streams.positions, read.values()
        traced = 0
        links: tuple[bytes, ...] = ()
        if most := self.observer.links_max:
            consumed = chain.from_iterable(islice(pieces[region], done.records) for region, done in read.items())
            traced, links = sampled(consumed, most=most)
        return BatchFacts(
            partition=self.partition.number,
            records=sum(done.records for done in fed),
            events=sum(done.delivered for done in fed),
            duplicates=sum(done.duplicates for done in fed),
            waited=sum(done.waited for done in fed),
            equivocations=sum(len(done.equivocations) for done in fed),
            matches=0 if batch is None else len(batch.changes),
            letters=sum(len(done.letters) for done in fed),
            waiting=sum(fold.waiting(region) for region in positions),
            fold_s=asyncio.get_running_loop().time() - began_s,
            lag_records=self._lag_records(ends),
            mark_time_ms={region: position.mark_time_ms for region, position in positions.items()},
            gaps=fold.gaps(),
            began_s=began_s,
            oldest_ms={region: pieces[region][0].timestamp for region, done in read.items() if done.records},
            traced=traced,
            links=links,
        )
