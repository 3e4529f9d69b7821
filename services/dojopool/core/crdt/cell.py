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
from typing import Any, Final, TypeAlias

Scalar: TypeAlias = str | int | bool
"""What an entry may carry: no floats, whose sums depend on the order of the addends."""

Payload: TypeAlias = Scalar | tuple[int, str] | None

Entry: TypeAlias = tuple[str, int, int, Payload]
"""`(node, seq, stamp, payload)`: an operation that still matters. The stamp is 0 in types that do not order by it."""

Cell: TypeAlias = list[Any]
"""The entries of one cell in order of their dots, written flat: node, seq, stamp and payload of one entry, then of the
next. One entry is the usual number, and a tuple for each would take as much room again.
"""

WIDTH: Final = 4
"""Places of an entry."""

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


def entries(cell: Cell) -> list[Entry]:
    """The entries as tuples."""
    return list(zip(cell[0::WIDTH], cell[1::WIDTH], cell[2::WIDTH], cell[3::WIDTH], strict=True))


def payloads(cell: Cell) -> list[Any]:
    """What the entries carry."""
    return cell[3::WIDTH]


def drop(cell: Cell, observed: Clock) -> None:
    """Take out the entries whose dots are within `observed`. In place."""
    if len(cell) == WIDTH:
        if cell[1] <= observed.get(cell[0], 0):
            cell.clear()
    elif cell:
        kept: list[Any] = []
        for start in range(0, len(cell), WIDTH):
            if cell[start + 1] > observed.get(cell[start], 0):
                kept += cell[start : start + WIDTH]
        cell[:] = kept


def add(cell: Cell | None, origin: Origin, stamp: int, payload: Payload) -> Cell:
    """The cell with the entry of `origin`: `cell`, edited in place, or a new one when it is empty."""
    node = origin.node
    if not cell:  # made anew, a list has no room to spare, which would be another half of it
        return [node, origin.seq, stamp, payload]
    if cell[-WIDTH] <= node:  # a node's events are delivered in their order
        if len(cell) == WIDTH:
            return [*cell, node, origin.seq, stamp, payload]
        cell += (node, origin.seq, stamp, payload)
    else:
        place = _end_of(cell, node)
        cell[place:place] = (node, origin.seq, stamp, payload)
    return cell


def _end_of(cell: Cell, node: str) -> int:
    """Where the entries of `node` end, by halving: a counter may hold thousands."""
    low, high = 0, len(cell) // WIDTH
    while low < high:
        middle = (low + high) // 2
        if cell[middle * WIDTH] > node:
            high = middle
        else:
            low = middle + 1
    return low * WIDTH


def replace(cell: Cell | None, origin: Origin, stamp: int, payload: Payload) -> Cell:
    """The cell without what `origin` had observed and with its own entry: edited in place, or a new one."""
    if cell is not None:
        drop(cell, origin.observed)
    return add(cell, origin, stamp, payload)


def join(mine: Cell, theirs: Cell, my_clock: Clock, their_clock: Clock) -> Cell:
    """The cell that saw what both sides saw. A new list; the clocks are the delivered clocks of the two states."""
    their_dots = set(zip(theirs[0::WIDTH], theirs[1::WIDTH], strict=True))
    kept = [entry for entry in entries(mine) if entry[:2] in their_dots or entry[1] > their_clock.get(entry[0], 0)]
    # What I hold is within my clock, so nothing comes twice.
    kept += [entry for entry in entries(theirs) if entry[1] > my_clock.get(entry[0], 0)]
    return [part for entry in sorted(kept) for part in entry]


def note_writers(cell: Cell, last: dict[str, int]) -> None:
    """Raise `last`, node -> seq, to the dots of the entries in the cell."""
    for entry in entries(cell):
        if entry[1] > last.get(entry[0], 0):
            last[entry[0]] = entry[1]
