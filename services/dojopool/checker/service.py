"""The checker: folds the streams of its partitions as a replica does, judges what changed and publishes violations.

It keeps no state of its own. Whoever takes a partition over reads what is published of it, folds the partition from
the log's beginning, and goes on from there. Two checkers that both think they own a partition do no harm: what they
publish has the same ids and, at the same clock, the same bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from dojopool.check_facts import CheckObserver
from dojopool.checker.config import CheckerConfig
from dojopool.checker.known import read_history
from dojopool.checker.lane import CheckLane
from dojopool.checker.publisher import Publisher
from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.invariants.register import Register
from dojopool.core.invariants.rules import Rule
from dojopool.games.loading import LoadedGame
from dojopool.ports import Clock, EventLog, Head, LogReader, LogWriter, Membership
from dojopool.replica.holdings import Holdings
from dojopool.replica.partition import OwnedPartition
from dojopool.replica.program import PartitionProgram

COMMIT_PERIOD_S: Final = 1.0
"""How often offsets are committed, for lag tools."""


class Checker(PartitionProgram[CheckLane]):
    """One checker process of one region. `run` it once; `stop` makes it drain and return."""

    name = "checker"

    def __init__(
        self,
        config: CheckerConfig,
        *,
        log: EventLog,
        loaded: LoadedGame,
        rules: Sequence[Rule],
        codec: ViolationCodec,
        clock: Clock,
        observer: CheckObserver,
    ) -> None:
        super().__init__(config, log=log)
        self._where, self._loaded, self._rules, self._codec = config, loaded, rules, codec
        self._clock, self._observer = clock, observer

    async def _check(self) -> None:
        """Nothing but the log is needed, and joining the group finds out about that."""

    def _new_holdings(self, writer: LogWriter, tasks: asyncio.TaskGroup) -> Holdings[CheckLane]:
        where = self._where
        publisher = Publisher(writer, self._codec, topic=where.violations_topic, source=where.source)

        async def take_over(number: int, reader: LogReader) -> CheckLane:
            empty = Head(epoch=0, positions=None, version=None)
            partition = OwnedPartition(number, empty, self._loaded, partitions=where.partitions, regions=where.regions)
            streams = {region: (topic, number) for region, topic in where.topics.items()}
            bounds = await reader.bounds(list(streams.values()))
            async with self._log.reader() as published:
                history = await read_history(published, [(where.violations_topic, number)], self._codec)
            return CheckLane(
                partition,
                where.topics,
                self._rules,
                Register(self._rules, [standing.latest for standing in history.standings.values()]),
                targets={region: bounds[stream][1] for region, stream in streams.items()},
                publisher=publisher,
                clock=self._clock,
                observer=self._observer,
                tasks=tasks,
                failpoints=where.failpoints,
            )

        return Holdings(where, take_over=take_over, observer=self._observer)

    async def _tell(self, holdings: Holdings[CheckLane], membership: Membership) -> None:
        """Commit how far each partition was read, for lag tools; nothing is ever read from there."""
        region = self._where.region
        while True:
            await membership.commit(
                {number: lane.partition.next_offset(region) for number, lane in holdings.lanes.items()}
            )
            await asyncio.sleep(COMMIT_PERIOD_S)

    def _mark(
        self, holdings: Holdings[CheckLane], writer: LogWriter, reader: LogReader
    ) -> Coroutine[Any, Any, None] | None:
        return None  # marks number the streams of replicas' regions; one more writer would help nobody
