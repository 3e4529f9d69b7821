"""The replica's loop: who owns what, read, fold, write, mark.

One task reads and folds, so partitions need no locks; writes run beside it (see `lane`).

Ownership is advice. A consumer group that reads nothing shares the partitions out; records come through a reader
without a group, from the positions that the store holds. So no rebalance can start a read at a wrong place, all
streams of a partition stay together, and a process that does not know that it lost a partition is stopped by the
store's epoch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final

from dojopool.core.record import Record
from dojopool.errors import CorruptState, EnvironmentFault, OffsetGone, Refused, Unavailable
from dojopool.games.loading import LoadedGame
from dojopool.ports import Clock, EventLog, LogReader, Membership, Observer, StateStore, TopicPartition
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.lane import Lane
from dojopool.replica.letters import DeadLetters
from dojopool.replica.loading import take_over
from dojopool.replica.marks import MarkWriter
from dojopool.replica.status import Health, Report, keep_status, report

POLL_MS: Final = 100
"""Longest wait for records: also how soon a change of ownership is noticed while nothing happens."""

RETRY_S: Final = 3.0
"""How long a partition that was refused or cannot be taken over is left alone: longer than a group needs to tell a
process that it lost it, so that two processes do not fence each other in turn.
"""


class Replica:
    """One replica process of one region. `run` it once; `stop` makes it drain and return."""

    def __init__(
        self,
        config: ReplicaConfig,
        *,
        log: EventLog,
        store: StateStore,
        loaded: LoadedGame,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self.config = config
        self.lanes: dict[int, Lane] = {}
        """The partitions held, by number; read-only for others."""
        self._log, self._store, self._loaded, self._clock, self._observer = log, store, loaded, clock, observer
        self._topics = {region: config.topic_of(region) for region in config.regions}
        self._regions = {topic: region for region, topic in self._topics.items()}
        self._health = Health()
        self._retry_at: dict[int, float] = {}
        self._is_assigned = False
        self._is_stopping = False

    def stop(self) -> None:
        """Ask `run` to settle the writes on the way and return. May be called from a signal handler."""
        self._is_stopping = True

    def report(self) -> Report:
        """Whether the replica can do its work now, and what stands in the way."""
        return report(self._health, self.lanes)

    async def run(self) -> None:
        """Own, read, fold and write until `stop`. On return every write that was begun is settled and the group is
        left.

        Raises ConfigError when store or topics do not fit the settings.
        """
        await self._store.check(partitions=self.config.partitions)
        async with AsyncExitStack() as stack:
            writer = await stack.enter_async_context(self._log.writer())
            reader = await stack.enter_async_context(self._log.reader())
            membership = await stack.enter_async_context(
                self._log.membership(group=self.config.group, topic=self.config.own_topic)
            )
            letters = DeadLetters(writer, self._observer, topic=self.config.letters_topic)
            marks = MarkWriter(
                writer,
                self._loaded.codec,
                self._clock,
                asyncio.get_running_loop().time,
                region=self.config.region,
                topic=self.config.own_topic,
            )
            async with asyncio.TaskGroup() as tasks:
                status = keep_status(
                    self.config,
                    version=self._loaded.version,
                    store=self._store,
                    membership=membership,
                    lanes=lambda: self.lanes,
                )
                beside = [
                    tasks.create_task(work)
                    for work in (self._follow(membership), self._write_marks(marks, reader), status)
                ]
                await self._loop(reader, letters, tasks)
                for task in beside:
                    task.cancel()

    async def _loop(self, reader: LogReader, letters: DeadLetters, tasks: asyncio.TaskGroup) -> None:
        while not self._is_stopping:
            await self._follow_ownership(reader, letters, tasks)
            try:
                polled = await reader.poll(timeout_ms=POLL_MS)
            except OffsetGone as error:
                self._lose(error.partition, error)
                continue
            except Unavailable as error:
                self._health.trouble = str(error)
                await asyncio.sleep(POLL_MS / 1000)
                continue
            self._health.trouble = None
            await self._take(polled, reader)
        for number in list(self.lanes):
            await self._release(number, reason="the replica stops")

    async def _take(self, polled: Mapping[TopicPartition, Sequence[Record]], reader: LogReader) -> None:
        """Hand what was polled to the lanes, and pause the streams of which they could not take everything."""
        read: dict[int, dict[str, Sequence[Record]]] = {number: {} for number, lane in self.lanes.items() if lane.left}
        for (topic, number), records in polled.items():
            if number in self.lanes:
                read.setdefault(number, {})[self._regions[topic]] = records
        for number, by_region in read.items():
            lane = self.lanes[number]
            was_left, was_broken = set(lane.left), len(lane.partition.broken)
            ends = {region: reader.end((topic, number)) for region, topic in self._topics.items()}
            try:
                await lane.take(by_region, ends=ends)
            except Refused as error:
                self._lose(number, error)
                continue
            for region in set(lane.left) - was_left:
                reader.pause((self._topics[region], number))
            for region in was_left - set(lane.left) - set(lane.partition.broken):
                reader.resume((self._topics[region], number))
            if len(lane.partition.broken) > was_broken:
                self._is_assigned = False

    async def _follow_ownership(self, reader: LogReader, letters: DeadLetters, tasks: asyncio.TaskGroup) -> None:
        """Release what is no longer wanted, take over what is, and read exactly what is held."""
        wanted = self._health.wanted
        for number in [number for number in self.lanes if number not in wanted]:
            await self._release(number, reason="the group gave it to another")
        now = asyncio.get_running_loop().time()
        for number in sorted(wanted - set(self.lanes)):
            if self._retry_at.get(number, now) <= now:
                await self._claim(number, reader, letters, tasks)
        self._health.failed = {n: reason for n, reason in self._health.failed.items() if n in wanted}
        if not self._is_assigned:
            reader.assign(self._read_positions())
            self._is_assigned = True

    async def _claim(self, number: int, reader: LogReader, letters: DeadLetters, tasks: asyncio.TaskGroup) -> None:
        try:
            partition = await take_over(
                number,
                store=self._store,
                reader=reader,
                loaded=self._loaded,
                topics=self._topics,
                partitions=self.config.partitions,
                owner=self.config.owner,
            )
        except (EnvironmentFault, CorruptState) as error:
            self._lose(number, error)
            return
        self.lanes[number] = Lane(
            partition=partition,
            topics=self._topics,
            store=self._store,
            letters=letters,
            clock=self._clock,
            observer=self._observer,
            tasks=tasks,
        )
        self._health.failed.pop(number, None)
        self._is_assigned = False
        self._observer.partition_claimed(number, epoch=partition.epoch, matches=len(partition.fold.matches))

    def _read_positions(self) -> dict[TopicPartition, int]:
        """Where to read what is held. Records left over are read again: their offsets were not taken."""
        positions = {}
        for number, lane in self.lanes.items():
            lane.left.clear()
            for region, topic in self._topics.items():
                if region not in lane.partition.broken:
                    positions[topic, number] = lane.partition.next_offset(region)
        return positions

    async def _release(self, number: int, *, reason: str) -> None:
        """Let a partition go; what was being written is settled first, so that its successor finds it."""
        lane = self.lanes.pop(number)
        self._is_assigned = False
        try:
            await lane.settle()
        except Refused as error:
            reason = str(error)
        self._observer.partition_released(number, reason=reason)

    def _lose(self, number: int, error: Exception) -> None:
        """Drop a partition that cannot go on as it is; if it is still wanted it is taken over anew, after a pause."""
        self.lanes.pop(number, None)
        self._is_assigned = False
        self._health.failed[number] = str(error)
        self._retry_at[number] = asyncio.get_running_loop().time() + RETRY_S
        self._observer.partition_failed(number, error=error)

    async def _follow(self, membership: Membership) -> None:
        while True:
            self._health.wanted = await membership.changed()
            self._health.has_joined = True

    async def _write_marks(self, marks: MarkWriter, reader: LogReader) -> None:
        while True:
            await asyncio.sleep(POLL_MS / 1000)
            await marks.write(
                [
                    lane.partition
                    for number, lane in self.lanes.items()
                    if self.config.region not in lane.partition.broken
                    and marks.due(lane.partition, end=reader.end((self.config.own_topic, number)))
                ]
            )
