"""One region in memory for tests of the SDK: a log, a store, and a fold between them that works when it is told to.

What connects here is the real SDK with the real codec and fold. The one thing missing is a replica with a mind of its
own: nothing reaches the store before `fold`, so a test decides what readers have seen.
"""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from dojopool.adapters.memory_log import MemoryLog
from dojopool.adapters.memory_store import MemoryStore
from dojopool.client import Dojo, Limits, MatchHandle, Unknown, open_dojo
from dojopool.core.cut import Position
from dojopool.core.event import Event
from dojopool.core.fold import Tally
from dojopool.core.partition import partition_of
from dojopool.games.loading import LoadedGame, load_game
from dojopool.games.pool import PointsAwarded
from dojopool.ports import Batch, Head, MatchChange, Outcome
from dojopool.replica.rendering import render

NODE = "eu/gs-1#a"
PARTITIONS = 4
NOW_MS = 1_754_000_000_000
BRISK = Limits(pause_s_min=0.001, pause_s_max=0.004)
"""Repeats without long pauses, for tests on a real clock."""


class SetClock:
    """A wall clock that shows what it is set to."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.at_ms


class Region:
    """A region called eu, of a deployment of eu and us."""

    def __init__(self, *, prefix: str = "dojo", config: dict[str, str] | None = None) -> None:
        self.topic = f"{prefix}.events.eu"
        self.log = MemoryLog(region="eu")
        self.log.create(self.topic, partitions=PARTITIONS, config=config or {})
        self.store = MemoryStore(region="eu")
        self.clock = SetClock()
        self.loaded: LoadedGame = load_game("pool")
        self._fold = self.loaded.new_fold()
        self._heads: dict[int, Head] = {}

    def connect(self, node: str = NODE, **changes: Any) -> AbstractAsyncContextManager[Dojo]:
        """An SDK connection; `changes` replace arguments of `open_dojo`."""
        arguments: dict[str, Any] = {
            "log": self.log,
            "views": self.store,
            "clock": self.clock,
            "loaded": self.loaded,
            "region": "eu",
            "regions": ("eu", "us"),
            "partitions": PARTITIONS,
            "prefix": self.topic.partition(".")[0],
            "node": node,
            "limits": BRISK,
        }
        return open_dojo(**(arguments | changes))

    def events(self, match: str, *, repeats: bool = False) -> list[Event]:
        """The events of a match in the order of the log, first occurrences only unless `repeats`."""
        found: dict[bytes, Event] = {}
        every = []
        for record in self.log.partition((self.topic, partition_of(match, PARTITIONS))).read(0):
            event = self.loaded.codec.decode(record.value or b"")
            assert isinstance(event, Event)
            if event.match == match:
                assert record.key == match.encode()
                found.setdefault(event.data, event)
                every.append(event)
        return every if repeats else list(found.values())

    def dots(self, match: str) -> list[tuple[str, int]]:
        """The dots of a match in the order of the log, first occurrences only."""
        return [event.dot for event in self.events(match)]

    async def fold(self) -> None:
        """Bring everything in the log into the store, by the fold itself."""
        for number in range(PARTITIONS):
            partition = self.log.partition((self.topic, number))
            if number not in self._heads:
                self._heads[number] = await self.store.claim(number, owner="test")
            head = self._heads[number]
            start = head.positions["eu"].next_offset if head.positions else 0
            if start == partition.end:
                continue
            for record in partition.read(start):
                event = self._fold.read(record.value or b"")
                assert isinstance(event, Event)
                self._fold.deliver(event, Tally())
            batch = Batch(
                partition=number,
                epoch=head.epoch,
                version="test",
                expected=head.positions,
                positions={"eu": Position(next_offset=partition.end)},
                changes=self._changes(),
                at_ms=self.clock.now_ms(),
            )
            outcome, self._heads[number] = await self.store.write(batch)
            assert outcome is Outcome.APPLIED

    def waiting(self) -> int:
        """How many events that were folded wait for others."""
        return self._fold.waiting("eu")

    def _changes(self) -> list[MatchChange]:
        kind = self.loaded.game.kind
        return [
            render(match, self._fold.matches[match], kind, fields=fields, at_ms=self.clock.now_ms())
            for match, fields in self._fold.take_changed().items()
        ]

    async def put_marks(self, **mark_ms: int) -> None:
        """Write the status of every partition with these mark times, as a replica does."""
        status = json.dumps({"at": self.clock.now_ms(), "marks": mark_ms}).encode()
        await self.store.put_status({str(number): status for number in range(PARTITIONS)})


def points(number: int = 1, *, player: str = "ana", frame: int = 1) -> PointsAwarded:
    """An event that adds up, so that a lost or doubled one shows in the sum."""
    return PointsAwarded(frame=frame, player=player, points=number)


async def doubtful(region: Region, match: MatchHandle) -> Unknown:
    """An event that the log stopped answering for."""
    region.log.stop_answering()
    receipt = await match.record(points(), timeout_s=1.0)
    assert isinstance(receipt, Unknown)
    return receipt
