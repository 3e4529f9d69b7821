"""What a schema must not be: the shapes that let a few bytes cost a program its memory, its stack or its agreement with
others.

- A *recursive* type lets ten kilobytes nest thousands deep, and a decoder in C then dies on its stack.
- An *array of nothing* (null, an empty record) lets seven bytes promise 2^40 items, and a decoder builds them.
- *Fields of nothing* in records in records do the same without any array, by multiplying.
- *Logical types* and *aliases* make a decoder return other values or fields than the bytes say, each library in its own
  way.

An event schema must besides have our envelope, field for field, and bodies made of what a game's state can hold.
Schemas are checked where they are loaded; records are checked by the decoders.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dojopool.errors import GameError

NESTING_MAX: Final = 16
"""Deepest nesting of types. Far deeper than an event should be, far less than any stack."""

VALUES_MAX: Final = 1024
"""Most values that one value may hold without any array or map: fields of nothing cost no bytes, yet are built."""

ENVELOPE: Final[Sequence[tuple[str, Any]]] = (
    ("match", "string"),
    ("node", "string"),
    ("seq", "long"),
    ("base", ["null", "long"]),
    ("context", ["null", {"type": "map", "values": "long"}]),
    ("stamp", "long"),
)
"""Name and type of every field of an event before its body, in order."""

EVENT_NAME: Final = "dojopool.Event"
_NOT_IN_BODIES: Final = frozenset({"bytes", "fixed", "float", "double"})


def event_type(record_name: str) -> str:
    """The event type of a body record: its name in snake case, without namespace; PointsAwarded is points_awarded."""
    short = record_name.rpartition(".")[2]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", short).lower()


def lint(schema: Any) -> None:
    """Refuse a parsed schema that could hurt whoever decodes with it. Raises GameError naming the path and the rule."""
    _Lint().visit(schema, "schema")


def body_records(schema: Any) -> Sequence[Any]:
    """The record of every event type of a parsed event schema, in the order of the union."""
    body: Sequence[Any] = schema["fields"][-1]["type"]
    return body


def check_event_schema(schema: Any) -> None:
    """Refuse a parsed schema that is not an event schema of ours. Raises GameError naming the path and the rule."""
    lint(schema)
    _check_envelope(schema)
    bodies = body_records(schema)
    if not isinstance(bodies, list) or not bodies:
        raise GameError("Event.body: must be a union of records, one for each type of event")
    types: dict[str, str] = {}
    for record in bodies:
        if not isinstance(record, Mapping) or record.get("type") != "record":
            raise GameError(f"Event.body: {_kind(record)} is not a record; each branch is the record of one event type")
        other = types.setdefault(event_type(record["name"]), record["name"])
        if other != record["name"]:
            raise GameError(f"Event.body: {other} and {record['name']} are both event type {event_type(other)}")
        for path, part in _parts(record, record["name"].rpartition(".")[2]):
            _check_body_part(path, part)


def _check_envelope(schema: Any) -> None:
    if not isinstance(schema, Mapping) or schema.get("type") != "record" or schema.get("name") != EVENT_NAME:
        raise GameError(f"an event schema is a record named {EVENT_NAME}, not {_kind(schema)}")
    found = [(field["name"], field["type"]) for field in schema["fields"]]
    for place, (name, wanted) in enumerate(ENVELOPE):
        if place >= len(found) or found[place][0] != name or _bare(found[place][1]) != wanted:
            raise GameError(f"Event.{name}: the envelope wants field {place + 1} to be {name!r} of type {wanted}")
    if [name for name, _ in found[len(ENVELOPE) :]] != ["body"]:
        raise GameError("Event: behind the envelope comes one last field, body")


def _check_body_part(path: str, part: Any) -> None:
    """One type inside a body: what a game's state can hold, and what Python can name."""
    if isinstance(part, list):
        if len(part) != 2 or part.count("null") != 1:
            raise GameError(f"{path}: a union in a body is null and one other type, so that its JSON form needs no tag")
        return
    kind = _kind(part)
    if kind in _NOT_IN_BODIES:
        raise GameError(f"{path}: {kind} is not allowed in a body; state holds null, booleans, integers and strings")
    for name in [field["name"] for field in part["fields"]] if kind == "record" else ():
        if keyword.iskeyword(name) or name.startswith("_"):
            raise GameError(f"{path}.{name}: is not usable as an attribute in Python")


def _parts(schema: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every type written out inside `schema`, itself first, with its path; types referred to by name are left out."""
    yield path, schema
    if isinstance(schema, list):
        for branch in schema:
            yield from _parts(branch, path)
    elif isinstance(schema, Mapping):
        for name, part in _children(schema):
            yield from _parts(part, f"{path}{name}")


def _children(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    kind = schema["type"]
    if kind == "record":
        yield from ((f".{field['name']}", field["type"]) for field in schema["fields"])
    elif kind == "array":
        yield "[]", schema["items"]
    elif kind == "map":
        yield "{}", schema["values"]
    elif not isinstance(kind, str):
        yield "", kind


def _kind(schema: Any) -> str:
    """A type in a word."""
    if isinstance(schema, list):
        return "union"
    return schema if isinstance(schema, str) else _kind(schema["type"])


def _bare(schema: Any) -> Any:
    """A type of the envelope without attributes that do not change the bytes."""
    if isinstance(schema, list):
        return [_bare(branch) for branch in schema]
    if isinstance(schema, str):
        return schema
    kind = _bare(schema["type"])
    return {"type": "map", "values": _bare(schema["values"])} if kind == "map" else kind


@dataclass(frozen=True, slots=True)
class _Extent:
    """What one value of a type can come to."""

    bytes_min: int
    height: int
    """Levels of types below and including it, references followed."""
    values: int
    """Values it holds when every array and map in it is empty."""


_LEAF = _Extent(bytes_min=1, height=1, values=1)


class _Lint:
    """One walk over a schema, remembering the extent of named types. Avro has no forward references."""

    def __init__(self) -> None:
        self._named: dict[str, _Extent] = {
            "null": replace(_LEAF, bytes_min=0),
            "float": replace(_LEAF, bytes_min=4),
            "double": replace(_LEAF, bytes_min=8),
            **dict.fromkeys(("boolean", "int", "long", "string", "bytes"), _LEAF),
        }

    def visit(self, schema: Any, path: str) -> _Extent:
        """Check `schema` and return its extent."""
        if isinstance(schema, str):
            if schema not in self._named:
                # A named type is remembered when it is complete, so this one is being defined around us.
                raise GameError(f"{path}: {schema} contains itself; recursive types are not allowed")
            return self._named[schema]
        if isinstance(schema, list):
            extent = self._union([self.visit(branch, path) for branch in schema])
        else:
            self._refuse_attributes(schema, path)
            extent = self._complex(schema, path)
        if extent.height > NESTING_MAX:
            raise GameError(f"{path}: types are nested more than {NESTING_MAX} deep")
        if extent.values > VALUES_MAX:
            raise GameError(f"{path}: one value holds more than {VALUES_MAX} others, however few its bytes")
        return extent

    @staticmethod
    def _refuse_attributes(schema: Mapping[str, Any], path: str) -> None:
        for attribute in ("logicalType", "aliases"):
            if attribute in schema:
                raise GameError(f"{path}: {attribute} is not allowed; libraries differ in what they make of it")

    @staticmethod
    def _union(branches: Sequence[_Extent]) -> _Extent:
        height = 1 + max((branch.height for branch in branches), default=0)
        return _Extent(bytes_min=1, height=height, values=max((branch.values for branch in branches), default=1))

    def _complex(self, schema: Mapping[str, Any], path: str) -> _Extent:
        kind = schema["type"]
        if kind == "array":
            items = self.visit(schema["items"], f"{path}[]")
            if items.bytes_min == 0:
                raise GameError(
                    f"{path}[]: items that take no bytes are not allowed; any number of them could be promised"
                )
            return replace(_LEAF, height=1 + items.height)
        if kind == "map":
            return replace(_LEAF, height=1 + self.visit(schema["values"], f"{path}{{}}").height)
        if kind not in ("record", "enum", "fixed"):
            return self.visit(kind, path)
        extent = self._record(schema, path) if kind == "record" else replace(_LEAF, bytes_min=schema.get("size", 1))
        self._named[schema["name"]] = extent
        return extent

    def _record(self, schema: Mapping[str, Any], path: str) -> _Extent:
        fields = []
        for field in schema["fields"]:
            self._refuse_attributes(field, f"{path}.{field['name']}")
            fields.append(self.visit(field["type"], f"{path}.{field['name']}"))
        return _Extent(
            bytes_min=sum(field.bytes_min for field in fields),
            height=1 + max((field.height for field in fields), default=0),
            values=1 + sum(field.values for field in fields),
        )
