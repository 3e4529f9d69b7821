"""What the in-memory log's clients talk to: its topics, the bell they listen for, and the faults a test has ordered.

A fault waits for the next append to its topic. Nothing else fails unless asked to: the twin shows that a program
survives a fault, it does not draw faults by lot.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dojopool.adapters.bell import Bell
from dojopool.adapters.memory_partition import PartitionLog, StoredRecord
from dojopool.errors import CallerError, OffsetGone, Unavailable
from dojopool.ports import TopicPartition

RECORD_BYTES_MAX: Final = 1_048_588
"""What a topic takes unless its `max.message.bytes` says otherwise: Kafka's own default, a mebibyte and a header."""

TOPIC_NAME: Final = re.compile(r"(?!\.\.?$)[a-zA-Z0-9._-]{1,249}")

TOPIC_SETTINGS: Final = frozenset(
    """
    cleanup.policy compression.gzip.level compression.lz4.level compression.type compression.zstd.level
    delete.retention.ms file.delete.delay.ms flush.messages flush.ms follower.replication.throttled.replicas
    index.interval.bytes leader.replication.throttled.replicas local.retention.bytes local.retention.ms
    max.compaction.lag.ms max.message.bytes message.timestamp.after.max.ms message.timestamp.before.max.ms
    message.timestamp.type min.cleanable.dirty.ratio min.compaction.lag.ms min.insync.replicas preallocate
    remote.log.copy.disable remote.log.delete.on.disable remote.storage.enable retention.bytes retention.ms
    segment.bytes segment.index.bytes segment.jitter.ms segment.ms unclean.leader.election.enable
    """.split()  # noqa: SIM905 - thirty quoted lines would say no more
)
"""The names Kafka 4 knows, so that a misspelt one is refused here too. Only `max.message.bytes` has an effect."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic."""

    partitions: tuple[PartitionLog, ...]
    config: Mapping[str, str]

    @property
    def record_bytes_max(self) -> int:
        """Largest record taken, by key, value and headers."""
        return int(self.config.get("max.message.bytes", RECORD_BYTES_MAX))


@dataclass(frozen=True, slots=True)
class AppendFault:
    """What goes wrong with one append."""

    topic: str | None
    """The topic it waits for; None: any."""
    stored: int | None
    """How many of the records get into the log; None: all."""
    is_retried: bool
    """Whether the writer tries again by itself, instead of giving up."""


class MemoryBroker:
    """Topics and partitions of one region's log."""

    def __init__(self, *, region: str) -> None:
        self.region = region
        self.bell = Bell()
        """Rings whenever a client may find something new."""
        self._topics: dict[str, Topic] = {}
        self._faults: list[AppendFault] = []
        self._answers = True
        self._writers = 0

    def topic(self, name: str) -> Topic | None:
        """A topic by its name, None when there is no such topic."""
        return self._topics.get(name)

    def create(self, name: str, *, partitions: int, config: Mapping[str, str]) -> bool:
        """Make an empty topic unless it exists. Raises CallerError when it can never exist so."""
        doing = f"creating topic {name!r} with {partitions} partitions"
        if not TOPIC_NAME.fullmatch(name):
            raise CallerError(f"{doing}: a name is 1 to 249 of letters, digits, '.', '_' and '-'")
        if name in self._topics:
            return False
        if partitions < 1:
            raise CallerError(f"{doing}: a topic has at least one")
        if unknown := sorted(set(config) - TOPIC_SETTINGS):
            raise CallerError(f"{doing}: a topic has no setting {unknown[0]}")
        self._topics[name] = Topic(tuple(PartitionLog() for _ in range(partitions)), dict(config))
        self.bell.ring()
        return True

    def recreate(self, name: str) -> None:
        """Replace a topic by an empty one of the same name, partitions and settings."""
        topic = self._known(name)
        self._topics[name] = Topic(tuple(PartitionLog() for _ in topic.partitions), topic.config)
        self.bell.ring()

    def partition(self, partition: TopicPartition) -> PartitionLog:
        """A partition to read, or to break. Raises CallerError when there is no such topic or partition."""
        name, number = partition
        topic = self._known(name)
        if not 0 <= number < len(topic.partitions):
            raise CallerError(
                f"topic {name} of region {self.region} has {len(topic.partitions)} partitions, none is number {number}"
            )
        return topic.partitions[number]

    def readable(self, partition: TopicPartition, offset: int) -> PartitionLog:
        """A partition to read from `offset`. Raises OffsetGone when that lies outside of it, CallerError as above."""
        found = self.partition(partition)
        if not found.first <= offset <= found.end:
            name, number = partition
            raise OffsetGone(topic=name, partition=number, wanted=offset, first=found.first, end=found.end)
        return found

    def check_size(self, name: str, records: Sequence[StoredRecord]) -> None:
        """Raise CallerError when the topic can never take one of the records."""
        limit = self._known(name).record_bytes_max
        for record in records:
            if (size := _size(record)) > limit:
                raise CallerError(f"a record of {size} bytes was to be appended to {name}, which takes at most {limit}")

    def new_writer(self) -> int:
        """A number for one more writer."""
        self._writers += 1
        return self._writers

    def order_fault(self, fault: AppendFault) -> None:
        """Let the fault happen to the next append it fits, after those ordered before."""
        self._faults.append(fault)

    def take_fault(self, name: str) -> AppendFault | None:
        """The fault that an append to this topic meets, if any."""
        for fault in self._faults:
            if fault.topic in (None, name):
                self._faults.remove(fault)
                return fault
        return None

    @property
    def answers(self) -> bool:
        """Whether requests are answered now."""
        return self._answers

    def set_answers(self, *, answers: bool) -> None:
        """Answer requests, or let them wait."""
        self._answers = answers
        self.bell.ring()

    async def reached(self, *, timeout_s: float, doing: str) -> None:
        """A request's way to the log: one turn of the loop, and longer while nothing is answered.

        Raises Unavailable when that takes longer than `timeout_s`; the log has seen nothing of the request then.
        """
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        await asyncio.sleep(0)
        while not self._answers:
            if not await self.bell.rung_before(deadline_s):
                raise Unavailable(f"{doing}: the log of {self.region} has not answered for {timeout_s} s; try again")

    def _known(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is None:
            raise CallerError(
                f"region {self.region} has no topic {name}, and topics are not made by use: create it, or mend the name"
            )
        return topic


def _size(record: StoredRecord) -> int:
    return (
        len(record.key or b"") + len(record.value or b"") + sum(len(name) + len(text) for name, text in record.headers)
    )
