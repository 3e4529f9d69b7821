"""What became of an event that was recorded: accepted, rejected, or unknown yet.

These are values, not exceptions: every one of them is a normal answer of a distributed log, and a program must decide
what each means to it. Exceptions are left for wrong calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from dojopool.core.clock import VectorClock
from dojopool.core.event import Dot

Mode: TypeAlias = Literal["healthy", "local-only"]
"""`local-only`: another region has not been heard of for seconds; what was recorded is safe here and unseen there."""


class LogPosition(NamedTuple):
    """Where a record stands in its region's log.

    `offset` is exact for the first record of an append; a later one may stand a little behind it, when the broker left
    a hole.
    """

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The event is in its region's log, acknowledged by all in-sync replicas, and so is every earlier event of its
    node on the match.
    """

    match: str
    dot: Dot
    """Names the event: (node, number)."""
    clock: VectorClock
    """What a view has seen once it shows this event: the event, and everything that its writer had read."""
    region: str
    mode: Mode
    """State of the links between regions when the answer came, as the match's partition shows it."""
    position: LogPosition | None
    """None when the event was found in the region's state and not by its acknowledgement."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The event is not in the log and never will be; nothing was numbered, or its number is given up for good."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No acknowledgement came in time: the event may be in the log, may still get there, or may be lost with this
    process.

    As long as its connection lives the record is sent again until it is acknowledged. Wait for that with
    `Dojo.settle`, also on a later connection. Recording the event anew would be a second event.
    """

    match: str
    dot: Dot
    clock: VectorClock
    region: str
    mode: Mode
    reason: str
    record: bytes = field(repr=False)
    """The record as it was or would have been sent. Sending it again is always safe: same dot, same bytes."""


Receipt: TypeAlias = Accepted | Rejected | Unknown
"""The answer to one `record`."""
