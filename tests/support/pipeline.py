"""One region's pipeline on the in-memory twins: events appended to the log, real replicas, and what readers then see.

For tests of the replica and of what stands behind it. Best run on a loop of virtual time: the wall clock here follows
the loop's, so seconds of marks and retries pass at once, and always alike.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from dojopool.adapters.memory_log import MemoryLog
from dojopool.adapters.memory_partition import StoredRecord
from dojopool.adapters.memory_store import MemoryStore
from dojopool.core.cut import Mark, Position
from dojopool.core.fold import Tally
from dojopool.core.match import Match
from dojopool.core.partition import partition_of
from dojopool.games.loading import LoadedGame, load_game
from dojopool.ports import BatchFacts, EventLog, Observer, StateStore
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.failpoints import OFF
from dojopool.replica.lane import Lane
from dojopool.replica.service import Replica

NOW_MS: Final = 1_754_000_000_000
PREFIX: Final = "dojo"
POOL: Final = load_game("pool")
DEADLINE_S: Final = 60.0
LOOK_S: Final = 0.01


class LoopClock:
    """A wall clock that follows the running loop's time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return NOW_MS + int(asyncio.get_running_loop().time() * 1000)


@dataclass(slots=True)
class Facts:
    """An observer that remembers everything."""

    batches: list[BatchFacts] = field(default_factory=list)
    claimed: list[tuple[int, int, int]] = field(default_factory=list)
    """Partition, epoch, matches loaded."""
    released: list[tuple[int, str]] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)
    marks_failed: list[tuple[int, str]] = field(default_factory=list)
    letters: list[tuple[str, int, int, str]] = field(default_factory=list)
    """Topic, partition, offset, reason."""
    links_max: int = 0

    def batch_applied(self, facts: BatchFacts, *, write_s: float) -> None:
        self.batches.append(facts)

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        self.claimed.append((partition, epoch, matches))

    def partition_released(self, partition: int, *, reason: str) -> None:
        self.released.append((partition, reason))

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        self.failed.append((partition, str(error)))

    def mark_failed(self, partition: int, *, error: Exception) -> None:
        self.marks_failed.append((partition, str(error)))

    def letter_written(self, *, topic: str, partition: int, offset: int, kind: str, reason: str) -> None:
        self.letters.append((topic, partition, offset, reason))


class Scorer:
    """A writer of pool events: each call is its next event on the match, as bytes."""

    def __init__(self, node: str = "eu/gs-1#a") -> None:
        self.node = node
        self.seqs: dict[str, int] = {}

    def points(self, match: str, points: int = 1, *, seen: Mapping[str, int] | None = None) -> bytes:
        """`points` for ana in frame 1, having read the clock `seen` of other nodes."""
        return self.event(match, "points_awarded", {"frame": 1, "player": "ana", "points": points}, seen=seen)

    def event(self, match: str, kind: str, body: Mapping[str, Any], *, seen: Mapping[str, int] | None = None) -> bytes:
        """An event of any type."""
        seq = self.seqs[match] = self.seqs.get(match, 0) + 1
        return POOL.codec.encode(
            match=match, node=self.node, seq=seq, base=None, context=seen, stamp=seq << 16, type=kind, body=body
        )


def folded(*values: bytes, match: str = "m-1") -> Match:
    """A match of these events."""
    fold, tally = POOL.new_fold(), Tally()
    for value in values:
        read: Any = fold.read(value)
        fold.deliver(read, tally)
    return fold.matches[match]


def records(first: int, *values: bytes, match: str = "m-1") -> list[StoredRecord]:
    """Records of one match with these values, from offset `first` on, as a reader returns them."""
    return [StoredRecord(offset, match.encode(), value, (), NOW_MS) for offset, value in enumerate(values, first)]


def mark(tick: int, *, region: str = "eu", time_ms: int = NOW_MS) -> bytes:
    """The value of a mark."""
    return POOL.codec.encode_mark(Mark(region=region, tick=tick, time_ms=time_ms))


@dataclass(slots=True)
class Running:
    """A replica at work."""

    replica: Replica
    facts: Facts
    task: asyncio.Task[None]
    is_judged: bool = False
    """Whether the test has looked at how it ended."""

    @property
    def lanes(self) -> Mapping[int, Lane]:
        """What it holds, to look into."""
        assert self.replica.holdings is not None, "it has not begun"
        return self.replica.holdings.lanes

    def problems(self) -> str:
        """What stands in its way, on one line."""
        return "; ".join(self.replica.report().problems)

    async def ended(self) -> None:
        """Wait until it has ended, and raise what it raised."""
        self.is_judged = True
        async with asyncio.timeout(DEADLINE_S):
            await self.task


class Pipeline:
    """The log and the store of region eu in a deployment of `regions`, with all topics."""

    def __init__(
        self, *, regions: tuple[str, ...] = ("eu", "us"), partitions: int = 1, log: MemoryLog | None = None
    ) -> None:
        self.regions, self.partitions, self.prefix = regions, partitions, PREFIX
        self.failpoints = OFF
        """Of the replicas that are configured from now on."""
        self.log = log or MemoryLog(region="eu")
        self.store = MemoryStore(region="eu")
        self.config = self.configured("replica-1")
        for name in (*self.config.topics.values(), self.config.letters_topic):
            self.log.create(name, partitions=partitions, config={})

    def configured(self, owner: str) -> ReplicaConfig:
        """The configuration of one replica process."""
        return ReplicaConfig(
            region="eu",
            regions=self.regions,
            partitions=self.partitions,
            prefix=self.prefix,
            owner=owner,
            failpoints=self.failpoints,
        )

    @asynccontextmanager
    async def replica(
        self,
        owner: str = "replica-1",
        *,
        log: EventLog | None = None,
        store: StateStore | None = None,
        loaded: LoadedGame = POOL,
        around: Callable[[Observer], Observer] = lambda observer: observer,
    ) -> AsyncIterator[Running]:
        """A running replica, told to stop at the end, which it must do well unless the test looks at it itself.

        `log` and `store` stand in for ours; `around` may put an observer around the one that remembers.
        """
        facts = Facts()
        replica = Replica(
            self.configured(owner),
            log=log or self.log,
            store=store or self.store,
            loaded=loaded,
            clock=LoopClock(),
            observer=around(facts),
        )
        task = asyncio.create_task(replica.run())  # allowed: awaited below, before this returns
        running = Running(replica, facts, task)
        try:
            yield running
            replica.stop()
            if not running.is_judged:
                await running.ended()
        finally:
            task.cancel()
            await asyncio.wait([task])

    def match_in(self, partition: int) -> str:
        """A match that lives in this partition."""
        names = (f"m-{number}" for number in range(1000))
        return next(name for name in names if partition_of(name, self.partitions) == partition)

    # Writing to the log, past all faults.

    def append(self, *values: bytes, region: str = "eu", partition: int | None = None) -> int:
        """Append events, keyed by their match, and return the offset of the first. One call, one partition."""
        matches = [POOL.codec.decode(value).match for value in values]  # type: ignore[union-attr]  # events only
        number = partition_of(matches[0], self.partitions) if partition is None else partition
        return self.append_raw(
            *((match.encode(), value) for match, value in zip(matches, values, strict=True)),
            region=region,
            partition=number,
        )

    def append_raw(
        self,
        *records: tuple[bytes | None, bytes | None],
        region: str = "eu",
        partition: int = 0,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> int:
        """Append any keys and values, and return the offset of the first."""
        stored = [StoredRecord(-1, key, value, headers, NOW_MS) for key, value in records]
        return self.log.copy_in((self.config.topic_of(region), partition), stored)

    def append_mark(self, tick: int, *, region: str = "eu", partition: int = 0, time_ms: int = NOW_MS) -> int:
        """Append a mark, and return its offset."""
        value = mark(tick, region=region, time_ms=time_ms)
        return self.append_raw((None, value), region=region, partition=partition)

    # What there is now.

    def ticks(self, *, region: str = "eu", partition: int = 0) -> list[int]:
        """The ticks of the marks in a stream, in log order."""
        found = map(POOL.codec.decode, self.values(self.config.topic_of(region), partition))
        return [mark.tick for mark in found if isinstance(mark, Mark)]

    def values(self, topic: str, partition: int = 0) -> list[bytes]:
        """The values of a partition, in log order, but those that no event or mark begins like."""
        records = self.log.partition((topic, partition)).read(0)
        return [record.value for record in records if (record.value or b"").startswith(b"\xc3\x01")]  # type: ignore[misc]  # the filter drops None

    def letters(self, partition: int = 0) -> Sequence[StoredRecord]:
        """The dead letters."""
        return self.log.partition((self.config.letters_topic, partition)).read(0)

    def stored(self, partition: int = 0) -> Mapping[str, Position]:
        """The stored positions; none when there are none."""
        found = self.store.take_copy().partitions.get(partition)
        return {} if found is None or found.positions is None else found.positions

    async def states(self, partition: int = 0) -> dict[str, bytes]:
        """The canonical bytes of each match of a partition."""
        return {match: state async for chunk in self.store.states(partition) for match, state in chunk}

    async def view(self, match: str) -> dict[str, Any]:
        """A match as readers see it, decoded; empty when there is none."""
        found = await self.store.view(partition_of(match, self.partitions), match)
        return {name: json.loads(value) for name, value in found.items()}

    async def points(self, match: str) -> int:
        """The points of ana in frame 1, as readers see them."""
        frame = (await self.view(match)).get("frames", {}).get("1", {})
        return int(frame.get("points", {}).get("ana", 0))

    def caught_up(self, *, partition: int = 0, regions: Sequence[str] | None = None) -> bool:
        """Whether everything in the streams of a partition is stored."""
        stored = self.stored(partition)
        ends = {
            region: self.log.partition((self.config.topic_of(region), partition)).end
            for region in regions or self.regions
        }
        return all(region in stored and stored[region].next_offset == end for region, end in ends.items())

    async def settled(self, *, partition: int = 0, regions: Sequence[str] | None = None) -> None:
        """Wait until everything in the streams of a partition is stored."""
        await until(lambda: self.caught_up(partition=partition, regions=regions), "everything read is stored")


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds; `what` says which, for when it does not."""
    end_s = asyncio.get_running_loop().time() + DEADLINE_S
    while not condition():
        assert asyncio.get_running_loop().time() < end_s, f"not in {DEADLINE_S:g} s: {what}"
        await asyncio.sleep(LOOK_S)


async def passed(seconds: float) -> None:
    """Let time pass in which something must not happen, or goes on happening."""
    await asyncio.sleep(seconds)
