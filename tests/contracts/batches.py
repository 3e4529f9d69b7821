"""Batches as the store suites write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dojopool.core.cut import Position
from dojopool.ports import Batch, Head, MatchChange, Outcome, StateStore

Positions = Mapping[str, Position]


def eu(next_offset: int, tick: int = 0) -> Positions:
    """Positions of one stream, the tick's own offset and time derived."""
    return {"eu": Position(next_offset, tick, next_offset - 1 if tick else -1, 1_754_000_000_000 + tick)}


def change(match: str, state: bytes = b"state", **fields: object) -> MatchChange:
    """One changed match with these fields as JSON, or with `phase` when none is named."""
    rendered = {name: json.dumps(value).encode() for name, value in (fields or {"phase": "live"}).items()}
    return MatchChange(match, state, rendered)


@dataclass(slots=True)
class Owner:
    """An owner that claimed a partition and writes one batch after the other, as a replica does."""

    store: StateStore
    partition: int
    head: Head

    @classmethod
    async def claim(cls, store: StateStore, partition: int = 0, name: str = "replica-1") -> Owner:
        """Claim and remember what is stored."""
        return cls(store, partition, await store.claim(partition, owner=name))

    def batch(self, positions: Positions, *changes: MatchChange, at_ms: int = 1_000) -> Batch:
        """The batch that goes from what is stored to `positions`."""
        return Batch(self.partition, self.head.epoch, "v1", self.head.positions, positions, changes, at_ms)

    async def write(self, positions: Positions, *changes: MatchChange, at_ms: int = 1_000) -> None:
        """Write a batch that must be applied."""
        outcome, self.head = await self.store.write(self.batch(positions, *changes, at_ms=at_ms))
        assert outcome is Outcome.APPLIED

    async def write_matches(self, names: Sequence[str], *, at_ms: int = 1_000) -> None:
        """Write one batch per match, each one record further."""
        for name in names:
            start = self.head.positions["eu"].next_offset if self.head.positions else 0
            await self.write(eu(start + 1), change(name), at_ms=at_ms)


async def stored_states(store: StateStore, partition: int = 0) -> dict[str, bytes]:
    """The states of a partition, chunks put together; two answers for one match must agree."""
    found: dict[str, bytes] = {}
    async for chunk in store.states(partition):
        for match, state in chunk:
            assert found.setdefault(match, state) == state
    return found
