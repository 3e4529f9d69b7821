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
from dojopool.core.crdt.edit import Edit, Editor, Route
from dojopool.core.crdt.encoding import Reader
from dojopool.core.crdt.kind import SCALARS, Leaf, Node
from dojopool.core.crdt.maps import Keyed, KeyedEditor
from dojopool.errors import CorruptState


def _put_in(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    return cells.replace(cell, origin, 0, True)


def _put_out(cell: Cell | None, origin: Origin, payload: Payload) -> Cell:
    return cells.replace(cell, origin, 0, False)


class FlagEditor(Editor):
    """Verbs of a flag."""

    __slots__ = ()

    def enable(self) -> None:
        """Switch on."""
        self._edit.put(self._route, _put_in, None)

    def disable(self) -> None:
        """Switch off. Where enabling wins, this only takes back what was read."""
        if self._kind.enable_wins:
            self._edit.drop(self._route)
        else:
            self._edit.put(self._route, _put_out, None)


class Flag(Leaf):
    """A switch where enabling or disabling wins a tie. Read: a boolean, False when never touched."""

    scalar = bool
    editor_class = FlagEditor

    def __init__(self, *, enable_wins: bool) -> None:
        self.enable_wins = enable_wins

    def plain(self, node: Node) -> bool:
        if self.enable_wins:
            return any(cells.payloads(node))
        return bool(node) and all(cells.payloads(node))

    def view(self, plain: Any) -> bool:
        return bool(plain)

    def decode_payload(self, source: Reader) -> Payload:
        payload = super().decode_payload(source)
        if self.enable_wins and not payload:
            raise CorruptState(f"a stored cell of {self.describe()} holds a disabling, which is never kept")
        return payload

    def describe(self) -> str:
        return f"flag({'enable' if self.enable_wins else 'disable'} wins)"


class SetEditor(KeyedEditor):
    """Verbs of a set: each element is a flag under its own key."""

    __slots__ = ()

    def add(self, element: Any) -> None:
        """Put `element` in, over every removal that was read."""
        self[element].enable()

    def remove(self, element: Any) -> None:
        """Put `element` out. Where adding wins, this takes back only the additions that were read; where removing
        wins, it also holds against those that were not.
        """
        self[element].disable()

    def clear(self) -> None:
        """Take back everything that was read, of every element."""
        self._edit.remove(self._route)


class ElementSet(Keyed):
    """What both sets share: elements of one scalar type, each a flag. Read: the sorted elements."""

    def __init__(self, scalar: type, *, add_wins: bool) -> None:
        super().__init__(scalar, Flag(enable_wins=add_wins), field=type(self).__name__.lower())

    def editor(self, edit: Edit, route: Route) -> SetEditor:
        return SetEditor(self, edit, route)

    def plain(self, node: Node) -> list[Scalar]:
        return sorted(element for element, cell in node.items() if self.inner.plain(cell))

    def view(self, plain: Any) -> tuple[Scalar, ...]:
        return tuple(plain)

    def describe(self) -> str:
        return f"{type(self).__name__.lower()}({SCALARS[self.key]})"


class AddWins(ElementSet):
    """Add-wins set."""

    def __init__(self, scalar: type) -> None:
        super().__init__(scalar, add_wins=True)


class RemoveWins(ElementSet):
    """Remove-wins set."""

    def __init__(self, scalar: type) -> None:
        super().__init__(scalar, add_wins=False)
