"""Counters: whole numbers that several writers add to.

Every addition is an entry that only a removal (of an enclosing map key) or a reset drops, and the value is the sum.
So an addition that a removal had not observed survives it with its own amount and nothing else, also when the removal
was written from an old reading; keeping one running total per node instead would need, for every removal, the total
as of the counter it had observed, which a receiver that is ahead no longer has. The price is one small entry per
addition for as long as the match lives.

A reset drops the additions its writer had read. Two concurrent resets do not subtract twice, as "add minus the value"
would. Sources: Almeida, Baquero, "Approaches to conflict-free replicated data types" (2023); Weidner, Almeida (2022)
for the reset.
"""

from __future__ import annotations

from typing import Any

from dojopool.core.crdt import cell as cells
from dojopool.core.crdt.cell import Cell, Origin, Payload
from dojopool.core.crdt.edit import Edit, Editor, Route
from dojopool.core.crdt.kind import Leaf, Node, check_scalar


def _increase(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    return cells.add(cell, origin, 0, payload)


def _sum(earlier: Any, later: Any) -> Payload:
    """Two additions of one event as one."""
    amount: int = check_scalar(earlier + later, int, field="add")
    return amount


class Counter(Leaf):
    """A sum. Read: an integer, 0 when nothing is held."""

    scalar = int

    def __init__(self, *, is_resettable: bool) -> None:
        self.is_resettable = is_resettable

    def editor(self, edit: Edit, route: Route) -> CounterEditor:
        return (ResettableCounterEditor if self.is_resettable else CounterEditor)(self, edit, route)

    def plain(self, node: Node) -> int:
        return sum(cells.payloads(node))

    def view(self, plain: Any) -> int:
        return int(plain)

    def describe(self) -> str:
        return "counter(resettable)" if self.is_resettable else "counter()"


class CounterEditor(Editor):
    """Verb of a counter."""

    __slots__ = ()

    def add(self, amount: Any) -> None:
        """Add `amount`, which may be negative."""
        self._edit.put(self._route, _increase, check_scalar(amount, int, field="add"), _sum)


class ResettableCounterEditor(CounterEditor):
    """Verbs of a resettable counter."""

    __slots__ = ()

    def reset(self) -> None:
        """Take back every addition that the event's writer had read."""
        self._edit.drop(self._route)
