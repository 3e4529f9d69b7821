"""The cell: the one mechanism under registers, counters, sets, flags, logs, turns and maps.

Problem. Replicas receive the same operations in different (causal) orders and must end with the same state; and two
states that saw different operations must be joinable into the state that saw both.

Idea. A cell holds the operations that still matter: those that no later operation has *observed away*. An operation
is named by the dot of its event. Applying an operation first drops entries whose dots its event had observed (which
of them, is the rule of the type: a register drops all, a counter none, a removal all), then adds an entry of its own.
Reading the cell is the other rule of the type. What an event had observed is its context, which never changes on the
way, so the cell is a function of the *set* of events: an entry is present exactly when its event is in the set and no
event in the set has dropped it.

Joining needs no tombstones. Beside the cells stands the clock of delivered events. An entry that one side has and the
other lacks was either never delivered there (the clock does not cover its dot: keep it) or dropped there (the clock
covers it: drop it).

    present here, absent there: who is right?  ->  ask the other side's clock.

So every type gets both ways in, event by event and state by state, and they agree on causally closed sets by
construction. Sources: Baquero, Almeida, Shoker, "Pure operation-based replicated data types" (2017); Almeida, Shoker,
Baquero, "Delta state replicated data types" (2018); the causal stores there are the dots here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Scalar: TypeAlias = str | int | bool
"""What an entry may carry: no floats, whose sums depend on the order of the addends."""

Payload: TypeAlias = Scalar | tuple[int, str] | None

Entry: TypeAlias = tuple[str, int, int, Payload]
"""`(node, seq, stamp, payload)`: an operation that still matters. The stamp is 0 in types that do not order by it."""

Cell: TypeAlias = list[Entry]
"""The entries of one cell in no particular order, one per dot. A list, because one entry is the usual number."""

Clock: TypeAlias = Mapping[str, int]


class Origin:
    """What a cell asks of the event that writes: its dot, its stamp, and every dot it had observed (own node included).

    `core.event.Event` is one: an object of its own per event would cost as much as the write.
    """

    __slots__ = ("node", "observed", "seq", "stamp")

    def __init__(self, node: str, seq: int, stamp: int, observed: Clock) -> None:
        self.node = node
        self.seq = seq
        self.stamp = stamp
        self.observed = observed


def drop(cell: Cell, observed: Clock) -> None:
    """Take out the entries whose dots are within `observed`. In place."""
    if len(cell) == 1:
        entry = cell[0]
        if entry[1] <= observed.get(entry[0], 0):
            cell.clear()
    elif cell:
        cell[:] = [entry for entry in cell if entry[1] > observed.get(entry[0], 0)]


def add(cell: Cell, origin: Origin, stamp: int, payload: Payload) -> None:
    """Put in the entry of `origin`. In place."""
    cell.append((origin.node, origin.seq, stamp, payload))


def replace(cell: Cell, origin: Origin, stamp: int, payload: Payload) -> None:
    """Drop what `origin` had observed, then put in its own entry. In place."""
    drop(cell, origin.observed)
    cell.append((origin.node, origin.seq, stamp, payload))


def join(mine: Cell, theirs: Cell, my_clock: Clock, their_clock: Clock) -> Cell:
    """The cell that saw what both sides saw. A new list; the clocks are the delivered clocks of the two states."""
    their_dots = {(entry[0], entry[1]) for entry in theirs}
    kept = [entry for entry in mine if (entry[0], entry[1]) in their_dots or entry[1] > their_clock.get(entry[0], 0)]
    # What I hold is within my clock, so nothing comes twice.
    kept.extend(entry for entry in theirs if entry[1] > my_clock.get(entry[0], 0))
    return kept
