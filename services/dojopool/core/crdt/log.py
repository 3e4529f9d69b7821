"""Log: everything that was appended, in one order everywhere.

Entries are never dropped but by a removal of an enclosing map key. They are read by `(stamp, node, seq)`; because an
event's stamp is above every stamp its writer had read, that order never contradicts causality, and concurrent entries
fall the same way in every region. A new entry may therefore appear before ones that were already shown, when it was
written concurrently elsewhere.
"""

from __future__ import annotations

from typing import Any

from dojopool.core.crdt import cell as cells
from dojopool.core.crdt.cell import Cell, Origin, Payload
from dojopool.core.crdt.edit import Editor
from dojopool.core.crdt.kind import SCALARS, Leaf, Node, check_scalar, check_scalar_type
from dojopool.core.crdt.registers import by_stamp
from dojopool.errors import GameError


def _append(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    return cells.add(cell, origin, origin.stamp, payload)


def _refuse_two(earlier: Payload, later: Payload) -> Payload:
    raise GameError(f"one event appends {earlier!r} and {later!r} to one log; make it two events")


class LogEditor(Editor):
    """Verb of a log."""

    __slots__ = ()

    def append(self, value: Any) -> None:
        """Append `value`; once per event."""
        self._edit.put(self._route, _append, check_scalar(value, self._kind.scalar, field="append"), _refuse_two)


class Log(Leaf):
    """An append-only list. Read: the values in order."""

    is_stamped = True
    editor_class = LogEditor

    def __init__(self, scalar: type) -> None:
        check_scalar_type(scalar, field="log")
        self.scalar = scalar

    def plain(self, node: Node) -> list[Any]:
        return [entry[3] for entry in sorted(cells.entries(node), key=by_stamp)]

    def view(self, plain: Any) -> tuple[Any, ...]:
        return tuple(plain)

    def describe(self) -> str:
        return f"log({SCALARS[self.scalar]})"
