"""The lane of one partition: records in, letters written, batches stored, one write on the way at a time.

While a batch is being written the next records are already folded; the batch they make is sent only once the last one
was applied, because its expected positions are the last one's. A refused write means that the fold is ahead of a
store that never saw it: the lane is lost and its partition must be taken over anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import stamina

from dojopool.core.record import Record
from dojopool.core.streams import Fed
from dojopool.errors import Refused, StreamBroken, Unavailable
from dojopool.ports import Batch, BatchFacts, Clock, Observer, Outcome, StateStore
from dojopool.replica.letters import DeadLetters
from dojopool.replica.partition import OwnedPartition

BATCH_RECORDS_MAX: Final = 8_000
"""Records of one stream folded before a write: bounds a call of the store to a few milliseconds, and the time without a
heartbeat."""

WRITE_WAIT_S_MAX: Final = 2.0
"""Longest pause between two tries of a write whose outcome is unknown."""


@dataclass(slots=True)
class Lane:
    """One partition on its way from records to the store. Used by one task."""

    partition: OwnedPartition
    topics: Mapping[str, str]
    store: StateStore
    letters: DeadLetters
    clock: Clock
    observer: Observer
    tasks: asyncio.TaskGroup
    """Owns the writes."""
    left: dict[str, Sequence[Record]] = field(default_factory=dict)
    """Records that were read and not folded, because their stream is full."""
    stored: dict[str, int] = field(default_factory=dict)
    """Next offset per region that is known to be stored."""
    on_the_way: asyncio.Task[Outcome] | None = None
    """The write that was sent last, until it is settled."""

    async def take(self, read: Mapping[str, Sequence[Record]], *, ends: Mapping[str, int | None]) -> None:
        """Fold and store the next records of each region's stream, behind those left over.

        What does not fit stays in `left`. Raises Refused when the lane is lost.
        """
        queues = {region: [*self.left.pop(region, ()), *read.get(region, ())] for region in {*self.left, *read}}
        while queues:
            pieces = {region: queue[:BATCH_RECORDS_MAX] for region, queue in queues.items()}
            consumed = await self._fold_and_write(pieces, ends)
            for region, count in consumed.items():
                rest = queues[region][count:]
                if count == len(pieces[region]) and rest:
                    queues[region] = rest
                    continue
                del queues[region]
                if rest and region not in self.partition.broken:
                    self.left[region] = rest

    async def settle(self) -> None:
        """Wait for the write on the way. Raises Refused when the store did not take it."""
        if self.on_the_way is None:
            return
        outcome = await self.on_the_way
        self.on_the_way = None
        if outcome in (Outcome.FENCED, Outcome.MOVED):
            raise Refused(f"a write to partition {self.partition.number} was refused: {outcome.value}")

    async def _fold_and_write(
        self, pieces: Mapping[str, Sequence[Record]], ends: Mapping[str, int | None]
    ) -> dict[str, int]:
        """Fold one piece of each stream and send what changed. Returns how many records of each were consumed."""
        now = asyncio.get_running_loop().time
        started = now()
        total, consumed = Fed(), {}
        for region, records in pieces.items():
            fed = self._feed(region, records)
            consumed[region] = fed.records
            _add(total, fed)
            await self.letters.write(self.topics[region], self.partition.number, fed.letters)
        batch = self.partition.make_batch(self.clock.now_ms())
        folded = now()
        await self.settle()
        if batch is not None:
            facts = self._facts(batch, total, ends, fold_s=folded - started)
            self.on_the_way = self.tasks.create_task(self._send(batch, facts))
        return consumed

    def _feed(self, region: str, records: Sequence[Record]) -> Fed:
        try:
            return self.partition.feed(region, records)
        except StreamBroken as error:
            self.observer.partition_failed(self.partition.number, error=error)
            return Fed()

    async def _send(self, batch: Batch, facts: BatchFacts) -> Outcome:
        """Write a batch, again while its outcome is unknown: the store recognises a repeat by its positions."""
        now = asyncio.get_running_loop().time
        started = now()
        async for attempt in stamina.retry_context(
            on=Unavailable, attempts=None, timeout=None, wait_max=WRITE_WAIT_S_MAX
        ):
            with attempt:
                outcome, _ = await self.store.write(batch)
        if outcome in (Outcome.APPLIED, Outcome.ALREADY_STORED):
            self.stored.update({region: position.next_offset for region, position in batch.positions.items()})
            self.observer.batch_applied(facts, write_s=now() - started)
        return outcome

    def _facts(self, batch: Batch, fed: Fed, ends: Mapping[str, int | None], *, fold_s: float) -> BatchFacts:
        fold = self.partition.fold
        return BatchFacts(
            partition=batch.partition,
            records=fed.records,
            events=fed.delivered,
            duplicates=fed.duplicates,
            waited=fed.waited,
            equivocations=len(fed.equivocations),
            matches=len(batch.changes),
            letters=len(fed.letters),
            waiting=sum(fold.waiting(region) for region in batch.positions),
            fold_s=fold_s,
            lag_records={
                region: max(0, (ends.get(region) or 0) - position.next_offset)
                for region, position in batch.positions.items()
            },
            mark_time_ms=self.partition.mark_times_ms(),
        )


def _add(total: Fed, fed: Fed) -> None:
    total.records += fed.records
    total.delivered += fed.delivered
    total.duplicates += fed.duplicates
    total.waited += fed.waited
    total.equivocations += fed.equivocations
    total.letters += fed.letters
