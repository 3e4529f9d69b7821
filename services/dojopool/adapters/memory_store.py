"""One region's state in this process: the in-memory twin of Redis, kept honest by the suites in `tests/contracts/`.

It is as strict as the functions in `lua/dojo.lua`: a batch is applied whole or not at all, under the partition's epoch
and on exactly the positions that are stored. And it forgets on request, as Redis does when it is flushed or fails over
to a copy that was behind; that is what the strictness is for.

State and positions of a partition are lost together or not at all, because in Redis they are one key. Views, lists and
change streams are other keys, so `reset` leaves them.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from heapq import nlargest
from operator import itemgetter
from typing import Final

from dojopool.adapters.bell import Bell
from dojopool.core.cut import Position
from dojopool.errors import ConfigError, Unavailable
from dojopool.ports import Batch, ChangeBatch, Head, Outcome

STATES_PER_CHUNK: Final = 500
CHANGES_KEPT: Final = 10_000
CHANGES_SLACK: Final = 100
"""The cap is near, not exact: Redis drops a stream's entries by the hundred, and so does this."""

CHANGES_PER_READ: Final = 100
"""Whoever is further behind asks again, here as in Redis."""


@dataclass(slots=True)
class _Partition:
    """What is stored of one partition."""

    epoch: int = 0
    owner: str = ""
    version: str | None = None
    positions: dict[str, Position] | None = None
    states: dict[str, bytes] = field(default_factory=dict)
    views: dict[str, dict[str, bytes]] = field(default_factory=dict)
    changed_at_ms: dict[str, int] = field(default_factory=dict)
    changes: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    """Number and matches of each entry of the change stream, oldest first."""

    def head(self) -> Head:
        return Head(self.epoch, None if self.positions is None else dict(self.positions), self.version)

    def refusal(self, batch: Batch) -> Outcome | None:
        """Why the batch may not be written now."""
        if self.epoch != batch.epoch:
            # A lower epoch was not claimed by another: the store lost our claim, and what came after it.
            return Outcome.FENCED if self.epoch > batch.epoch else Outcome.MOVED
        stored = _compared(self.positions)
        if stored == _compared(batch.positions):
            return Outcome.ALREADY_STORED
        return None if stored == _compared(batch.expected) else Outcome.MOVED

    def apply(self, batch: Batch, *, entry: int) -> None:
        """Write the batch; `entry` numbers its announcement."""
        for change in batch.changes:
            self.states[change.match] = bytes(change.state)
            view = self.views.setdefault(change.match, {})
            view.update({name: bytes(value) for name, value in change.fields.items()})
            self.changed_at_ms[change.match] = batch.at_ms
        if batch.changes:
            self.changes.append((entry, tuple(change.match for change in batch.changes)))
            if len(self.changes) > CHANGES_KEPT + CHANGES_SLACK:
                del self.changes[:CHANGES_SLACK]
        self.positions = dict(batch.positions)
        self.version = batch.version


@dataclass(frozen=True, slots=True)
class StoreCopy:
    """All that a store held at one time, for `MemoryStore.roll_back`. Nothing to look into."""

    partitions: Mapping[int, _Partition]
    status: Mapping[str, bytes]


class MemoryStore:
    """`ports.StateStore` and `ports.ViewReader` of one region, for as long as the object lives."""

    def __init__(self, *, region: str, eviction_policy: str = "noeviction") -> None:
        self.region = region
        self.eviction_policy = eviction_policy
        """What `check` finds as the server's `maxmemory-policy`."""
        self._partitions: defaultdict[int, _Partition] = defaultdict(_Partition)
        self._status: dict[str, bytes] = {}
        self._bells: defaultdict[int, Bell] = defaultdict(Bell)
        # In Redis epochs and cursors come from the server's clock. Here a count stands for it, never set back.
        self._ticks = 0
        self._answers = True
        self._write_faults: list[bool] = []

    # ports.StateStore

    async def claim(self, partition: int, *, owner: str) -> Head:
        """See `ports.StateStore`. An epoch is never given twice, also not after `flush` or `roll_back`."""
        await self._reached(f"claiming partition {partition}")
        stored = self._partitions[partition]
        stored.epoch = max(stored.epoch + 1, self._tick())
        stored.owner = owner
        return stored.head()

    async def states(self, partition: int) -> AsyncIterator[Sequence[tuple[str, bytes]]]:
        """See `ports.StateStore`."""
        names = list(self._partitions[partition].states)
        for start in range(0, len(names), STATES_PER_CHUNK):
            await self._reached(f"reading the states of partition {partition}")
            stored = self._partitions[partition].states
            chunk = [(name, stored[name]) for name in names[start : start + STATES_PER_CHUNK] if name in stored]
            if chunk:
                yield chunk

    async def states_of(self, partition: int, matches: Sequence[str]) -> Mapping[str, bytes]:
        """See `ports.StateStore`."""
        await self._reached(f"reading states of partition {partition}")
        stored = self._partitions[partition].states
        return {match: stored[match] for match in matches if match in stored}

    async def reset(self, partition: int, *, epoch: int) -> bool:
        """See `ports.StateStore`."""
        await self._reached(f"resetting partition {partition}")
        stored = self._partitions[partition]
        if stored.epoch != epoch:
            return False
        stored.positions, stored.version = None, None
        stored.states.clear()
        return True

    async def write(self, batch: Batch) -> tuple[Outcome, Head]:
        """See `ports.StateStore`."""
        doing = f"writing a batch of partition {batch.partition}"
        await self._reached(doing)
        fault = self._write_faults.pop(0) if self._write_faults else None
        if fault is False:
            raise self._unavailable(doing)
        stored = self._partitions[batch.partition]
        refused = stored.refusal(batch)
        if refused is None:
            stored.apply(batch, entry=self._tick())
            self._bells[batch.partition].ring()
        head = stored.head()
        # The answer travels as well: who is cancelled now has written, and does not know it.
        await asyncio.sleep(0)
        if fault:
            raise self._unavailable(doing)
        return refused or Outcome.APPLIED, head

    async def put_status(self, fields: Mapping[str, bytes]) -> None:
        """See `ports.StateStore`."""
        await self._reached("writing the status")
        self._status.update({name: bytes(value) for name, value in fields.items()})

    async def check(self, *, partitions: int) -> None:
        """See `ports.StateStore`."""
        await self._reached("checking the store")
        if self.eviction_policy != "noeviction":
            raise ConfigError(
                f"the store of {self.region} has maxmemory-policy {self.eviction_policy}: it would drop state silently"
                " when memory is short; set it to noeviction"
            )
        stored = self._status.get("partitions")
        if stored is not None and int(stored) != partitions:
            raise ConfigError(
                f"{partitions} partitions were asked for, the store of {self.region} holds state of {int(stored)}:"
                " the number is fixed for the life of a deployment"
            )

    # ports.ViewReader

    async def view(self, partition: int, match: str) -> Mapping[str, bytes]:
        """See `ports.ViewReader`."""
        await self._reached(f"reading match {match}")
        return dict(self._partitions[partition].views.get(match, {}))

    async def matches(self, partition: int, *, limit: int) -> Sequence[tuple[str, int]]:
        """See `ports.ViewReader`. Of equal times the id that sorts last comes first, as in Redis."""
        await self._reached(f"listing matches of partition {partition}")
        return nlargest(limit, self._partitions[partition].changed_at_ms.items(), key=itemgetter(1, 0))

    async def last_change(self, partition: int) -> str:
        """See `ports.ViewReader`."""
        await self._reached(f"reading the change stream of partition {partition}")
        entries = self._partitions[partition].changes
        return _cursor(entries[-1][0] if entries else 0)

    async def changes(self, partition: int, *, after: str, timeout_ms: int) -> Sequence[ChangeBatch]:
        """See `ports.ViewReader`."""
        deadline_s = asyncio.get_running_loop().time() + timeout_ms / 1000
        await self._reached(f"waiting for changes of partition {partition}")
        while not (found := self._entries(partition, behind=int(after.partition("-")[0]))):
            if not await self._bells[partition].rung_before(deadline_s):
                break
        return found

    async def status(self) -> Mapping[str, bytes]:
        """See `ports.ViewReader`."""
        await self._reached("reading the status")
        return dict(self._status)

    # Faults.

    def fail_next_write(self, *, applied: bool, times: int = 1) -> None:
        """Raise Unavailable from the next `write`, which was sent to the end (`applied`) or never arrived."""
        self._write_faults += [applied] * times

    def stop_answering(self) -> None:
        """Raise Unavailable from every call from now on; waits for changes just find none."""
        self._answers = False

    def answer_again(self) -> None:
        """End `stop_answering`."""
        self._answers = True

    def flush(self) -> None:
        """Lose everything, as FLUSHALL does, or a server without a disk that starts anew."""
        self._partitions.clear()
        self._status.clear()

    def take_copy(self) -> StoreCopy:
        """What a replica server of this one would hold now."""
        return deepcopy(StoreCopy(dict(self._partitions), self._status))

    def roll_back(self, to: StoreCopy) -> None:
        """Lose every write and claim since the copy was taken, as a failover to a server that was behind does."""
        held = deepcopy(to)
        self._partitions.clear()
        self._partitions.update(held.partitions)
        self._status = dict(held.status)

    def _entries(self, partition: int, *, behind: int) -> list[ChangeBatch]:
        entries = self._partitions[partition].changes
        start = bisect_right(entries, behind, key=itemgetter(0))
        return [ChangeBatch(_cursor(number), matches) for number, matches in entries[start : start + CHANGES_PER_READ]]

    def _tick(self) -> int:
        self._ticks += 1
        return self._ticks

    async def _reached(self, doing: str) -> None:
        """A request's way to the store: one turn of the loop."""
        await asyncio.sleep(0)
        if not self._answers:
            raise self._unavailable(doing)

    def _unavailable(self, doing: str) -> Unavailable:
        return Unavailable(f"{doing}: the store of {self.region} does not answer; the outcome is not known, try again")


def _compared(positions: Mapping[str, Position] | None) -> dict[str, tuple[int, int]] | None:
    """What of positions is compared: of every stream the next offset and the tick."""
    if positions is None:
        return None
    return {region: (position.next_offset, position.tick) for region, position in positions.items()}


def _cursor(entry: int) -> str:
    return f"{entry}-0"
