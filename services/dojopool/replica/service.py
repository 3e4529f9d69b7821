"""The replica's loop: who owns what, read, fold, write, mark.

One task reads and folds, so partitions need no locks; writes run beside it (see `lane`).

Ownership is advice. A consumer group that reads nothing shares the partitions out; records come through a reader
without a group, from the positions that the store holds. So no rebalance can start a read at a wrong place, all
streams of a partition stay together, and a process that does not know that it lost a partition is stopped by the
store's epoch.

Whatever is passing (a log or a store that does not answer) is waited for and shown by `report`; whatever can never work
(settings, rights) ends `run` with its error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Final

from dojopool.core.record import Record
from dojopool.errors import OffsetGone, StreamBroken, Unavailable
from dojopool.games.loading import LoadedGame
from dojopool.ports import Clock, EventLog, LogReader, LogWriter, Membership, Observer, StateStore, TopicPartition
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.holdings import Holdings
from dojopool.replica.lane import Lane
from dojopool.replica.letters import DeadLetters
from dojopool.replica.marks import MarkWriter
from dojopool.replica.partition import OwnedPartition
from dojopool.replica.proving import Prover, keep_proving
from dojopool.replica.status import Health, Report, keep_status, report

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
        self._log, self._store, self._loaded, self._clock, self._observer = log, store, loaded, clock, observer
        self._regions = {topic: region for region, topic in config.topics.items()}
        self._health = Health()
        self.holdings: Holdings | None = None
        """What is held, once `run` has begun; for others to look at only."""
        self._is_stopping = False
        self._patience: asyncio.Timeout | None = None
        """Limits what is left of `run` once it is to stop."""

    def stop(self) -> None:
        """Ask `run` to settle the writes on the way and return. May be called from a signal handler of the loop."""
        if not self._is_stopping and self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time() + DRAIN_S_MAX)
        self._is_stopping = True

    def report(self) -> Report:
        """Whether the replica can do its work now, and what stands in the way."""
        found = self._found()
        return replace(found, is_ready=False, problems=("the replica is stopping",)) if self._is_stopping else found

    async def run(self) -> None:
        """Own, read, fold and write until `stop`. On return every write that was begun is settled, or was given up
        because the store did not answer, which loses nothing; and the group is left.

        Raises ConfigError when store or topics do not fit the settings, Unavailable when a server does not answer at
        start, or at the end for so long that the work had to be broken off.
        """
        await self._store.check(partitions=self.config.partitions)
        async with AsyncExitStack() as stack:
            writer = await stack.enter_async_context(self._log.writer())
            membership = await stack.enter_async_context(
                self._log.membership(group=self.config.group, topic=self.config.own_topic)
            )
            try:
                async with asyncio.timeout(DRAIN_S_MAX if self._is_stopping else None) as self._patience:
                    await self._work(writer, membership)
            except ExceptionGroup as group:
                raise _first(group) from group
            except TimeoutError:
                raise Unavailable(
                    f"the replica was to stop and could not in {DRAIN_S_MAX:g} s, because of"
                    f" {'; '.join(self._found().problems) or 'a server that is slow'}; it left its work where it was,"
                    " and the next owner reads on from what is stored"
                ) from None
            finally:
                self._patience = None

    def _found(self) -> Report:
        lanes, failed = ({}, {}) if self.holdings is None else (self.holdings.lanes, self.holdings.failed)
        return report(self._health, lanes, failed, now_s=asyncio.get_running_loop().time())

    async def _work(self, writer: LogWriter, membership: Membership) -> None:
        letters = DeadLetters(writer, self._observer, topic=self.config.letters_topic)
        async with asyncio.TaskGroup() as tasks:
            new_lane = partial(
                Lane,
                topics=self.config.topics,
                store=self._store,
                letters=letters,
                clock=self._clock,
                observer=self._observer,
                tasks=tasks,
                failpoints=self.config.failpoints,
            )
            holdings = self.holdings = Holdings(
                self.config, store=self._store, loaded=self._loaded, observer=self._observer, new_lane=new_lane
            )
            status = keep_status(
                self.config,
                version=self._loaded.version,
                store=self._store,
                membership=membership,
                lanes=lambda: holdings.lanes,
            )
            coroutines = (self._follow(membership), status, self._prove(holdings))
            beside = [tasks.create_task(coroutine) for coroutine in coroutines]
            while not self._is_stopping:
                await self._read_until_stuck(holdings, writer)
            self.config.failpoints.reach("draining")
            await holdings.release_all_but((), reason="the replica stops")
            for task in beside:
                task.cancel()

    async def _read_until_stuck(self, holdings: Holdings, writer: LogWriter) -> None:
        """Read with one reader until `stop`, or until it has failed for too long and is to be replaced."""
        try:
            async with self._log.reader() as reader, asyncio.TaskGroup() as tasks:
                holdings.is_changed = True
                marking = tasks.create_task(self._write_marks(holdings, writer, reader))
                await self._loop(holdings, reader)
                marking.cancel()
        except Unavailable as error:
            self._note("reading", error)
            await asyncio.sleep(READER_RETRY_S)

    async def _loop(self, holdings: Holdings, reader: LogReader) -> None:
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
        self, holdings: Holdings, polled: Mapping[TopicPartition, Sequence[Record]], reader: LogReader
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

    async def _follow_ownership(self, holdings: Holdings, reader: LogReader) -> None:
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

    async def _prove(self, holdings: Holdings) -> None:
        """Prove the logs again and again, for ever; a log that does not answer is for the main reader to tell of."""
        prover = Prover(self.config.topics, lambda: holdings.lanes)

        def disproved(partition: OwnedPartition, region: str, error: StreamBroken) -> None:
            holdings.disproved.append((partition, region, error))

        while True:
            with suppress(Unavailable):
                async with self._log.reader() as reader:
                    await keep_proving(prover, reader, disproved=disproved)
            await asyncio.sleep(READER_RETRY_S)

    async def _write_marks(self, holdings: Holdings, writer: LogWriter, reader: LogReader) -> None:
        config = self.config
        now = asyncio.get_running_loop().time
        marks = MarkWriter(writer, self._loaded.codec, self._clock, now, region=config.region, topic=config.own_topic)
        while True:
            await asyncio.sleep(POLL_MS / 1000)
            due = [
                lane.partition
                for number, lane in holdings.lanes.items()
                if marks.due(lane.partition, end=reader.end((config.own_topic, number)))
            ]
            if due:
                config.failpoints.reach("marking")
                await marks.write(due)
                config.failpoints.reach("marked")
                self._tell_of_marks(due, marks.failed)

    def _tell_of_marks(self, due: Sequence[OwnedPartition], failed: Mapping[int, Unavailable]) -> None:
        """Show which marks could not be appended: without them nobody can tell how old this region's events are."""
        for number in (partition.number for partition in due):
            what = f"the marks of partition {number}"
            if (error := failed.get(number)) is None:
                self._health.troubles.pop(what, None)
            else:
                self._note(what, error)
                self._observer.mark_failed(number, error=error)

    def _note(self, what: str, error: Exception) -> None:
        self._health.troubles[what] = (str(error), asyncio.get_running_loop().time() + TROUBLE_S)


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The error that ended a group of tasks; the others followed from it."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
