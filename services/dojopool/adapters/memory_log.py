"""One region's log in this process: the in-memory twin of Kafka, kept honest by the suites in `tests/contracts/`.

It keeps what programs must not get wrong on a real log: partitions, offsets that go away at both ends, appends whose
outcome stays unknown, groups whose members die without a word. And it breaks on request: what stands under "faults"
does to a test what a bad night does to a cluster. Nothing is written to disk, and a request takes a turn of the event
loop; the way between regions, with its delay, is `memory_mirror.py`.

Like Kafka it knows the retries of a writer again (`lose_next_acknowledgement`), but not what a caller appends once
more after Unavailable: that is in the log twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from dojopool.adapters.memory_broker import AppendFault, MemoryBroker
from dojopool.adapters.memory_clients import MemoryAdmin, MemoryReader, MemoryWriter
from dojopool.adapters.memory_group import MemoryGroup, MemoryMember
from dojopool.adapters.memory_partition import StoredRecord
from dojopool.adapters.system_clock import SystemClock
from dojopool.errors import CallerError
from dojopool.ports import Clock, TopicPartition

SYSTEM_CLOCK: Final = SystemClock()


class MemoryLog(MemoryBroker):
    """`ports.EventLog` of one region, for as long as the object lives. `clock` gives records their time."""

    def __init__(self, *, region: str, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(region=region)
        self._clock = clock
        self._groups: dict[tuple[str, str], MemoryGroup] = {}

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[MemoryWriter]:
        """See `ports.EventLog`."""
        writer = MemoryWriter(self, clock=self._clock)
        try:
            yield writer
        finally:
            writer.is_closed = True

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[MemoryReader]:
        """See `ports.EventLog`."""
        reader = MemoryReader(self)
        try:
            yield reader
        finally:
            reader.is_closed = True

    @asynccontextmanager
    async def membership(self, *, group: str, topic: str) -> AsyncIterator[MemoryMember]:
        """See `ports.EventLog`. Raises CallerError when there is no such topic."""
        found = self._group(group, topic)
        member = MemoryMember(found)
        found.join(member)
        try:
            yield member
        finally:
            member.leave()

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[MemoryAdmin]:
        """See `ports.EventLog`."""
        yield MemoryAdmin(self)

    # What a test or a mirror sees.

    def members(self, *, group: str, topic: str) -> Sequence[MemoryMember]:
        """The members a group counts on, in the order of joining."""
        return self._group(group, topic).members

    def committed(self, *, group: str, topic: str) -> Mapping[int, int]:
        """Next offsets committed to a group, per partition."""
        return self._group(group, topic).committed

    def copy_in(self, partition: TopicPartition, records: Sequence[StoredRecord]) -> int:
        """Append records of another log as they are, with new offsets, and return the first of these."""
        start = self.partition(partition).append(records)
        self.bell.ring()
        return start

    # Faults.

    def fail_next_append(self, *, stored: bool | int, topic: str | None = None, times: int = 1) -> None:
        """Raise Unavailable from the next append (to `topic`), with all, none or the first few records `stored`."""
        kept = {True: None, False: 0}[stored] if isinstance(stored, bool) else stored
        for _ in range(times):
            self.order_fault(AppendFault(topic, kept, is_retried=False))

    def lose_next_acknowledgement(self, *, topic: str | None = None, times: int = 1) -> None:
        """Store the next batch (for `topic`), but let the writer hear nothing of it, so that it sends it again."""
        for _ in range(times):
            self.order_fault(AppendFault(topic, None, is_retried=True))

    def stop_answering(self) -> None:
        """Let requests wait: appends until their deadline, polls as if nothing came. Mirrors go on; cut them too."""
        self.set_answers(answers=False)

    def answer_again(self) -> None:
        """End `stop_answering`; requests that still wait go on."""
        self.set_answers(answers=True)

    def expire_sessions(self) -> None:
        """Declare every stalled member of every group dead."""
        for group in self._groups.values():
            group.expire()

    def cut_tail(self, partition: TopicPartition, records: int) -> None:
        """Lose the newest records, as a log does that crashed before its disk had them. Their offsets come again."""
        self.partition(partition).cut_tail(records)
        self.bell.ring()

    def leave_hole(self, partition: TopicPartition, offsets: int) -> None:
        """Skip offsets, as a broker does for records that are its own."""
        self.partition(partition).leave_hole(offsets)

    def recreate_topic(self, name: str) -> None:
        """Replace a topic by an empty one of the same name, as an operator does who deletes and creates it."""
        self.recreate(name)

    def _group(self, group: str, topic: str) -> MemoryGroup:
        if (group, topic) not in self._groups:
            found = self.topic(topic)
            if found is None:
                raise CallerError(f"group {group} was to share topic {topic}, which the log of {self.region} lacks")
            self._groups[group, topic] = MemoryGroup(partitions=len(found.partitions))
        return self._groups[group, topic]
