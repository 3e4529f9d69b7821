"""Events and dots: what a writer knew when it wrote, and how two events are ordered.

An event is named by its *dot* `(node, seq)`. Its `context` is the clock of the state that the writer had read,
without the writer's own node; how much of its own node the writer had read is `base`. Together they say exactly which
dots the event had seen, so that "did e happen before f" is one dictionary look-up and never a comparison of whole
clocks.

Why `base` beside `seq - 1`: two clients behind one game server may both write without having read each other. A plain
vector clock would let the second write hide the first (a lost update); with `base` both stay concurrent. This is the
idea of dotted version vectors (Preguica, Baquero, Almeida, Fonte, Goncalves 2010).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from dojopool.core.crdt.cell import Origin
from dojopool.core.crdt.edit import Write

Dot: TypeAlias = tuple[str, int]
"""`(node, seq)`: names one event; `seq` counts from 1 without holes per match and node."""

STAMP_MAX: Final = 1 << 62
"""Upper end of a stamp, inclusive: a signed 64-bit schema field with room for arithmetic."""


_NOTHING: Final[Mapping[str, int]] = {}


class Event(Origin):
    """One immutable fact about one match, as read from a stream. Checked before it is built (see `dojopool.codec`).

    `context` is None when the writer's context is the one of its previous event on the match. `base` is None for
    `seq - 1`. `body` is the decoded record of type `type`, or a RefusedBody: the event then counts, but writes
    nothing. `data` are the bytes the event was read from; they identify its payload and are stored while it waits.
    `writes` is what the game's reducer made of the body; whoever reads the event sets it once, before delivery.
    `observed` is the context in full, own node included: known once the event is delivered, and set then.
    """

    __slots__ = ("base", "body", "context", "data", "match", "type", "writes")

    def __init__(  # noqa: PLR0913 - built positionally by the generated decoder, once per record read
        self,
        match: str,
        node: str,
        seq: int,
        base: int | None,
        context: Mapping[str, int] | None,
        stamp: int,
        type: str,  # noqa: A002 - the field's name in the schema and in JSON
        body: Any,
        data: bytes,
    ) -> None:
        self.node = node
        self.seq = seq
        self.stamp = stamp
        self.observed = _NOTHING
        self.match = match
        self.base = base
        self.context = context
        self.type = type
        self.body = body
        self.data = data
        self.writes: tuple[Write, ...] = ()

    @property
    def dot(self) -> Dot:
        """The event's name within its match."""
        return (self.node, self.seq)

    def sees(self, dot: Dot) -> bool:
        """Whether the writer had read `dot` when it wrote this event: one look-up.

        The context must be explicit (delivery makes it so); a null context is read as the empty one. An event does
        not see itself.
        """
        node, seq = dot
        if node == self.node:
            return seq <= (self.seq - 1 if self.base is None else self.base)
        return self.context is not None and seq <= self.context.get(node, 0)

    def __repr__(self) -> str:
        return f"Event({self.match} {self.node}:{self.seq} {self.type})"


def happened_before(first: Event, second: Event) -> bool:
    """Whether `second` was written by someone who had seen `first`. Both must belong to the same match."""
    return second.sees((first.node, first.seq))


class RefusedBody:
    """Stands in `Event.body` for a body that cannot be used. `reason` is what its dead letter says."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"RefusedBody({self.reason!r})"
