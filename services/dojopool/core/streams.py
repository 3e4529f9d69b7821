"""The streams of one partition: records in log order, judged and fed to the fold.

Each record is one of: an event, a mark, something to hold until its schema is known, or a dead letter. The verdict
depends on the record's bytes, its topic and partition and the fold version alone, so every region decides alike. A
letter whose envelope is sound is also delivered, without its writes, so that its node is not blocked for ever.

Bound. What waits for causal predecessors is limited per stream. At the limit `feed` stops in front of the next
record; the other streams go on, which is what can free it. Of events that the SDK wrote, not all can be full for ever:
every writer reads and writes in one region, so whatever an event waits for was in some log before that event was
written, and two streams cannot each wait for what lies behind the other's stopping point. Records of unknown schema
wait too, for a newer program; and a hole in a foreign writer's counters can only be filled by that writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from dojopool.core.clock.hybrid import LOGICAL_BITS
from dojopool.core.cut import Mark, Position
from dojopool.core.event import Event, RefusedBody
from dojopool.core.fold import Fold, Tally
from dojopool.core.names import match_fault, region_of
from dojopool.core.partition import partition_of
from dojopool.core.record import Record
from dojopool.errors import MisplacedRecord, RefusedRecord, UnknownSchema

WAITING_MAX = 10_000
"""Events of one stream that may wait in one partition. At the usual 100 bytes an event that is a megabyte. Not Final,
which would be built into compiled code: tests lower it.
"""

WAITING_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of those events. All of them may be of one match, whose state is stored as one value with what waits in it: so
many bytes of each region stay far below the 512 MiB that Redis takes. Not Final, as above.
"""


class LetterKind(Enum):
    """What is wrong with a record, in one of few words, for counting."""

    UNDECODABLE = "undecodable"
    """Its bytes are no event and no mark."""
    MISPLACED = "misplaced"
    """Its key, partition or stream is not its own."""
    UNKNOWN_SCHEMA = "unknown_schema"
    """It is held until its schema is known."""
    REFUSED_BODY = "refused_body"
    """Its body breaks the schema's rules, or its reducer raised; it counts as an event that wrote nothing."""


AHEAD_MS_MAX: Final = 60_000
"""How far an event may be stamped ahead of the next mark of its stream: clocks kept in step differ by far less."""

EARLY_MAX: Final = 1_000
"""Events of one stream that wait for that mark; more are not looked at, and the first tell whose clock it is."""

STAMP_UNKNOWN: Final = 1 << 62
"""No event is stamped later; the limit before the first mark."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that cannot be used, and why."""

    record: Record
    kind: LetterKind
    reason: str


@dataclass(slots=True)
class Fed(Tally):
    """What feeding one run of records did."""

    records: int = 0
    """Records consumed, from the first; fewer than were given when the stream is full."""
    letters: list[Letter] = field(default_factory=list)
    ahead: list[Event] = field(default_factory=list)
    """Events stamped too far ahead of their region's marks. They count as any other."""


class Streams:
    """How far each stream of a partition was read, and the judge of its records."""

    def __init__(self, fold: Fold, *, partition: int, partitions: int, regions: Iterable[str]) -> None:
        self.fold = fold
        self.partition = partition
        self.positions: dict[str, Position] = {region: Position() for region in regions}
        self._partitions = partitions
        self._stamps_max: dict[str, int] = dict.fromkeys(self.positions, STAMP_UNKNOWN)
        self._early: dict[str, list[Event]] = {region: [] for region in self.positions}
        """Events stamped long after the last mark, until the next one tells whether it was the marks that were late."""

    def is_full(self, region: str) -> bool:
        """Whether `region`'s stream must not be read further before another stream has delivered."""
        fold = self.fold
        return fold.waiting(region) >= WAITING_MAX or fold.waiting_bytes(region) >= WAITING_BYTES_MAX

    def feed(self, region: str, records: Sequence[Record], fed: Fed | None = None) -> Fed:
        """Take in records of `region`'s stream, which must be the next ones in log order. Adds to `fed` when given.

        Raises StreamBroken at a mark that skips a tick; what came before it is in the state then, and in `fed`, and the
        position in front of it.
        """
        fed = Fed() if fed is None else fed
        position = self.positions[region]
        offset = position.next_offset
        taken, waited = 0, -1
        try:
            for record in records:
                if fed.waited != waited:  # only a record that had to wait can fill the stream
                    waited = fed.waited
                    if self.is_full(region):
                        break
                mark = self._take(region, record, fed)
                if mark is not None:
                    position = position.marked(mark, record.offset)
                    self._compare_clocks(region, position.mark_time_ms, fed)
                offset = record.offset + 1
                taken += 1
        finally:
            fed.records += taken
            self.positions[region] = position.moved_to(offset)
        return fed

    def _take(self, region: str, record: Record, fed: Fed) -> Mark | None:
        """Judge one record and act on it; a mark is returned."""
        try:
            if record.value is None:
                raise RefusedRecord("the record has no value")
            found = self.fold.read(record.value)
            if isinstance(found, Mark):
                return self._own_mark(found, region)
            # A match that is here was checked when it came, by its first record or by whoever stored it.
            is_known = record.key == found.match.encode() and found.match in self.fold.matches
            if not is_known and self._match_of(record) != found.match:
                raise MisplacedRecord(f"the key {record.key!r} is not the match {found.match}")
            if region_of(found.node) != region:
                raise MisplacedRecord(f"node {found.node} is not of region {region}, in whose stream it wrote")
            self.fold.deliver(found, fed)
            if found.stamp > self._stamps_max[region] and len(self._early[region]) < EARLY_MAX:
                self._early[region].append(found)
            if isinstance(found.body, RefusedBody):
                fed.letters.append(Letter(record, LetterKind.REFUSED_BODY, found.body.reason))
        except UnknownSchema as unknown:
            self._hold(region, record, fed, reason=str(unknown))
        except RefusedRecord as refusal:
            kind = LetterKind.MISPLACED if isinstance(refusal, MisplacedRecord) else LetterKind.UNDECODABLE
            fed.letters.append(Letter(record, kind, str(refusal)))
        return None

    def _compare_clocks(self, region: str, mark_time_ms: int, fed: Fed) -> None:
        """A mark stands behind the events that were written before it: what is stamped far ahead of it is ahead."""
        limit = (mark_time_ms + AHEAD_MS_MAX) << LOGICAL_BITS
        fed.ahead.extend(event for event in self._early[region] if event.stamp > limit)
        self._early[region].clear()
        self._stamps_max[region] = limit

    def _own_mark(self, mark: Mark, region: str) -> Mark:
        if mark.region != region:
            raise MisplacedRecord(f"a mark of region {mark.region} is in the stream of region {region}")
        return mark

    def _match_of(self, record: Record) -> str:
        """The match that the record's key names. Raises MisplacedRecord when it is no name or belongs to another
        partition.
        """
        match = (record.key or b"").decode(errors="replace")
        if (fault := match_fault(match)) is not None:
            raise MisplacedRecord(f"the key is no match id: {fault}")
        right = partition_of(match, self._partitions)
        if right != self.partition:
            raise MisplacedRecord(f"match {match} belongs to partition {right}, not {self.partition}")
        return match

    def _hold(self, region: str, record: Record, fed: Fed, *, reason: str) -> None:
        try:
            self.fold.hold(self._match_of(record), region, record.value or b"", fed)
        except RefusedRecord as refusal:
            reason = f"{reason}; {refusal}"
        fed.letters.append(Letter(record, LetterKind.UNKNOWN_SCHEMA, reason))
