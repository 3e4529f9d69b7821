"""Vector clocks: which events of which nodes had been seen.

Theory. Per match, the events of one node are numbered 1, 2, 3 ... without holes, and they are delivered in that
order. A set of delivered events is therefore described exactly by the highest number per node. One set contains
another when every counter of the smaller is reached by the larger; a node that is missing counts as 0. Two sets may
each hold what the other lacks, so the order is partial and has four outcomes (Fidge 1988, Mattern 1989).

The trap this module exists to avoid: comparing only the keys that both sides have makes {a:5} and {b:1} look equal,
and walking only one side's keys makes one of them look smaller. They are concurrent.

Zeros are never stored: with them {a:1, b:0} and {a:1} would be the same clock with two hashes.
"""

from __future__ import annotations

from collections.abc import ItemsView, Mapping
from typing import TYPE_CHECKING

from dojopool.core.clock.order import Order

if TYPE_CHECKING:
    from dojopool.core.event import Dot


class VectorClock:
    """An immutable clock: node -> highest counter seen. Every operation returns a new clock."""

    __slots__ = ("_times",)

    def __init__(self, times: Mapping[str, int] | None = None) -> None:
        """Copy `times`, leaving out zeros. Raises ValueError for a negative counter."""
        copied = {}
        for node, time in (times or {}).items():
            if time < 0:
                raise ValueError(f"a clock counts events, but {node!r} has {time}")
            if time:
                copied[node] = time
        self._times = copied

    def time_of(self, node: str) -> int:
        """The highest counter of `node` that was seen, 0 when none was."""
        return self._times.get(node, 0)

    def covers(self, dot: Dot) -> bool:
        """Whether the event named by `dot` was seen."""
        return dot[1] <= self._times.get(dot[0], 0)

    def order(self, other: VectorClock) -> Order:
        """How this clock stands to `other`."""
        below, above = self <= other, other <= self
        if below:
            return Order.SAME if above else Order.BEFORE
        return Order.AFTER if above else Order.CONCURRENT

    def happened_before(self, other: VectorClock) -> bool:
        """Whether `other` saw everything that this clock saw, and more."""
        return self.order(other) is Order.BEFORE

    def is_concurrent_with(self, other: VectorClock) -> bool:
        """Whether each clock saw something that the other did not."""
        return self.order(other) is Order.CONCURRENT

    def __le__(self, other: VectorClock) -> bool:
        """Whether `other` saw everything that this clock saw. Walks this clock's own nodes: only those can exceed the
        other.
        """
        theirs = other._times
        for node, time in self._times.items():  # noqa: SIM110 - a generator costs twice as much here
            if time > theirs.get(node, 0):
                return False
        return True

    def merge(self, other: VectorClock) -> VectorClock:
        """What either clock saw: the larger counter of every node."""
        merged = dict(self._times)
        for node, time in other._times.items():
            if time > merged.get(node, 0):
                merged[node] = time
        return VectorClock(merged)

    def meet(self, other: VectorClock) -> VectorClock:
        """What both clocks saw: the smaller counter of every node, so that nodes on one side only vanish."""
        theirs = other._times
        return VectorClock({node: min(time, theirs.get(node, 0)) for node, time in self._times.items()})

    def with_time(self, node: str, time: int) -> VectorClock:
        """This clock with `node` raised to `time`; a lower time changes nothing."""
        return self.merge(VectorClock({node: time}))

    def items(self) -> ItemsView[str, int]:
        """The (node, counter) pairs; no counter is 0."""
        return self._times.items()

    def as_dict(self) -> dict[str, int]:
        """A fresh dictionary in order of node, as JSON shows it."""
        return dict(sorted(self._times.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VectorClock) and self._times == other._times

    def __hash__(self) -> int:
        return hash(frozenset(self._times.items()))

    def __len__(self) -> int:
        return len(self._times)

    def __repr__(self) -> str:
        return f"VectorClock({self.as_dict()!r})"
