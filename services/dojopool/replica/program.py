"""A program that owns partitions: who owns what, read, hand on. The replica is one, the checker another.

One task reads and folds, so partitions need no locks; what is sent goes out beside it (see `intake`).

Ownership is advice. A consumer group that reads nothing shares the partitions out; records come through a reader
without a group, from the positions that whoever takes a partition over decides. So no rebalance can start a read at a
wrong place, and all streams of a partition stay together. What makes two owners harmless is the program's own affair.

Whatever is passing (a log or a store that does not answer) is waited for and shown by `report`; whatever can never work
(settings, rights) ends `run` with its error.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any, ClassVar, Final, Generic

from dojopool.core.record import Record
from dojopool.errors import OffsetGone, StreamBroken, Unavailable, first_of
from dojopool.ports import EventLog, LogReader, LogWriter, Membership, TopicPartition
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.holdings import AnyLane, Holdings
from dojopool.replica.partition import OwnedPartition
from dojopool.replica.proving import Prover, keep_proving
from dojopool.replica.status import Health, Report, report

POLL_MS: Final = 100
"""Longest wait for records: also how soon a change of ownership is noticed while nothing happens."""

DRAIN_S_MAX: Final = 10.0
"""From `stop` to the end of the work, whatever does not answer; closing the clients takes some seconds more, and
Kubernetes kills after 30."""

READER_S_MAX: Final = 60.0
"""How long a reader may fail without a record in between before it is replaced by a new one: a client can get stuck."""

READER_RETRY_S: Final = 1.0

TROUBLE_S: Final = 20.0
"""How long a failure is shown after it was last heard of: clients speak up only now and then while a server is away."""


class PartitionProgram(ABC, Generic[AnyLane]):
    """One process of one region. `run` it once; `stop` makes it drain and return."""

    name: ClassVar[str]
    """In messages."""

    def __init__(self, config: ReplicaConfig, *, log: EventLog) -> None:
        self.config = config
        self._log = log
        self._regions = {topic: region for region, topic in config.topics.items()}
        self._health = Health()
        self.holdings: Holdings[AnyLane] | None = None
        """What is held, once `run` has begun; for others to look at only."""
        self._is_stopping = False
        self._patience: asyncio.Timeout | None = None
        """Limits what is left of `run` once it is to stop."""

    @abstractmethod
    async def _check(self) -> None:
        """Raise ConfigError when the world does not fit the settings."""

    @abstractmethod
    def _new_holdings(self, writer: LogWriter, tasks: asyncio.TaskGroup) -> Holdings[AnyLane]:
        """Where partitions will be held; `tasks` owns what their lanes send."""

    @abstractmethod
    def _tell(self, holdings: Holdings[AnyLane], membership: Membership) -> Coroutine[Any, Any, None]:
        """Tell others how far this process is, until cancelled."""

    @abstractmethod
    def _mark(
        self, holdings: Holdings[AnyLane], writer: LogWriter, reader: LogReader
    ) -> Coroutine[Any, Any, None] | None:
        """Write marks until cancelled; None for a program that writes none."""

    def stop(self) -> None:
        """Ask `run` to settle the writes on the way and return. May be called from a signal handler of the loop."""
        if not self._is_stopping and self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time() + DRAIN_S_MAX)
        self._is_stopping = True

    def report(self) -> Report:
        """Whether the program can do its work now, and what stands in the way."""
        found = self._found()
        return (
            replace(found, is_ready=False, problems=(f"the {self.name} is stopping",)) if self._is_stopping else found
        )

    async def run(self) -> None:
        """Own, read, fold and send until `stop`. On return every write that was begun is settled, or was given up
        because nobody answered, which loses nothing; and the group is left.

        Raises ConfigError when servers or topics do not fit the settings, Unavailable when a server does not answer at
        start, or at the end for so long that the work had to be broken off.
        """
        await self._check()
        async with AsyncExitStack() as stack:
            writer = await stack.enter_async_context(self._log.writer())
            membership = await stack.enter_async_context(
                self._log.membership(group=self.config.group, topic=self.config.own_topic)
            )
            try:
                async with asyncio.timeout(DRAIN_S_MAX if self._is_stopping else None) as self._patience:
                    await self._work(writer, membership)
            except ExceptionGroup as group:
                raise first_of(group) from group
            except TimeoutError:
                raise Unavailable(
                    f"the {self.name} was to stop and could not in {DRAIN_S_MAX:g} s, because of"
                    f" {'; '.join(self._found().problems) or 'a server that is slow'}; it left its work where it was,"
                    " and the next owner goes on from what was sent"
                ) from None
            finally:
                self._patience = None

    def _found(self) -> Report:
        lanes, failed = ({}, {}) if self.holdings is None else (self.holdings.lanes, self.holdings.failed)
        return report(self._health, lanes, failed, now_s=asyncio.get_running_loop().time())

    async def _work(self, writer: LogWriter, membership: Membership) -> None:
        async with asyncio.TaskGroup() as tasks:
            holdings = self.holdings = self._new_holdings(writer, tasks)
            telling = self._tell(holdings, membership)
            coroutines = (self._follow(membership), telling, self._prove(holdings))
            beside = [tasks.create_task(coroutine) for coroutine in coroutines]
            while not self._is_stopping:
                await self._read_until_stuck(holdings, writer)
            self.config.failpoints.reach("draining")
            await holdings.release_all_but((), reason=f"the {self.name} stops")
            for task in beside:
                task.cancel()

    async def _read_until_stuck(self, holdings: Holdings[AnyLane], writer: LogWriter) -> None:
        """Read with one reader until `stop`, or until it has failed for too long and is to be replaced."""
        try:
            async with self._log.reader() as reader, asyncio.TaskGroup() as tasks:
                holdings.is_changed = True
                marks = self._mark(holdings, writer, reader)
                marking = None if marks is None else tasks.create_task(marks)
                await self._loop(holdings, reader)
                if marking is not None:
                    marking.cancel()
        except Unavailable as error:
            self._note("reading", error)
            await asyncio.sleep(READER_RETRY_S)

    async def _loop(self, holdings: Holdings[AnyLane], reader: LogReader) -> None:
        now = asyncio.get_running_loop().time
        failing_since: float | None = None
        while not self._is_stopping:
            await self._follow_ownership(holdings, reader)
            try:
                polled = await reader.poll(timeout_ms=POLL_MS)
            except OffsetGone as error:
                holdings.lose(error.partition, error)
                holdings.is_changed = True
            except (Unavailable, StreamBroken) as error:
                # What other partitions still give does not mend a broken stream, so it does not end what is said of it.
                self._note("a stream" if isinstance(error, StreamBroken) else "reading", error)
                failing_since = now() if failing_since is None else failing_since
                if now() - failing_since > READER_S_MAX:
                    return
                await asyncio.sleep(POLL_MS / 1000)
            else:
                if polled:
                    self.config.failpoints.reach("read")
                    failing_since = None
                    self._health.troubles.pop("reading", None)
                await self._take(holdings, polled, reader)

    async def _take(
        self, holdings: Holdings[AnyLane], polled: Mapping[TopicPartition, Sequence[Record]], reader: LogReader
    ) -> None:
        """Hand what was polled to the lanes, and pause the streams of which they could not take everything."""
        topics = self.config.topics
        read: dict[int, dict[str, Sequence[Record]]] = {n: {} for n, lane in holdings.lanes.items() if lane.left}
        for (topic, number), records in polled.items():
            if number in holdings.lanes:
                read.setdefault(number, {})[self._regions[topic]] = records
        for number, by_region in read.items():
            lane = holdings.lanes[number]
            was_left, was_broken = set(lane.left), set(lane.partition.broken)
            await lane.take(by_region, ends={region: reader.end((topic, number)) for region, topic in topics.items()})
            for region in set(lane.left) - was_left:
                reader.pause((topics[region], number))
            for region in was_left - set(lane.left):
                reader.resume((topics[region], number))
            if set(lane.partition.broken) != was_broken:
                holdings.is_changed = True

    async def _follow_ownership(self, holdings: Holdings[AnyLane], reader: LogReader) -> None:
        """Release what is no longer wanted, take over what is, and read exactly what is held."""
        holdings.stop_disproved()
        holdings.lose_refused()
        await holdings.release_all_but(self._health.wanted, reason="the group gave it to another")
        for number in holdings.due(self._health.wanted):
            if self._is_stopping or number not in self._health.wanted:
                continue
            await holdings.claim(number, reader)
        if holdings.is_changed:
            reader.assign(holdings.positions())

    async def _follow(self, membership: Membership) -> None:
        """Learn what the group wants of this process, for ever."""
        while True:
            try:
                self._health.wanted = await membership.changed()
                self._health.has_joined = True
                self._health.troubles.pop("the consumer group", None)
            except Unavailable as error:
                self._note("the consumer group", error)
                await asyncio.sleep(POLL_MS / 1000)

    async def _prove(self, holdings: Holdings[AnyLane]) -> None:
        """Prove the logs again and again, for ever; a log that does not answer is for the main reader to tell of."""
        prover = Prover(self.config.topics, lambda: holdings.lanes)

        def disproved(partition: OwnedPartition, region: str, error: StreamBroken) -> None:
            holdings.disproved.append((partition, region, error))

        while True:
            with suppress(Unavailable):
                async with self._log.reader() as reader:
                    await keep_proving(prover, reader, disproved=disproved)
            await asyncio.sleep(READER_RETRY_S)

    def _note(self, what: str, error: Exception) -> None:
        self._health.troubles[what] = (str(error), asyncio.get_running_loop().time() + TROUBLE_S)
