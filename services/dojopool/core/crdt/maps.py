"""Maps and records: state inside state.

A key is present while anything under it is held. Removing a key drops, everywhere below it, what the remover had
observed; a concurrent update under the key survives with its own effect only, and what it did not write does not come
back. That needs no rule of its own: removal is the same drop on every cell below, and all cells share the clock of
the match. (A map that keeps a clock per nested value loses it with the value, and old elements return.) Nested
counters need no special case either, because every addition is an entry.

An empty map and an untouched one are the same state, so nodes that hold nothing are taken out at once.
Sources: Riak DT's map (2014) for the semantics; Almeida et al. (2018) for the shared causal context.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeAlias

from dojopool.core.crdt.cell import Clock
from dojopool.core.crdt.edit import Edit, Editor, Path, Route
from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.core.crdt.kind import SCALARS, Kind, Node, check_scalar, check_scalar_type
from dojopool.core.crdt.view import View
from dojopool.errors import CorruptState


class Branch(Kind):
    """What has nodes below it, each under a step: only those that hold anything."""

    @abstractmethod
    def below(self, step: Any) -> Kind:
        """The kind of the node that `step` leads to."""

    @abstractmethod
    def fresh(self) -> Node:
        """As `empty`, with the places that its nodes take: for what is about to be written."""

    @abstractmethod
    def held(self, node: Node) -> list[tuple[Any, Node]]:
        """The steps that lead to something, and to what."""

    @abstractmethod
    def child(self, node: Node, step: Any) -> Node | None:
        """What `step` leads to, None when nothing is held there."""

    @abstractmethod
    def take_out(self, node: Node, step: Any) -> None:
        """Let `step` lead to nothing. In place."""

    def remove(self, node: Node, path: Path, depth: int, observed: Clock) -> None:
        if depth == len(path):
            self.drop(node, observed)
            return
        step = path[depth]
        child = self.child(node, step)
        if child is not None:
            self.below(step).remove(child, path, depth + 1, observed)
            if not child:
                self.take_out(node, step)

    def drop(self, node: Node, observed: Clock) -> None:
        for step, child in self.held(node):
            self.below(step).drop(child, observed)
            if not child:
                self.take_out(node, step)

    def join(self, mine: Node, theirs: Node, my_clock: Clock, their_clock: Clock) -> Node:
        left, right = dict(self.held(mine)), dict(self.held(theirs))
        joined = self.fresh()
        holds_any = False
        for step in {**left, **right}:
            kind = self.below(step)
            node = kind.join(left.get(step, kind.empty()), right.get(step, kind.empty()), my_clock, their_clock)
            if node:
                joined[step] = node
                holds_any = True
        return joined if holds_any else self.empty()

    def grown(self, root: Node, steps: Path) -> Node:
        """The branch that `steps` lead to from `root`; what is missing on the way is made."""
        kind: Any = self
        node = root
        for step in steps:
            below = kind.child(node, step)
            kind = kind.below(step)
            if below is None:
                below = node[step] = kind.fresh()
            node = below
        return node

    def note_writers(self, node: Node, last: dict[str, int]) -> None:
        for step, child in self.held(node):
            self.below(step).note_writers(child, last)

    def decode_below(self, step: Any, source: Reader) -> Node:
        """The stored node that `step` leads to. Raises CorruptState, also when it holds nothing: that is not stored."""
        kind = self.below(step)
        node = kind.decode(source)
        if not node:
            raise CorruptState(f"a stored {kind.describe()} is empty; what holds nothing is not stored")
        return node


class Keyed(Branch):
    """A dictionary from scalars of one type to nodes of one kind: the body of maps and sets."""

    def __init__(self, key: type, inner: Kind, *, field: str) -> None:
        check_scalar_type(key, field=f"keys of {field}")
        self.key = key
        self.inner = inner

    def below(self, step: Any) -> Kind:
        return self.inner

    def empty(self) -> dict[Any, Node]:
        return {}

    def fresh(self) -> dict[Any, Node]:
        return {}

    def held(self, node: Node) -> list[tuple[Any, Node]]:
        return list(node.items())

    def child(self, node: Node, step: Any) -> Node | None:
        return node.get(step)

    def take_out(self, node: Node, step: Any) -> None:
        del node[step]

    def encode(self, node: Node, out: Writer) -> None:
        out.unsigned(len(node))
        for key in sorted(node):
            out.scalar(key)
            self.inner.encode(node[key], out)

    def decode(self, source: Reader) -> dict[Any, Node]:
        node: dict[Any, Node] = {}
        before: Any = None
        for _ in range(source.unsigned()):
            key: Any = source.scalar()
            if type(key) is not self.key or not (before is None or before < key):
                raise CorruptState(f"key {key!r} of a stored {self.describe()} is of another type or out of order")
            before = key
            node[key] = self.decode_below(key, source)
        return node


LONG_KEY: Final = 128
"""Characters of a key that count as one place more."""


class KeyedEditor(Editor):
    """Leads on to the editors below, by key."""

    __slots__ = ("_below",)

    def __init__(self, kind: Keyed, edit: Edit, route: Route) -> None:
        super().__init__(kind, edit, route)
        self._below: dict[Any, Any] = {}

    def __getitem__(self, key: Any) -> Any:
        """The editor below `key`. Raises GameError for a key of another type: 1, True and 1.0 are three things."""
        if type(key) is self._kind.key:
            known = self._below.get(key)
            if known is not None:
                return known
        inner = self._kind.inner
        check_scalar(key, self._kind.key, field="a key")
        if type(key) is str:
            self._edit.routes += len(key) // LONG_KEY  # a long key takes the room of many places
        self._below[key] = editor = inner.editor(self._edit, self._edit.route(*self._route.path, key))
        return editor

    # Without these, a loop or `in` would fall back to asking for the keys 0, 1, 2 and so on, for ever.

    def __iter__(self) -> NoReturn:
        raise TypeError("a reducer writes and never reads: what is held cannot be looped over")

    def __contains__(self, key: object) -> NoReturn:
        raise TypeError("a reducer writes and never reads: what is held cannot be asked for")


class Piece:
    """What is remembered of one key of a map as long as nothing below it changes: its canonical bytes, key included,
    and what readers are shown of it, in whatever form who shows it likes. None when it has to be made anew.
    """

    __slots__ = ("encoded", "shown")

    def __init__(self) -> None:
        self.encoded: bytes | None = None
        self.shown: bytes | None = None


PIECES_FROM = 4
"""Keys from which on pieces are remembered: below, making everything anew costs less than the room they take. Not
Final, which would be built into compiled code: tests lower it.
"""

Pieces: TypeAlias = dict[int, dict[Any, Piece]]
"""The pieces of a record's maps, by number of the field and key. A match has some keys that are written now, and ever
more that are not written any more; with pieces the cost of storing it follows the first.
"""


class Map(Keyed):
    """Map from keys to state of one kind. Read: a dictionary in order of key; keys that hold nothing are absent."""

    def __init__(self, key: type, inner: Kind) -> None:
        super().__init__(key, inner, field="map_of")

    def editor(self, edit: Edit, route: Route) -> MapEditor:
        return MapEditor(self, edit, route)

    def encode(self, node: Node, out: Writer, pieces: dict[Any, Piece] | None = None) -> None:
        if pieces is None:
            super().encode(node, out)
            return
        out.unsigned(len(node))
        for key in sorted(node):
            piece = pieces.get(key)
            if piece is None:
                piece = pieces[key] = Piece()
            if piece.encoded is None:
                start = len(out.buffer)
                out.scalar(key)
                self.inner.encode(node[key], out)
                piece.encoded = bytes(out.buffer[start:])
            else:
                out.buffer += piece.encoded

    def plain(self, node: Node) -> dict[Any, Any]:
        return {key: self.inner.plain(node[key]) for key in sorted(node)}

    def view(self, plain: Any) -> Mapping[Any, Any]:
        return MappingProxyType({self._native(key): self.inner.view(value) for key, value in plain.items()})

    def describe(self) -> str:
        return f"map({SCALARS[self.key]}, {self.inner.describe()})"

    def _native(self, key: Any) -> Any:
        """The key as its own type again: JSON knows only strings as keys."""
        if type(key) is self.key:
            return key
        return key in ("true", "True") if self.key is bool else self.key(key)


class MapEditor(KeyedEditor):
    """Verbs of a map: `map[key]` leads on, `map.remove(key)` removes what was read."""

    __slots__ = ()

    def remove(self, key: Any) -> None:
        """Remove everything under `key` that the event's writer had read."""
        check_scalar(key, self._kind.key, field="a key")
        self._edit.remove(self._edit.route(*self._route.path, key))


class RecordKind(Branch):
    """Named fields, each of its own kind. Its node is a list with a place for each field, None where nothing is held,
    or an empty list: that is a third of a dictionary.
    """

    def __init__(self, fields: Mapping[str, Kind], editor_class: Callable[[RecordKind, Edit, Route], Any]) -> None:
        self.names = tuple(fields)
        self.kinds: tuple[Kind, ...] = tuple(fields.values())
        self._editor_class = editor_class

    def below(self, step: int) -> Kind:
        return self.kinds[step]

    def empty(self) -> list[Node]:
        return []

    def fresh(self) -> list[Node]:
        return [None] * len(self.kinds)

    def held(self, node: Node) -> list[tuple[int, Node]]:
        return [(index, child) for index, child in enumerate(node) if child is not None]

    def child(self, node: Node, step: int) -> Node | None:
        return node[step] if node else None

    def take_out(self, node: Node, step: int) -> None:
        node[step] = None
        if node.count(None) == len(node):
            node.clear()

    def editor(self, edit: Edit, route: Route) -> Any:
        return self._editor_class(self, edit, route)

    def plain_field(self, node: Node, index: int) -> Any:
        """The plain value of one field."""
        kind = self.kinds[index]
        child = self.child(node, index)
        return kind.plain(kind.empty() if child is None else child)

    def plain(self, node: Node) -> dict[str, Any]:
        return {name: self.plain_field(node, index) for index, name in enumerate(self.names)}

    def view(self, plain: Any) -> View:
        return View({name: kind.view(plain[name]) for name, kind in zip(self.names, self.kinds, strict=True)})

    def encode(self, node: Node, out: Writer, pieces: Pieces | None = None) -> None:
        out.unsigned(len(node) - node.count(None))
        for index, kind in enumerate(self.kinds):
            child = self.child(node, index)
            if child is None:
                continue
            out.unsigned(index)
            if pieces is not None and type(kind) is Map and len(child) >= PIECES_FROM:
                kind.encode(child, out, pieces.setdefault(index, {}))
            else:
                kind.encode(child, out)

    def decode(self, source: Reader) -> list[Node]:
        count = source.unsigned()
        node = self.fresh() if count else self.empty()
        before = -1
        for _ in range(count):
            index = source.unsigned()
            if not before < index < len(self.kinds):
                raise CorruptState(f"field {index} of a stored record is unknown or out of order")
            before = index
            node[index] = self.decode_below(index, source)
        return node

    def describe(self) -> str:
        fields = ", ".join(f"{name}: {kind.describe()}" for name, kind in zip(self.names, self.kinds, strict=True))
        return f"record({fields})"
