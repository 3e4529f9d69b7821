"""The replica: folds the streams of its partitions, keeps the folded state in the store, and marks its own region's.

A process that does not know that it lost a partition is stopped by the store's epoch (see `lane`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from dojopool.errors import Unavailable
from dojopool.games.loading import LoadedGame
from dojopool.ports import Clock, EventLog, LogReader, LogWriter, Membership, Observer, StateStore
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.holdings import Holdings
from dojopool.replica.lane import Lane
from dojopool.replica.letters import DeadLetters
from dojopool.replica.loading import take_over
from dojopool.replica.marks import MarkWriter
from dojopool.replica.partition import OwnedPartition
from dojopool.replica.program import POLL_MS, PartitionProgram
from dojopool.replica.status import keep_status


class Replica(PartitionProgram[Lane]):
    """One replica process of one region. `run` it once; `stop` makes it drain and return."""

    name = "replica"

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
        super().__init__(config, log=log)
        self._store, self._loaded, self._clock, self._observer = store, loaded, clock, observer

    async def _check(self) -> None:
        await self._store.check(partitions=self.config.partitions)

    def _new_holdings(self, writer: LogWriter, tasks: asyncio.TaskGroup) -> Holdings[Lane]:
        config, store, observer = self.config, self._store, self._observer
        new_lane = partial(
            Lane,
            topics=config.topics,
            store=store,
            letters=DeadLetters(writer, observer, topic=config.letters_topic),
            clock=self._clock,
            observer=observer,
            tasks=tasks,
            failpoints=config.failpoints,
        )

        async def new_holding(number: int, reader: LogReader) -> Lane:
            return new_lane(await take_over(number, store=store, reader=reader, loaded=self._loaded, config=config))

        return Holdings(config, take_over=new_holding, observer=observer)

    def _tell(self, holdings: Holdings[Lane], membership: Membership) -> Coroutine[Any, Any, None]:
        return keep_status(
            self.config,
            version=self._loaded.version,
            store=self._store,
            membership=membership,
            lanes=lambda: holdings.lanes,
        )

    async def _mark(self, holdings: Holdings[Lane], writer: LogWriter, reader: LogReader) -> None:
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
