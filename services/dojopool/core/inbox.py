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

from collections.abc import Iterator, Mapping
from enum import Enum
from heapq import heappop, heappush
from typing import Final

from dojopool.core.event import Event

RECENT_MAX: Final = 64
"""Payload hashes kept per node: covers what a mirror usually repeats."""

HASH_BYTES: Final = 4

RECENT_BYTES: Final = (RECENT_MAX - 1) * HASH_BYTES
"""Of the hashes that stay when one comes."""

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

    __slots__ = ("context", "recent", "seq")

    def __init__(self, seq: int, context: Mapping[str, int] = _EMPTY) -> None:
        self.seq = seq
        """Counter of the last event delivered."""
        self.context = context
        """The context of that event, which is that of the next one if it has none."""
        self.recent = b""
        """Hashes of the last payloads, HASH_BYTES each, the newest at the end."""


class Backlog:
    """What waits. Most matches have none most of the time."""

    __slots__ = ("blocked", "ready", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[str, dict[int, Event]] = {}
        """Origin -> counter -> event."""
        self.blocked: dict[str, list[tuple[int, str]]] = {}
        """Missing node -> heap of (counter that is missing, origin whose head waits for it)."""
        self.ready: list[str] = []
        """Origins whose head may have become deliverable."""

    def block(self, missing: tuple[str, int], origin: str) -> None:
        """Note that the head of `origin` waits for this dot."""
        heappush(self.blocked.setdefault(missing[0], []), (missing[1], origin))

    def wake(self, node: str, seq: int) -> None:
        """Note that `seq` of `node` was delivered."""
        if node in self.waiting:
            self.ready.append(node)
        blocked = self.blocked.get(node)
        while blocked and blocked[0][0] <= seq:
            self.ready.append(heappop(blocked)[1])
        if blocked is not None and not blocked:
            del self.blocked[node]

    def take(self, origin: str, seq: int) -> None:
        """Take out an event that waits no longer."""
        waiting = self.waiting[origin]
        del waiting[seq]
        if not waiting:
            del self.waiting[origin]


class Inbox:
    """Delivery of one match's events. Its attributes are read by others and changed only here."""

    __slots__ = ("backlog", "nodes")

    def __init__(self) -> None:
        self.nodes: dict[str, Progress] = {}
        """Per node that anything was delivered of."""
        self.backlog: Backlog | None = None
        """None while nothing waits."""

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
        backlog = self.backlog
        if backlog is not None and node in backlog.waiting:
            # Asked before delivery: a rival payload that waits for nothing must not overtake the first one, which does.
            # Which of them waits depends on how far other streams were read, and so differs between regions.
            known = backlog.waiting[node].get(seq)
            if known is not None:
                return Arrival.DUPLICATE if known.data == event.data else Arrival.EQUIVOCATION
        missing: tuple[str, int] | None = None
        if seq == done + 1:
            missing = None if event.context is None else self._missing(event)
            if missing is None:
                self._deliver(event)
                return DELIVERED
        if backlog is None:
            backlog = self.backlog = Backlog()
        if missing is not None:
            backlog.block(missing, node)
        backlog.waiting.setdefault(node, {})[seq] = event
        return Arrival.WAITING

    def next_ready(self) -> Event | None:
        """Deliver the next event that no longer waits, or return None when there is none."""
        backlog = self.backlog
        if backlog is None:
            return None
        while backlog.ready:
            origin = backlog.ready.pop()
            head = backlog.waiting.get(origin, {}).get(self._seq(origin) + 1)
            if head is None:
                continue
            missing = self._missing(head)
            if missing is not None:
                backlog.block(missing, origin)
                continue
            backlog.take(origin, head.seq)
            self._deliver(head)
            return head
        if not backlog.waiting:
            self.backlog = None
        return None

    def waiting(self) -> Iterator[Event]:
        """The waiting events, by node and counter."""
        if self.backlog is None:
            return
        for _, events in sorted(self.backlog.waiting.items()):
            for _, event in sorted(events.items()):
                yield event

    def waiting_count(self) -> int:
        """How many events wait."""
        return 0 if self.backlog is None else sum(map(len, self.backlog.waiting.values()))

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
            progress = self.nodes[node] = Progress(seq)
        progress.seq = seq
        if event.context is not None:
            progress.context = event.context
        event.observed = {**progress.context, node: seq - 1 if event.base is None else event.base}
        progress.recent = progress.recent[-RECENT_BYTES:] + _hash(event)
        if self.backlog is not None:
            self.backlog.wake(node, seq)

    def _holes(self, node: str, last: int) -> list[tuple[int, int]]:
        """The missing counters of `node` up to `last`, which is at least the predecessor of the highest that waits."""
        holes = []
        first = self._seq(node) + 1
        waiting = {} if self.backlog is None else self.backlog.waiting
        for seq in sorted(waiting.get(node, ())):
            if seq > first:
                holes.append((first, seq - 1))
            first = seq + 1
        if first <= last:
            holes.append((first, last))
        return holes


def _repeated(event: Event, recent: bytes, *, behind: int) -> Arrival:
    """Judge an event whose dot was delivered, `behind` events before the newest of its node."""
    end = len(recent) - behind * HASH_BYTES
    if end > 0 and recent[end - HASH_BYTES : end] != _hash(event):
        return Arrival.EQUIVOCATION
    return Arrival.DUPLICATE


def _hash(event: Event) -> bytes:
    """32 bits over the payload, different from process to process."""
    return (hash(event.data) & 0xFFFFFFFF).to_bytes(HASH_BYTES, "little")
