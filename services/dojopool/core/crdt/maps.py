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

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from dojopool.core.crdt.cell import Clock, Origin
from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.core.crdt.kind import SCALARS, Edit, Kind, Node, Path, Write, check_scalar, check_scalar_type
from dojopool.errors import CorruptState, GameError


class Keyed(Kind):
    """A dictionary from scalars of one type to nodes of one kind: the body of maps and sets."""

    def __init__(self, key: type, inner: Kind, *, field: str) -> None:
        check_scalar_type(key, field=f"keys of {field}")
        self.key = key
        self.inner = inner

    def check_key(self, key: Any) -> Any:
        """`key`, when it has the declared type. Raises GameError otherwise."""
        return check_scalar(key, self.key, field="a key")

    def empty(self) -> dict[Any, Node]:
        return {}

    def is_held(self, node: Node) -> bool:
        return bool(node)

    def write(self, node: Node, write: Write, depth: int, origin: Origin) -> None:
        if depth == len(write.path):
            self.drop(node, origin.observed)
            return
        key = write.path[depth]
        child = node.get(key)
        if write.action is not None:
            if child is None:
                child = node[key] = self.inner.empty()
            self.inner.write(child, write, depth + 1, origin)
        elif child is not None:
            self.inner.write(child, write, depth + 1, origin)
            if not self.inner.is_held(child):
                del node[key]

    def drop(self, node: Node, observed: Clock) -> None:
        for key in list(node):
            self.inner.drop(node[key], observed)
            if not self.inner.is_held(node[key]):
                del node[key]

    def join(self, mine: Node, theirs: Node, my_clock: Clock, their_clock: Clock) -> dict[Any, Node]:
        joined = {}
        for key in {**mine, **theirs}:
            left = mine[key] if key in mine else self.inner.empty()
            right = theirs[key] if key in theirs else self.inner.empty()
            node = self.inner.join(left, right, my_clock, their_clock)
            if self.inner.is_held(node):
                joined[key] = node
        return joined

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
            node[key] = _held(self.inner, self.inner.decode(source))
        return node


class Map(Keyed):
    """Map from keys to state of one kind. Read: a dictionary in order of key; keys that hold nothing are absent."""

    def __init__(self, key: type, inner: Kind) -> None:
        super().__init__(key, inner, field="map_of")

    def editor(self, edit: Edit, path: Path) -> MapEditor:
        return MapEditor(self, edit, path)

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


class MapEditor:
    """Verbs of a map: `map[key]` leads on, `map.remove(key)` removes what was read."""

    __slots__ = ("_edit", "_kind", "_path")

    def __init__(self, kind: Map, edit: Edit, path: Path) -> None:
        self._kind, self._edit, self._path = kind, edit, path

    def __getitem__(self, key: Any) -> Any:
        kind = self._kind
        if kind.key is not str or type(key) is not str:  # a string of the right type needs no call: this is a hot path
            kind.check_key(key)
        return kind.inner.editor(self._edit, (*self._path, key))

    # Without these, a loop over a map or `in` would fall back to asking for the keys 0, 1, 2 and so on, for ever.
    __iter__ = None
    __contains__ = None

    def remove(self, key: Any) -> None:
        """Remove everything under `key` that the event's writer had read."""
        self._edit.remove((*self._path, self._kind.check_key(key)))


class View:
    """A record as readers see it: the declared fields as attributes, immutable, equal by value."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_values", dict(values))

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_values")[name]
        except KeyError:
            fields = ", ".join(object.__getattribute__(self, "_values"))
            raise AttributeError(f"no field {name!r} is declared; the fields are {fields}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a view is read-only; {name!r} cannot be set")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values))

    def __repr__(self) -> str:
        return f"View({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"


class RecordKind(Kind):
    """Named fields, each of its own kind. Its node is a list in order of declaration, None where nothing is held."""

    def __init__(self, fields: Mapping[str, Kind], editor_class: type[RecordEditor]) -> None:
        self.names = tuple(fields)
        self.kinds = tuple(fields.values())
        self._editor_class = editor_class

    def editor(self, edit: Edit, path: Path) -> RecordEditor:
        return self._editor_class(edit, path)

    def empty(self) -> list[Node]:
        return [None] * len(self.kinds)

    def is_held(self, node: Node) -> bool:
        return any(child is not None for child in node)

    def write(self, node: Node, write: Write, depth: int, origin: Origin) -> None:
        if depth == len(write.path):
            self.drop(node, origin.observed)
            return
        index = write.path[depth]
        kind = self.kinds[index]
        child = node[index]
        if write.action is not None:
            if child is None:
                child = node[index] = kind.empty()
            kind.write(child, write, depth + 1, origin)
        elif child is not None:
            kind.write(child, write, depth + 1, origin)
            if not kind.is_held(child):
                node[index] = None

    def drop(self, node: Node, observed: Clock) -> None:
        for index, child in enumerate(node):
            if child is not None:
                self.kinds[index].drop(child, observed)
                if not self.kinds[index].is_held(child):
                    node[index] = None

    def join(self, mine: Node, theirs: Node, my_clock: Clock, their_clock: Clock) -> list[Node]:
        joined = self.empty()
        for index, kind in enumerate(self.kinds):
            if mine[index] is not None or theirs[index] is not None:
                left = kind.empty() if mine[index] is None else mine[index]
                right = kind.empty() if theirs[index] is None else theirs[index]
                node = kind.join(left, right, my_clock, their_clock)
                joined[index] = node if kind.is_held(node) else None
        return joined

    def plain_field(self, node: Node, index: int) -> Any:
        """The plain value of one field."""
        child = node[index]
        return self.kinds[index].plain(self.kinds[index].empty() if child is None else child)

    def plain(self, node: Node) -> dict[str, Any]:
        return {name: self.plain_field(node, index) for index, name in enumerate(self.names)}

    def view(self, plain: Any) -> View:
        return View({name: kind.view(plain[name]) for name, kind in zip(self.names, self.kinds, strict=True)})

    def encode(self, node: Node, out: Writer) -> None:
        out.unsigned(sum(child is not None for child in node))
        for index, child in enumerate(node):
            if child is not None:
                out.unsigned(index)
                self.kinds[index].encode(child, out)

    def decode(self, source: Reader) -> list[Node]:
        node = self.empty()
        before = -1
        for _ in range(source.unsigned()):
            index = source.unsigned()
            if not before < index < len(node):
                raise CorruptState(f"field {index} of a stored record is unknown or out of order")
            before = index
            node[index] = _held(self.kinds[index], self.kinds[index].decode(source))
        return node

    def describe(self) -> str:
        fields = ", ".join(f"{name}: {kind.describe()}" for name, kind in zip(self.names, self.kinds, strict=True))
        return f"record({fields})"


class RecordEditor:
    """Base of the write side of a declared state: one property per field, made when the state class is declared."""

    __slots__ = ("_edit", "_path")

    def __init__(self, edit: Edit, path: Path) -> None:
        self._edit, self._path = edit, path


def record(fields: Mapping[str, Kind], *, name: str) -> RecordKind:
    """The kind of a declared state, with a write side whose attributes are its fields."""
    properties: dict[str, Any] = {"__slots__": ()}
    for index, (field, kind) in enumerate(fields.items()):
        if hasattr(RecordEditor, field) or hasattr(View, field):
            raise GameError(f"{name}.{field}: this name is taken; choose another name for the field")
        properties[field] = property(_entrance(kind, index))
    return RecordKind(fields, type(f"{name}Editor", (RecordEditor,), properties))


def _held(kind: Kind, node: Node) -> Node:
    """`node`, when it holds anything: nothing else is stored."""
    if not kind.is_held(node):
        raise CorruptState(f"a stored {kind.describe()} is empty; what holds nothing is not stored")
    return node


def _entrance(kind: Kind, index: int) -> Any:
    def enter(editor: RecordEditor) -> Any:
        return kind.editor(editor._edit, (*editor._path, index))

    return enter
