"""Sets and flags: what is in, when one writer put it in while another took it out.

Present here, absent there? `add_wins`: an element is in when an addition of it is held that no removal had observed.
Removing takes away only what the remover had read, so a concurrent addition stays. `remove_wins` keeps removals as
entries too: an element is in when it has additions and no removal that a later operation on it has not observed; use
it for bans and ejections. A flag is the same question for one element: `flag(wins="enable")` or
`flag(wins="disable")`.

An element is one cell under its own key, so that the cost is that of the element's own entries and never of the set.
Source: Shapiro et al. (2011); Bieniusa et al., "An optimized conflict-free replicated set" (2012).
"""

from __future__ import annotations

from typing import Any

from dojopool.core.crdt import cell as cells
from dojopool.core.crdt.cell import Cell, Origin, Payload, Scalar
from dojopool.core.crdt.encoding import Reader
from dojopool.core.crdt.kind import SCALARS, Edit, Leaf, Node, Path
from dojopool.core.crdt.maps import Keyed
from dojopool.errors import CorruptState


def _put_in(cell: Cell, origin: Origin, payload: Payload) -> None:
    cells.replace(cell, origin, 0, True)


def _put_out(cell: Cell, origin: Origin, payload: Payload) -> None:
    cells.replace(cell, origin, 0, False)


class Flag(Leaf):
    """A switch where enabling or disabling wins a tie. Read: a boolean, False when never touched."""

    scalar = bool

    def __init__(self, *, enable_wins: bool) -> None:
        self.enable_wins = enable_wins

    def editor(self, edit: Edit, path: Path) -> FlagEditor:
        return FlagEditor(self, edit, path)

    def plain(self, node: Node) -> bool:
        if self.enable_wins:
            return any(entry[3] for entry in node)
        return bool(node) and all(entry[3] for entry in node)

    def view(self, plain: Any) -> bool:
        return bool(plain)

    def decode_payload(self, source: Reader) -> Payload:
        payload = super().decode_payload(source)
        if self.enable_wins and not payload:
            raise CorruptState(f"a stored cell of {self.describe()} holds a disabling, which is never kept")
        return payload

    def describe(self) -> str:
        return f"flag({'enable' if self.enable_wins else 'disable'} wins)"


class FlagEditor:
    """Verbs of a flag."""

    __slots__ = ("_edit", "_kind", "_path")

    def __init__(self, kind: Flag, edit: Edit, path: Path) -> None:
        self._kind, self._edit, self._path = kind, edit, path

    def enable(self) -> None:
        """Switch on."""
        self._edit.put(self._path, _put_in, None)

    def disable(self) -> None:
        """Switch off. Where enabling wins, this only takes back what was read."""
        if self._kind.enable_wins:
            self._edit.drop(self._path)
        else:
            self._edit.put(self._path, _put_out, None)


class ElementSet(Keyed):
    """What both sets share: elements of one scalar type, each a cell. Read: the sorted elements."""

    def __init__(self, scalar: type) -> None:
        super().__init__(scalar, Flag(enable_wins=type(self) is AddWins), field=type(self).__name__.lower())

    def is_in(self, cell: Cell) -> bool:
        """Whether the element whose cell this is belongs to the set."""
        return bool(self.inner.plain(cell))

    def plain(self, node: Node) -> list[Scalar]:
        return sorted(element for element, cell in node.items() if self.is_in(cell))

    def view(self, plain: Any) -> tuple[Scalar, ...]:
        return tuple(plain)

    def describe(self) -> str:
        return f"{type(self).__name__.lower()}({SCALARS[self.key]})"


class AddWins(ElementSet):
    """Add-wins set."""

    def editor(self, edit: Edit, path: Path) -> AddWinsEditor:
        return AddWinsEditor(self, edit, path)


class AddWinsEditor:
    """Verbs of an add-wins set."""

    __slots__ = ("_edit", "_kind", "_path")

    def __init__(self, kind: AddWins, edit: Edit, path: Path) -> None:
        self._kind, self._edit, self._path = kind, edit, path

    def add(self, element: Any) -> None:
        """Put `element` in."""
        self._edit.put((*self._path, self._kind.check_key(element)), _put_in, None)

    def remove(self, element: Any) -> None:
        """Take back every addition of `element` that was read."""
        self._edit.drop((*self._path, self._kind.check_key(element)))

    def clear(self) -> None:
        """Take back every addition that was read."""
        self._edit.remove(self._path)


class RemoveWins(ElementSet):
    """Remove-wins set."""

    def editor(self, edit: Edit, path: Path) -> RemoveWinsEditor:
        return RemoveWinsEditor(self, edit, path)


class RemoveWinsEditor:
    """Verbs of a remove-wins set."""

    __slots__ = ("_edit", "_kind", "_path")

    def __init__(self, kind: RemoveWins, edit: Edit, path: Path) -> None:
        self._kind, self._edit, self._path = kind, edit, path

    def add(self, element: Any) -> None:
        """Put `element` in, over every removal that was read."""
        self._edit.put((*self._path, self._kind.check_key(element)), _put_in, None)

    def remove(self, element: Any) -> None:
        """Put `element` out, also against additions that were not read."""
        self._edit.put((*self._path, self._kind.check_key(element)), _put_out, None)

    def clear(self) -> None:
        """Take back every addition and removal that was read."""
        self._edit.remove(self._path)
