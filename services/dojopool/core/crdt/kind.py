"""What a type of field is: a node in the tree of declared state, and the rules for it.

State is a tree. Its leaves are cells; above them stand maps and records, in which a *step* (a key, or the number of a
field) leads to the node below. A `Kind` holds no state: it knows how to drop from, join, read and encode a
piece of state that the fold owns (`Node`). `Leaf` is the base of every type that is one cell, and leaves only two
questions to it: what an operation does to the cell, and how the cell is read. `edit` has the way in: the writes of an
event.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final, TypeAlias

from dojopool.core.crdt import cell as cells
from dojopool.core.crdt.cell import WIDTH, Cell, Clock, Entry, Payload
from dojopool.core.crdt.edit import Edit, Editor, Path, Route
from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.errors import CorruptState, GameError

Node: TypeAlias = Any
"""A piece of state: a cell (list), a map (dict) or a record (list by field); false exactly when it holds nothing."""


class Kind(ABC):
    """Rules of one type of state. Instances are immutable and shared."""

    @abstractmethod
    def empty(self) -> Node:
        """Fresh state that holds nothing; it is false, as Python asks it."""

    @abstractmethod
    def editor(self, edit: Edit, route: Route) -> Any:
        """The object whose verbs a reducer calls; they note writes at `route` in `edit` and read nothing."""

    @abstractmethod
    def remove(self, node: Node, path: Path, depth: int, observed: Clock) -> None:
        """Drop what is within `observed` at and below `path`, which has led here by its first `depth` steps. In
        place; what holds nothing afterwards is taken out.
        """

    @abstractmethod
    def drop(self, node: Node, observed: Clock) -> None:
        """Take out every entry below `node` whose dot is within `observed`. In place."""

    @abstractmethod
    def join(self, mine: Node, theirs: Node, my_clock: Clock, their_clock: Clock) -> Node:
        """The state that saw what both sides saw. A new node that may share parts with the two; use neither
        afterwards.
        """

    @abstractmethod
    def plain(self, node: Node) -> Any:
        """The value as JSON-like data with native keys: what readers see."""

    @abstractmethod
    def view(self, plain: Any) -> Any:
        """`plain`, or what JSON made of it, as an immutable Python value: what invariants and SDK users see."""

    @abstractmethod
    def note_writers(self, node: Node, last: dict[str, int]) -> None:
        """Raise `last`, node -> seq, to the dots of all entries at and below `node`: whose writes are held."""

    @abstractmethod
    def encode(self, node: Node, out: Writer) -> None:
        """Append the canonical bytes of `node`, which must hold something."""

    @abstractmethod
    def decode(self, source: Reader) -> Node:
        """Read back what `encode` wrote. Raises CorruptState."""

    @abstractmethod
    def describe(self) -> str:
        """The declaration in words, part of the fold version: equal text, equal meaning of stored bytes."""


class Leaf(Kind):
    """A type whose state is one cell."""

    is_stamped: ClassVar[bool] = False
    """Whether reading needs stamps; only then are they kept and stored."""

    scalar: type
    """Type of the payloads of this type's entries."""

    editor_class: ClassVar[type[Editor]]
    """The verbs of this type."""

    def empty(self) -> Cell:
        return []

    def editor(self, edit: Edit, route: Route) -> Any:
        return self.editor_class(self, edit, route)

    def remove(self, node: Node, path: Path, depth: int, observed: Clock) -> None:
        cells.drop(node, observed)

    def drop(self, node: Node, observed: Clock) -> None:
        cells.drop(node, observed)

    def join(self, mine: Node, theirs: Node, my_clock: Clock, their_clock: Clock) -> Cell:
        return cells.join(mine, theirs, my_clock, their_clock)

    def note_writers(self, node: Node, last: dict[str, int]) -> None:
        cells.note_writers(node, last)

    def encode(self, node: Node, out: Writer) -> None:
        out.unsigned(len(node) // WIDTH)
        for start in range(0, len(node), WIDTH):
            out.dot(node[start], node[start + 1])
            if self.is_stamped:
                out.stamp(node[start + 2])
            self.encode_payload(node[start + 3], out)

    def decode(self, source: Reader) -> Cell:
        count = source.unsigned()
        if count == 1:
            return list(self._decode_entry(source))
        cell: Cell = []
        before = ("", 0)
        for _ in range(count):
            entry = self._decode_entry(source)
            if entry[:2] <= before:
                raise CorruptState(f"dot {entry[:2]} of a stored cell is out of order, or is there twice")
            before = entry[:2]
            cell += entry
        return cell

    def _decode_entry(self, source: Reader) -> Entry:
        node, seq = source.dot()
        stamp = source.stamp() if self.is_stamped else 0
        return node, seq, stamp, self.decode_payload(source)

    def encode_payload(self, payload: Payload, out: Writer) -> None:
        """Append one entry's payload; scalars unless a type says otherwise."""
        out.scalar(payload)

    def decode_payload(self, source: Reader) -> Payload:
        """Read back one entry's payload. Raises CorruptState for one that no operation of this type writes."""
        payload = source.scalar()
        if type(payload) is not self.scalar:
            raise CorruptState(f"a stored cell of {self.describe()} holds {payload!r}")
        return payload


INT_MIN: Final = -(1 << 63)
INT_MAX: Final = (1 << 63) - 1
"""Range of whole numbers in state: what a schema's `long` holds, and what readers in other languages do."""

SCALARS: dict[type, str] = {str: "str", int: "int", bool: "bool"}


def check_scalar_type(scalar: type, *, field: str) -> None:
    """Raise GameError unless `scalar` is a type that state can hold."""
    if scalar not in SCALARS:
        raise GameError(f"{field} of {scalar!r}: state holds str, int or bool (no floats: their sums depend on order)")


def check_scalar(value: Any, scalar: type, *, field: str) -> Any:
    """`value`, when it is exactly of type `scalar`: 1, True and 1.0 are three things. Raises GameError otherwise, for a
    whole number of more than 64 bits, and for text with half a character in it (a lone surrogate): no bytes say it.
    """
    if type(value) is not scalar:
        raise GameError(f"{field} takes {SCALARS[scalar]}, got {type(value).__name__} {value!r}")
    if type(value) is int and not INT_MIN <= value <= INT_MAX:
        raise GameError(f"{field} takes int of 64 bits, sign included, got one of {value.bit_length() + 1}")
    if type(value) is str and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise GameError(f"{field} takes text that UTF-8 can write, got {value!r}") from None
    return value
