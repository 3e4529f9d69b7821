"""One owned partition: its fold, the claim it is held under, and what is known to be stored.

Positions and states are written together, and only if what is stored now is what this process believes. The belief is
`expected`; it moves when a batch is *made*, so that the next batch can be folded while the last one is being written.
When a write turns out refused, the fold is ahead of a store that never saw it: the whole object is thrown away.

Going on from stored positions starts at the last mark, not behind it. The record there must be that mark, which proves
that this is the log the state came from, and that it did not lose its tail and grow again: whatever was appended behind
the mark is read, and what was read before is a duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dojopool.core.cut import Mark, Position
from dojopool.core.record import Record
from dojopool.core.streams import Fed, Streams
from dojopool.errors import RefusedRecord, StreamBroken
from dojopool.games.loading import LoadedGame
from dojopool.ports import Batch, Head
from dojopool.replica.cache import MatchCache
from dojopool.replica.rendering import render


class OwnedPartition:
    """A claimed partition. Owned by one task."""

    def __init__(self, number: int, head: Head, loaded: LoadedGame, *, partitions: int, regions: Sequence[str]) -> None:
        """`head` is what the claim returned; without positions, everything is read from the beginning."""
        self.number = number
        self.epoch = head.epoch
        self.fold = loaded.new_fold()
        self.streams = Streams(self.fold, partition=number, partitions=partitions, regions=regions)
        self.cache = MatchCache(self.fold)
        self.batches = 0
        """Batches made; the number of the last one."""
        self.broken: dict[str, str] = {}
        """Regions whose stream must not be read further, with the reason."""
        self.expected: Mapping[str, Position] | None = head.positions
        self._kind, self._version = loaded.game.kind, loaded.version
        self._unproven: dict[str, Position] = {}
        for region, stored in (head.positions or {}).items():
            if region in self.streams.positions and stored.tick:
                self._unproven[region] = stored
                self.streams.positions[region] = replace(stored, next_offset=stored.mark_offset)
            elif region in self.streams.positions:
                self.streams.positions[region] = stored

    def next_offset(self, region: str) -> int:
        """Where to read `region`'s stream on."""
        return self.streams.positions[region].next_offset

    def feed(self, region: str, records: Sequence[Record], fed: Fed | None = None) -> Fed:
        """Take in the next records of a stream; what became of them is added to `fed` when given.

        Raises StreamBroken, and remembers it in `broken`; what came before is in `fed` then.
        """
        assert region not in self.broken, f"the stream of {region} is broken: nothing behind the break may be read"
        try:
            if records:
                self._prove(region, records[0])
            return self.streams.feed(region, records, fed)
        except StreamBroken as error:
            self.broken[region] = str(error)
            raise

    def make_batch(self, at_ms: int) -> Batch | None:
        """What changed since the last batch, None when nothing was read; from now on it counts as stored."""
        positions = dict(self.streams.positions)
        if positions == self.expected:
            return None
        changed = self.fold.take_changed()
        changes = [
            render(match_id, self.fold.matches[match_id], self._kind, fields=fields, at_ms=at_ms)
            for match_id, fields in changed.items()
        ]
        self.batches += 1
        self.cache.note_written(changed, batch=self.batches)
        batch = Batch(
            partition=self.number,
            epoch=self.epoch,
            version=self._version,
            expected=self.expected,
            positions=positions,
            changes=changes,
            at_ms=at_ms,
        )
        self.expected = positions
        return batch

    def proof_fault(self, region: str, stored: Position, found: Record) -> StreamBroken | None:
        """None when `found` is the mark that `stored` names, else what is wrong: the log is another one."""
        try:
            read = self.fold.read(found.value or b"")
        except RefusedRecord as refusal:
            read = None
            says = f"a record that is none ({refusal})"
        else:
            says = f"mark {read.tick}" if isinstance(read, Mark) else f"an event ({read})"
        if isinstance(read, Mark) and read.tick == stored.tick and found.offset == stored.mark_offset:
            return None
        return StreamBroken(
            f"the state of partition {self.number} contains mark {stored.tick} of region {region} at offset"
            f" {stored.mark_offset}, but the log has {says} at offset {found.offset}: the log was replaced or lost"
            " its tail. Restore the log, or rebuild this partition once the log is known to be right"
        )

    def _prove(self, region: str, first: Record) -> None:
        """Raise StreamBroken unless `first`, the first record read of a stream, is the mark its state ends with."""
        stored = self._unproven.pop(region, None)
        if stored is not None and (fault := self.proof_fault(region, stored, first)) is not None:
            raise fault
