"""What the programs ask of the world: a log, a state store, a clock, an observer and a tracer.

Adapters implement these; only `wiring.py` and `local` choose which. Every promise below is proven for each
implementation by the suites in `tests/contracts/`. What is deliberately absent: topics per match, offsets committed
to Kafka as truth, transactions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from dojopool.core.cut import Position
from dojopool.core.record import Record

TopicPartition: TypeAlias = tuple[str, int]
"""`(topic, partition)`."""

Headers: TypeAlias = tuple[tuple[str, bytes], ...]
"""Of a record, in order."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to append."""

    key: bytes | None
    value: bytes
    headers: Headers = ()


class LogWriter(Protocol):
    """Appends to one region's log, idempotently."""

    async def append(self, topic: str, partition: int, records: Sequence[Outgoing], *, timeout_s: float) -> int:
        """Append `records` in order and return the offset of the first; the others follow it without a foreign record
        between two of one batch, but not always without a hole.

        On return every record is acknowledged by all in-sync replicas. Calls for one partition must not overlap;
        different partitions may. Raises Unavailable when the outcome is not known within `timeout_s`: none, some or
        all may be in the log, in order, and appending the same bytes again is the remedy. Raises CallerError when a
        record can never be taken (too large, no such topic or partition); then none is in the log. Cancelling leaves
        the outcome unknown.
        """
        ...


class LogReader(Protocol):
    """Reads chosen partitions of one region's log from chosen offsets. Knows no group and commits nothing."""

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read exactly these partitions, each from its offset. Replaces the previous assignment and drops what was
        prefetched.

        The topics must exist. Takes effect at the next `poll`.
        """
        ...

    async def poll(self, *, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Record]]:
        """All records that are there, in log order per partition, or empty after `timeout_ms`.

        Returns as soon as anything is there. Raises OffsetGone when a partition's offset is outside its log, now and
        again until that partition is assigned elsewhere. Raises Unavailable when the log does not answer for longer
        than the client retries.
        """
        ...

    def pause(self, partition: TopicPartition) -> None:
        """Return no records of `partition` from `poll` until `resume`; its position stays. Assigning resumes."""
        ...

    def resume(self, partition: TopicPartition) -> None:
        """Undo `pause`. Resuming what is not paused is allowed."""
        ...

    def end(self, partition: TopicPartition) -> int | None:
        """The end offset (exclusive) that the last fetch of `partition` saw, None before the first since `assign`."""
        ...

    async def bounds(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """First offset held and end offset (exclusive) of each partition, asked of the log now. Needs no assignment.

        Raises CallerError for an unknown topic.
        """
        ...


class Membership(Protocol):
    """This process's place in a consumer group that shares the partitions of one topic. Reads no records."""

    async def changed(self) -> frozenset[int]:
        """Wait until the set of owned partitions differs from what the last call returned (at first: from the empty
        set), and return it. Ownership is advice: only the store's epoch proves it.
        """
        ...

    def owned(self) -> frozenset[int]:
        """The partitions owned as far as this process knows."""
        ...

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit next offsets of owned partitions to the group, for lag tools only. Best effort: failure is
        swallowed.
        """
        ...


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """What a log says of a topic."""

    partitions: int
    config: Mapping[str, str]


class LogAdmin(Protocol):
    """Manages topics of one region's log."""

    async def create_topic(self, name: str, *, partitions: int, config: Mapping[str, str]) -> bool:
        """Create a topic; False when it exists already (with whatever settings). Raises Unavailable or CallerError."""
        ...

    async def describe_topic(self, name: str) -> TopicInfo | None:
        """What the log says of `name`, None when there is no such topic."""
        ...

    async def trim(self, partition: TopicPartition, *, before: int) -> None:
        """Delete the records below offset `before`; raises CallerError when that is above the end."""
        ...


class EventLog(Protocol):
    """One region's Kafka. Each context manager starts its client on entry and closes it, flushed, on exit."""

    def writer(self) -> AbstractAsyncContextManager[LogWriter]: ...

    def reader(self) -> AbstractAsyncContextManager[LogReader]: ...

    def membership(self, *, group: str, topic: str) -> AbstractAsyncContextManager[Membership]:
        """Join `group` for `topic`; leaving the context leaves the group at once.

        Raises CallerError for an unknown topic.
        """
        ...

    def admin(self) -> AbstractAsyncContextManager[LogAdmin]: ...


@dataclass(frozen=True, slots=True)
class Head:
    """What a store says of one partition, beside its states."""

    epoch: int
    """Raised by every claim; a write of a lower epoch is refused."""
    positions: Mapping[str, Position] | None
    """Per region, how far its stream is in the stored state. None when nothing stored can be trusted (empty or half
    loaded).
    """
    version: str | None
    """Fold version of the stored state."""


@dataclass(frozen=True, slots=True)
class MatchChange:
    """One changed match of a batch."""

    match: str
    state: bytes
    """Canonical bytes of the match, whole."""
    fields: Mapping[str, bytes]
    """Hash fields to set in the match's view: JSON of the changed fields, and the `@` fields of the design."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One atomic write: changed matches and the positions they bring a partition to."""

    partition: int
    epoch: int
    version: str
    expected: Mapping[str, Position] | None
    """The positions that must be stored now (compared by next offset and tick); None: that none are stored."""
    positions: Mapping[str, Position]
    changes: Sequence[MatchChange]
    at_ms: int
    """Wall clock of the replica: score in the list of live matches."""


class Outcome(Enum):
    """What became of a batch."""

    APPLIED = "applied"
    ALREADY_STORED = "already stored"
    """The stored positions are the batch's own: an earlier try had arrived."""
    FENCED = "fenced"
    """The partition was claimed by another."""
    MOVED = "moved"
    """The stored positions are neither expected nor the batch's own, or the stored epoch is below the batch's: the
    store lost writes, or somebody else wrote.
    """


class StateStore(Protocol):
    """One region's Redis, as the owner of partitions writes it. State and positions are changed together or not at
    all.
    """

    async def claim(self, partition: int, *, owner: str) -> Head:
        """Raise the partition's epoch, name `owner`, and return what is stored. Fences every earlier owner."""
        ...

    def states(self, partition: int) -> AsyncIterator[Sequence[tuple[str, bytes]]]:
        """The stored (match, canonical bytes) of a partition in chunks of bounded size, each match at least once.

        Not a snapshot under concurrent writes: call it as the owner, before the first write.
        """
        ...

    async def states_of(self, partition: int, matches: Sequence[str]) -> Mapping[str, bytes]:
        """The stored canonical bytes of these matches; those that are not stored are left out."""
        ...

    async def reset(self, partition: int, *, epoch: int) -> bool:
        """Forget positions, version and states of the partition, keeping its epoch; False when `epoch` is not its
        current one.

        Views stay readable until they are overwritten. After a crash in between no positions are stored.
        """
        ...

    async def write(self, batch: Batch) -> tuple[Outcome, Head]:
        """Apply a batch in one step, or nothing of it, and say what is stored then. Raises Unavailable when the
        outcome is not known; sending the same batch again then answers APPLIED, ALREADY_STORED, FENCED or MOVED.
        """
        ...

    async def put_status(self, fields: Mapping[str, bytes]) -> None:
        """Set fields of the region's status hash. Not fenced: each field is one fact with its own time."""
        ...

    async def check(self, *, partitions: int) -> None:
        """Raise ConfigError when the store could silently forget keys (any eviction policy but `noeviction`), or when
        its status hash names another number of partitions.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """One entry of a partition's change stream: the matches that a batch changed. A batch of marks leaves none."""

    cursor: str
    """Pass it as `after` to go on behind this entry."""
    matches: tuple[str, ...]


class ViewReader(Protocol):
    """One region's Redis, as anyone may read it."""

    async def view(self, partition: int, match: str) -> Mapping[str, bytes]:
        """All hash fields of a match's view; empty when there is no such match."""
        ...

    async def matches(self, partition: int, *, limit: int) -> Sequence[tuple[str, int]]:
        """Live match ids of a partition with the time (ms) of their last change, newest first."""
        ...

    async def last_change(self, partition: int) -> str:
        """Cursor of the newest entry of the change stream."""
        ...

    async def changes(self, partition: int, *, after: str, timeout_ms: int) -> Sequence[ChangeBatch]:
        """Entries behind `after`, oldest first, at once if there are any, else empty after `timeout_ms`.

        The stream is capped: a reader that fell behind its start gets what is left, and must read the view, not add
        changes up.
        """
        ...

    async def status(self) -> Mapping[str, bytes]:
        """All fields of the region's status hash."""
        ...


class Clock(Protocol):
    """Wall clock of this machine."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch. May jump; serves stamps, marks and staleness, never order."""
        ...


class Ended(Protocol):
    """Says how the sending of an event ended: its offset in the log, or in a word why there is none."""

    def __call__(self, *, offset: int | None, error: str | None) -> None: ...


class SendTracer(Protocol):
    """Follows events into the log. Calls must return at once and must not raise."""

    def begin(self, match: str, *, partition: int) -> tuple[Headers, Ended | None]:
        """An event was numbered in the context of its caller. Returns the headers that its record is to carry, and
        what wants to be told, once, how it ended.
        """
        ...


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What one applied batch of a replica was."""

    partition: int
    records: int
    events: int
    """Events delivered to state."""
    duplicates: int
    waited: int
    """Events that had to wait for causal predecessors when they arrived."""
    equivocations: int
    """Records with another payload under a dot that is known."""
    matches: int
    letters: int
    waiting: int
    """Events of the partition waiting for causal predecessors after the batch."""
    fold_s: float
    lag_records: Mapping[str, int]
    """Per region, records known to be in the log behind what was read."""
    mark_time_ms: Mapping[str, int]
    """Per region, the time of the newest mark read; 0 before the first."""
    gaps: int
    """Matches of the partition in which events wait for others that did not come."""
    began_s: float
    """When its first record was begun with, by the loop's clock."""
    oldest_ms: Mapping[str, int]
    """Per region read, the log's time of the first record: no other of its stream waited longer."""
    traced: int
    """Records whose writer was traced; 0 unless the observer wants links."""
    links: Sequence[bytes]
    """Distinct `traceparent` values of those, in the order read, `Observer.links_max` at most."""


class PartitionObserver(Protocol):
    """Is told what becomes of partitions. Calls must return at once and must not raise."""

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """`mark_time_ms` is, per region, the time of the newest mark in the state taken over; 0 without one."""
        ...

    def partition_released(self, partition: int, *, reason: str) -> None: ...

    def partition_failed(self, partition: int, *, error: Exception) -> None: ...


class Observer(PartitionObserver, Protocol):
    """Is told facts by a replica, as a `PartitionObserver` is."""

    @property
    def links_max(self) -> int:
        """How many trace contexts of its records a batch is to bring; with 0 no header is looked at."""
        ...

    def batch_applied(self, facts: BatchFacts, *, write_s: float) -> None: ...

    def mark_failed(self, partition: int, *, error: Exception) -> None:
        """A mark could not be appended to the own stream of `partition`, or nobody knows; it is tried again."""
        ...

    def letter_written(self, *, topic: str, partition: int, offset: int, kind: str, reason: str) -> None:
        """`kind` is one of `core.streams.LetterKind`, `reason` a text for people."""
        ...
