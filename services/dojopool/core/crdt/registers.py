"""Registers: one value, or a level that only rises or only falls.

Present here, absent there? A write drops every write that its writer had read, so only truly concurrent writes meet
in a cell, and the two kinds differ in how they answer that meeting:

* `lww` shows the write of the greatest `(stamp, node, seq)`. One concurrent write is hidden, and the same one
  everywhere. A broken clock can decide between concurrent writes, never against causality: what was read and
  overwritten is gone from the cell.
* `mv` shows every concurrent value, sorted, so that a person or a rule can see the disagreement; a later write that
  has read them replaces them all. Equal values written concurrently stay two entries and read as one: collapsing them
  in the cell would make the outcome depend on order.

`highest` and `lowest` show the extreme of all values that no removal of an enclosing map key covers. An operation
drops observed entries only where its own value is at least as extreme. It keeps the more extreme ones, and its own
beside them: a removal that had observed the extreme but not this write must leave this write standing. Whoever
observes an entry has observed all that the entry's writer had observed, so a dropped entry can never be missed by
such a removal.

Sources: Shapiro et al., "A comprehensive study of CRDTs" (2011), for the registers; the multi-value one is Dynamo's
(2007).
"""

from __future__ import annotations

from sys import intern
from typing import Any

from dojopool.core.crdt import cell as cells
from dojopool.core.crdt.cell import WIDTH, Cell, Entry, Origin, Payload
from dojopool.core.crdt.edit import Action, Editor
from dojopool.core.crdt.encoding import Reader
from dojopool.core.crdt.kind import SCALARS, Leaf, Node, check_scalar, check_scalar_type
from dojopool.errors import CorruptState, GameError


def by_stamp(entry: Entry) -> tuple[int, str, int]:
    """The total order that breaks ties, the same on every replica: `(stamp, node, seq)`."""
    return (entry[2], entry[0], entry[1])


def _replace_stamped(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    return cells.replace(cell, origin, origin.stamp, payload)


def _replace(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    return cells.replace(cell, origin, 0, payload)


class RegisterEditor(Editor):
    """Verb of a register."""

    __slots__ = ()

    def set(self, value: Any) -> None:
        """Write `value` over everything the event's writer had read."""
        value = check_scalar(value, self._kind.scalar, field="set")
        # Names come again and again, each time as a new string: kept once, they take a tenth of the room.
        self._edit.put(self._route, self._kind.action, intern(value) if type(value) is str else value)


class Register(Leaf):
    """What `lww` and `mv` share: a scalar type and the verb `set`."""

    editor_class = RegisterEditor

    def __init__(self, scalar: type) -> None:
        check_scalar_type(scalar, field=type(self).__name__.lower())
        self.scalar = scalar
        self.action: Action = _replace_stamped if self.is_stamped else _replace

    def view(self, plain: Any) -> Any:
        return plain

    def describe(self) -> str:
        return f"{type(self).__name__.lower()}({SCALARS[self.scalar]})"


class Lww(Register):
    """Last writer wins. Read: the value, or None when nothing is held."""

    is_stamped = True

    def plain(self, node: Node) -> Any:
        if len(node) == WIDTH:
            return node[3]
        return max(cells.entries(node), key=by_stamp)[3] if node else None


class Mv(Register):
    """Multi-value. Read: the sorted distinct values that no later write has replaced."""

    def plain(self, node: Node) -> list[Any]:
        found = cells.payloads(node)
        return found if len(found) == 1 else sorted(set(found))

    def view(self, plain: Any) -> tuple[Any, ...]:
        return tuple(plain)


def _level(payload: Payload) -> int:
    assert isinstance(payload, int), payload
    return payload


def _raise(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    level = _level(payload)
    return _keeping(cell, origin, level, [held > level for held in cells.payloads(cell or [])])


def _lower(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    level = _level(payload)
    return _keeping(cell, origin, level, [held < level for held in cells.payloads(cell or [])])


def _keeping(cell: Cell | None, origin: Origin, level: int, is_beyond: list[bool]) -> Cell:
    """A cell with the level of `origin`; beside it stay entries beyond that level, and what was not observed."""
    kept: Cell = []
    for entry, stays in zip(cells.entries(cell or []), is_beyond, strict=True):
        if stays or entry[1] > origin.observed.get(entry[0], 0):
            kept += entry
    return cells.add(kept, origin, 0, level)


class Extreme(Leaf):
    """What `highest` and `lowest` share. The levels are named, in rising order, or (without names) whole numbers."""

    scalar = int

    def __init__(self, levels: tuple[Any, ...]) -> None:
        if levels and (len(levels) != len(set(levels)) or not all(type(level) is str for level in levels)):
            raise GameError(f"levels must be distinct strings in rising order, got {levels!r}")
        self.labels: tuple[str, ...] = levels
        self.levels = {label: level for level, label in enumerate(levels)}

    def level_of(self, value: Any) -> int:
        """The number that stands for `value`. Raises GameError for a value that is no level."""
        if not self.labels:
            level: int = check_scalar(value, int, field="a level")
            return level
        if type(value) is not str or value not in self.levels:
            raise GameError(f"{value!r} is none of the levels {', '.join(self.labels)}")
        return self.levels[value]

    def label_of(self, level: int) -> Any:
        """What readers see of a level."""
        return self.labels[level] if self.labels else level

    def view(self, plain: Any) -> Any:
        return plain

    def decode_payload(self, source: Reader) -> Payload:
        level = super().decode_payload(source)
        if self.labels and not 0 <= _level(level) < len(self.labels):
            raise CorruptState(f"a stored cell of {self.describe()} holds level {level}")
        return level

    def describe(self) -> str:
        return f"{type(self).__name__.lower()}({', '.join(map(ascii, self.labels)) or 'int'})"


class HighestEditor(Editor):
    """Verb of `highest`."""

    __slots__ = ()

    def raise_to(self, value: Any) -> None:
        """Make the level at least `value`."""
        self._edit.put(self._route, _raise, self._kind.level_of(value), max)


class Highest(Extreme):
    """The highest level ever raised to. Read: the level, or None."""

    editor_class = HighestEditor

    def plain(self, node: Node) -> Any:
        return self.label_of(max(map(_level, cells.payloads(node)))) if node else None


class LowestEditor(Editor):
    """Verb of `lowest`."""

    __slots__ = ()

    def lower_to(self, value: Any) -> None:
        """Make the level at most `value`."""
        self._edit.put(self._route, _lower, self._kind.level_of(value), min)


class Lowest(Extreme):
    """The lowest level ever lowered to. Read: the level, or None."""

    editor_class = LowestEditor

    def plain(self, node: Node) -> Any:
        return self.label_of(min(map(_level, cells.payloads(node)))) if node else None
