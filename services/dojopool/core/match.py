"""One match as the fold holds it: its inbox, its state, and what came for it that nobody here can read yet.

`Match` is edited in place by its one owner, the fold (copying per event would cost more than merging); what leaves it
are plain values and canonical bytes.

Canonical bytes are a function of the set of events alone: equal in every region and process, whatever order events
arrived in. They hold the delivered clock, each node's last context, the highest stamp, the state, the waiting events
and the records of unknown schema. Waiting events are stored as the bytes they came in, which are the same in every
region.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.core.crdt.kind import Node
from dojopool.core.crdt.maps import Pieces, RecordKind
from dojopool.core.event import Event
from dojopool.core.inbox import Arrival, Inbox, Progress
from dojopool.errors import CorruptState, RefusedRecord

FORMAT: Final = 1
"""Number of the canonical format. Other numbers are other fold versions and are never compared."""


NOTHING_HELD: Final[frozenset[tuple[str, bytes]]] = frozenset()
"""What nearly every match holds of records of unknown schema. One object for all."""


class Match:
    """A match. `stamp` is the highest stamp delivered; `undecoded` are the records of unknown schema whose key names
    it, each with the region of its stream. `pieces` are what `encode` and those who show the match remember of it.
    """

    __slots__ = ("inbox", "pieces", "root", "stamp", "undecoded")

    def __init__(self, kind: RecordKind) -> None:
        self.inbox = Inbox()
        self.root: Node = kind.empty()
        self.stamp = 0
        self.pieces: Pieces | None = None
        self.undecoded = NOTHING_HELD

    @property
    def pending(self) -> int:
        """How many events wait, records of unknown schema included."""
        return self.inbox.waiting_count() + len(self.undecoded)

    def arrive(self, event: Event, kind: RecordKind) -> tuple[Arrival, int, Sequence[Event]]:
        """Take an event in, and everything that it sets free.

        Returns what became of it, a bit per top-level field of state that was written, and the events that had waited
        for it.
        """
        arrival = self.inbox.arrive(event)
        if arrival is not Arrival.DELIVERED:
            return arrival, 0, ()
        fields = self._apply(event, kind)
        if self.inbox.backlog is None:
            return arrival, fields, ()
        freed = []
        while (freed_event := self.inbox.next_ready()) is not None:
            fields |= self._apply(freed_event, kind)
            freed.append(freed_event)
        return arrival, fields, freed

    def join(self, other: Match, kind: RecordKind) -> None:
        """Become the match that saw what both saw. `other` must not be used afterwards. Both must be of one fold
        version.
        """
        mine, theirs = self.inbox, other.inbox
        self.root = kind.join(self.root, other.root, mine.delivered, theirs.delivered)
        self.stamp = max(self.stamp, other.stamp)
        self.undecoded |= other.undecoded
        waiting = [*mine.waiting(), *theirs.waiting()]
        self.pieces = None
        nodes = dict(mine.nodes)
        for node, progress in theirs.nodes.items():
            if node not in nodes or progress.seq > nodes[node].seq:
                nodes[node] = progress
        self.inbox = Inbox()
        self.inbox.restore(nodes)
        for event in waiting:
            self.arrive(event, kind)

    def encode(self, kind: RecordKind) -> bytes:
        """The canonical bytes."""
        out = Writer()
        out.unsigned(FORMAT)
        delivered = self.inbox.delivered
        out.clock(delivered)
        for node in delivered:
            others = sorted(self.inbox.nodes[node].context.items())
            out.unsigned(len(others))
            for other, counter in others:
                out.dot(other, counter)
        out.stamp(self.stamp)
        pieces: Pieces = {} if self.pieces is None else self.pieces
        kind.encode(self.root, out, pieces)
        self.pieces = pieces or None  # most matches have none, and an empty dictionary takes room too
        waiting = list(self.inbox.waiting())
        out.unsigned(len(waiting))
        for event in waiting:
            out.raw(event.data)
        out.unsigned(len(self.undecoded))
        for region, data in sorted(self.undecoded):
            out.text(region)
            out.raw(data)
        return bytes(out.buffer)

    @classmethod
    def decode(cls, data: bytes, kind: RecordKind, read_event: Callable[[bytes], Event]) -> Match:
        """The match of canonical bytes; `read_event` decodes a waiting event and sets its writes. Raises
        CorruptState for bytes that `encode` does not write.
        """
        source = Reader(data)
        found = source.unsigned()
        if found != FORMAT:
            raise CorruptState(f"stored state is of format {found}, this program reads {FORMAT}")
        match = cls(kind)
        delivered = source.clock()
        match.inbox.restore({node: Progress(seq, _read_context(source, node)) for node, seq in delivered.items()})
        match.stamp = source.stamp()
        match.root = kind.decode(source)
        match._read_waiting(source, kind, read_event)
        match._read_undecoded(source)
        source.finish()
        return match

    def _read_waiting(self, source: Reader, kind: RecordKind, read_event: Callable[[bytes], Event]) -> None:
        before = ("", 0)
        for _ in range(source.unsigned()):
            try:
                event = read_event(source.raw())
            except RefusedRecord as refusal:
                raise CorruptState(f"a stored waiting event cannot be read: {refusal}") from refusal
            if event.dot <= before or self.arrive(event, kind)[0] is not Arrival.WAITING:
                raise CorruptState(f"{event} is stored as waiting, but it is out of order or waits for nothing")
            before = event.dot

    def _read_undecoded(self, source: Reader) -> None:
        before: tuple[str, bytes] | None = None
        found = []
        for _ in range(source.unsigned()):
            held = (source.text(), source.raw())
            if before is not None and held <= before:
                raise CorruptState("the stored records of unknown schema are out of order")
            before = held
            found.append(held)
        self.undecoded = frozenset(found)

    def _apply(self, event: Event, kind: RecordKind) -> int:
        """Carry out the writes of a delivered event; a bit per top-level field written."""
        if event.stamp > self.stamp:
            self.stamp = event.stamp
        if event.seq == 1:
            self.pieces = None  # a new node has a place in the clock, and dots name nodes by their places
        fields = 0
        for route, action, payload in event.writes:
            if action is None:
                kind.remove(self.root, route.path, 0, event.observed)
            else:
                if not self.root:
                    self.root = kind.fresh()
                branch: Any = self.root
                for step in route.branches:
                    branch = branch[step] if isinstance(branch, list) else branch.get(step)
                    if branch is None:
                        branch = kind.grown(self.root, route.branches)
                        break
                leaf = route.leaf
                cell = branch[leaf] if isinstance(branch, list) else branch.get(leaf)
                branch[leaf] = action(cell, event, payload)
            path = route.path
            fields |= 1 << path[0]
            pieces = None if self.pieces is None else self.pieces.get(path[0])
            if pieces is not None:
                pieces.pop(path[1], None)  # only maps have pieces, and a map is written or removed by key
        return fields


def _read_context(source: Reader, own_node: str) -> dict[str, int]:
    context: dict[str, int] = {}
    before = ""
    for _ in range(source.unsigned()):
        node, counter = source.dot()
        if node <= before or node == own_node:
            raise CorruptState(f"the stored context of {own_node} names {node} out of order, or is its own")
        before = node
        context[node] = counter
    return context


def digest(canonical: bytes) -> str:
    """SHA-256 of canonical bytes, in hex: two matches with equal digests are the same match."""
    return hashlib.sha256(canonical).hexdigest()


def region_digest(digests: dict[str, str]) -> str:
    """One digest over all matches of a region, given match id -> digest: SHA-256 of the sorted lines `match digest`."""
    lines = "".join(f"{match} {digests[match]}\n" for match in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()
