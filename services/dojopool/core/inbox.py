"""Causal delivery: an event is delivered after everything its writer had seen, once, whatever order records arrive in.

Rule. With `D` the clock of what was delivered, event `(j, n)` is delivered when `D[j] = n - 1` and its context is
within `D`; then `D[j] = n`. `n <= D[j]` is a duplicate. Anything else waits (Birman, Schiper, Stephenson 1991; with
per-match counters a hole is visible at once). A null context means that of the node's previous event: once that one
is delivered, so is its context, and the event waits for nothing else.

Cost. What waits is indexed twice, so that work never grows with the backlog: by origin and counter, because only the
*head* of an origin, `D[j] + 1`, can become deliverable; and by the one missing dot that blocks a head, so that a
delivery wakes exactly the heads that were waiting for it.

Equivocation, two payloads under one dot, is reported on best effort: waiting events are compared byte by byte,
delivered ones by a hash kept of the last `RECENT_MAX` of a node. The hashes are no part of the state.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from enum import Enum
from heapq import heappop, heappush
from typing import Final

from dojopool.core.event import Event

RECENT_MAX: Final = 64
"""Payload hashes kept per node, at least, and at most twice as many: covers what a mirror usually repeats at 8 bytes
each.
"""

_EMPTY: Final[Mapping[str, int]] = {}


class Arrival(Enum):
    """What became of an event that arrived."""

    DELIVERED = "delivered"
    WAITING = "waiting"
    DUPLICATE = "duplicate"
    EQUIVOCATION = "equivocation"
    """Another payload is known under the same dot; the first is kept."""


DELIVERED: Final = Arrival.DELIVERED
"""By a name of its own, which costs less to look up than a member."""


class Progress:
    """How far one node's events were delivered. One object, because every event needs all of it."""

    __slots__ = ("observed", "recent", "seq")

    def __init__(self, seq: int, observed: dict[str, int]) -> None:
        self.seq = seq
        """Counter of the last event delivered."""
        self.observed = observed
        """The clock which that event had observed, its own `base` included."""
        self.recent: array[int] = array("q")
        """Hashes of the last payloads, the newest at the end."""


class Inbox:
    """Delivery of one match's events."""

    __slots__ = ("_blocked", "_waiting", "nodes", "ready")

    def __init__(self) -> None:
        self.nodes: dict[str, Progress] = {}
        """Per node that anything was delivered of; read by others and changed only here."""
        self._waiting: dict[str, dict[int, Event]] = {}
        self._blocked: dict[str, list[tuple[int, str]]] = {}
        """Missing node -> heap of (counter that is missing, origin whose head waits for it)."""
        self.ready: list[str] = []
        """Origins whose head may have become deliverable."""

    @property
    def delivered(self) -> dict[str, int]:
        """The clock of what was delivered, by node. A new dictionary."""
        return {node: progress.seq for node, progress in sorted(self.nodes.items())}

    def arrive(self, event: Event) -> Arrival:
        """Take an event in. When it is DELIVERED, apply it, then everything that `next_ready` returns."""
        node, seq = event.node, event.seq
        progress = self.nodes.get(node)
        done = 0 if progress is None else progress.seq
        if progress is not None and seq <= done:
            return _repeated(event, progress.recent, behind=done - seq)
        waiting = self._waiting.get(node) if self._waiting else None
        # Asked before delivery: a rival payload that waits for nothing must not overtake the first one, which does.
        # Which of them waits depends on how far other streams were read, and so differs between regions.
        known = None if waiting is None else waiting.get(seq)
        if known is not None:
            return Arrival.DUPLICATE if known.data == event.data else Arrival.EQUIVOCATION
        if seq == done + 1:
            missing = None if event.context is None else self._missing(event)
            if missing is None:
                self._deliver(event)
                return DELIVERED
            heappush(self._blocked.setdefault(missing[0], []), (missing[1], node))
        self._waiting.setdefault(node, {})[seq] = event
        return Arrival.WAITING

    def next_ready(self) -> Event | None:
        """Deliver the next event that no longer waits, or return None when there is none."""
        while self.ready:
            origin = self.ready.pop()
            waiting = self._waiting.get(origin)
            head = None if waiting is None else waiting.get(self._seq(origin) + 1)
            if head is None:
                continue
            missing = self._missing(head)
            if missing is not None:
                heappush(self._blocked.setdefault(missing[0], []), (missing[1], origin))
                continue
            assert waiting is not None
            del waiting[head.seq]
            if not waiting:
                del self._waiting[origin]
            self._deliver(head)
            return head
        return None

    def waiting(self) -> Iterator[Event]:
        """The waiting events, by node and counter."""
        for _, events in sorted(self._waiting.items()):
            for _, event in sorted(events.items()):
                yield event

    def waiting_count(self) -> int:
        """How many events wait."""
        return sum(map(len, self._waiting.values()))

    def missing_ranges(self) -> dict[str, list[tuple[int, int]]]:
        """What the waiting events wait for: node -> ranges (first, last) of counters that neither were delivered nor
        wait.
        """
        wanted: dict[str, int] = {}
        for event in self.waiting():
            wanted[event.node] = max(wanted.get(event.node, 0), event.seq - 1)
            for node, counter in (event.context or _EMPTY).items():
                wanted[node] = max(wanted.get(node, 0), counter)
        ranges = {node: self._holes(node, last) for node, last in sorted(wanted.items())}
        return {node: holes for node, holes in ranges.items() if holes}

    def restore(self, nodes: dict[str, Progress]) -> None:
        """Take over what another inbox had delivered. Events that wait are offered again with `arrive` afterwards."""
        self.nodes = nodes

    def _seq(self, node: str) -> int:
        """Counter of the last event of `node` that was delivered, 0 before the first."""
        progress = self.nodes.get(node)
        return 0 if progress is None else progress.seq

    def _missing(self, event: Event) -> tuple[str, int] | None:
        """The first dot of the event's context that was not delivered."""
        if event.context is not None:
            nodes = self.nodes
            for node, counter in event.context.items():
                progress = nodes.get(node)
                if progress is None or counter > progress.seq:
                    return node, counter
        return None

    def _deliver(self, event: Event) -> None:
        node, seq = event.node, event.seq
        progress = self.nodes.get(node)
        if progress is None:
            progress = self.nodes[node] = Progress(seq, {})
        progress.seq = seq
        if event.context is not None:
            progress.observed = dict(event.context)
        observed = progress.observed
        observed[node] = seq - 1 if event.base is None else event.base
        event.observed = observed
        recent = progress.recent
        recent.append(hash(event.data))
        if len(recent) > 2 * RECENT_MAX:
            del recent[:RECENT_MAX]  # many at a time: each shifts all the rest
        if self._waiting:
            if node in self._waiting:
                self.ready.append(node)
            blocked = self._blocked.get(node)
            while blocked and blocked[0][0] <= seq:
                self.ready.append(heappop(blocked)[1])
            if blocked is not None and not blocked:
                del self._blocked[node]

    def _holes(self, node: str, last: int) -> list[tuple[int, int]]:
        """The missing counters of `node` up to `last`, which is at least the predecessor of the highest that waits."""
        holes = []
        first = self._seq(node) + 1
        for seq in sorted(self._waiting.get(node, ())):
            if seq > first:
                holes.append((first, seq - 1))
            first = seq + 1
        if first <= last:
            holes.append((first, last))
        return holes


def _repeated(event: Event, recent: array[int], *, behind: int) -> Arrival:
    """Judge an event whose dot was delivered, `behind` events before the newest of its node."""
    if behind < len(recent) and recent[-1 - behind] != hash(event.data):
        return Arrival.EQUIVOCATION
    return Arrival.DUPLICATE
