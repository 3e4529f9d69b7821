"""What a schema must not be: the shapes that let a few bytes cost a program its memory, its stack or its agreement.

- A *recursive* type lets ten kilobytes nest thousands deep, and a decoder in C then dies on its stack.
- An *array of nothing* (null, an empty record) lets seven bytes promise 2^40 items, and a decoder builds them.
- *Types in types in types* multiply: a short schema with references may be a very long one when they are followed.
- *Logical types* and *aliases* make a decoder return other values or fields than the bytes say, each library in its
  own way.

An event schema must besides have our envelope, field for field, and bodies made of what a game's state can hold.
Schemas are checked when they are loaded; records are checked by the decoders.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dojopool.errors import GameError

NESTING_MAX: Final = 16
"""Deepest nesting of types, far deeper than an event should be and far less than any stack."""

TYPES_MAX: Final = 1024
"""Most types in a schema when every reference is written out."""

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

_BYTES_MIN: Final = {"null": 0, "boolean": 1, "int": 1, "long": 1, "string": 1, "bytes": 1, "float": 4, "double": 8}
_NOT_IN_BODIES: Final = frozenset({"bytes", "fixed", "float", "double"})
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FULL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def event_type(record_name: str) -> str:
    """The event type of a body record: its name in snake case, without namespace; PointsAwarded is points_awarded."""
    short = record_name.rpartition(".")[2]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", short).lower()


def body_records(schema: Any) -> Sequence[Any]:
    """The record of every event type of an event schema, in the order of the union."""
    body: Sequence[Any] = schema["fields"][-1]["type"]
    return body


def lint(schema: Any) -> None:
    """Refuse a parsed schema that could hurt whoever decodes with it. Raises GameError naming the path and the rule."""
    _Lint().visit(schema, "schema")


def check_event_schema(schema: Any) -> None:
    """Refuse a schema, in its full form, that is not an event schema of ours.

    Raises GameError naming the path and the rule.
    """
    _check_envelope(schema)
    bodies = body_records(schema)
    if not isinstance(bodies, list) or not bodies:
        raise GameError("Event.body: must be a union of records, one for each type of event")
    types: dict[str, str] = {}
    for record in bodies:
        if _kind(record) != "record":
            raise GameError(f"Event.body: {_kind(record)} is not a record; each branch is the record of one event type")
        other = types.setdefault(event_type(record["name"]), record["name"])
        if other != record["name"]:
            raise GameError(f"Event.body: {other} and {record['name']} are both event type {event_type(other)!r}")
        for path, part in _parts(record, record["name"].rpartition(".")[2]):
            _check_body_part(path, part)


def _check_envelope(schema: Any) -> None:
    if _kind(schema) != "record" or schema["name"] != EVENT_NAME:
        raise GameError(f"an event schema is a record named {EVENT_NAME}, not {_kind(schema)}")
    found = [(field["name"], _bare(field["type"])) for field in schema["fields"][: len(ENVELOPE)]]
    for place, wanted in enumerate(ENVELOPE):
        if place >= len(found) or found[place] != wanted:
            raise GameError(
                f"Event.{wanted[0]}: field {place + 1} of an event must be {wanted[0]!r}, of type {wanted[1]}"
            )
    if [field["name"] for field in schema["fields"][len(ENVELOPE) :]] != ["body"]:
        raise GameError("Event: behind the envelope comes one last field, body")


def _check_body_part(path: str, part: Any) -> None:
    """One type inside a body: what a game's state can hold, and what Python can name."""
    kind = _kind(part)
    if kind == "union" and (len(part) != 2 or part.count("null") != 1):
        raise GameError(f"{path}: a union in a body is null and one other type, so that its JSON form needs no tag")
    if kind in _NOT_IN_BODIES:
        raise GameError(f"{path}: {kind} is not allowed in a body; state holds null, booleans, integers and strings")
    for name in [field["name"] for field in part["fields"]] if kind == "record" else ():
        if keyword.iskeyword(name) or name.startswith("_"):
            raise GameError(f"{path}.{name}: is not usable as an attribute in Python")


def _parts(schema: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every type inside `schema`, itself first, with its path."""
    yield path, schema
    if isinstance(schema, list):
        for branch in schema:
            yield from _parts(branch, path)
    elif _kind(schema) == "record":
        for field in schema["fields"]:
            yield from _parts(field["type"], f"{path}.{field['name']}")
    elif _kind(schema) == "array":
        yield from _parts(schema["items"], f"{path}[]")
    elif _kind(schema) == "map":
        yield from _parts(schema["values"], f"{path}{{}}")


def _kind(schema: Any) -> str:
    """A type in a word."""
    if isinstance(schema, list):
        return "union"
    return str(schema["type"]) if isinstance(schema, Mapping) else str(schema)


def _bare(schema: Any) -> Any:
    """A type of the envelope without attributes that do not change the bytes."""
    if isinstance(schema, list):
        return [_bare(branch) for branch in schema]
    return {"type": "map", "values": _bare(schema["values"])} if _kind(schema) == "map" else _kind(schema)


@dataclass(frozen=True, slots=True)
class _Extent:
    """What a type comes to when its references are followed."""

    bytes_min: int
    """Fewest bytes a value can take."""
    height: int = 1
    types: int = 1


class _Lint:
    """One walk over a schema, remembering the extent of named types. Avro has no forward references."""

    def __init__(self) -> None:
        self._named = {name: _Extent(size) for name, size in _BYTES_MIN.items()}

    def visit(self, schema: Any, path: str) -> _Extent:
        """Check `schema` and return its extent."""
        if isinstance(schema, str):
            return self._reference(schema, path)
        if isinstance(schema, list):
            extent = self._around([self.visit(branch, path) for branch in schema], bytes_min=1)
        else:
            self._refuse_attributes(schema, path)
            extent = self._complex(schema, path)
        if extent.height > NESTING_MAX:
            raise GameError(f"{path}: types are nested more than {NESTING_MAX} deep")
        if extent.types > TYPES_MAX:
            raise GameError(f"{path}: comes to more than {TYPES_MAX} types when references are written out")
        return extent

    def _reference(self, name: str, path: str) -> _Extent:
        if name not in self._named:
            # A named type is remembered when it is complete, so this one is being defined around us.
            raise GameError(f"{path}: {name} contains itself; recursive types are not allowed")
        return self._named[name]

    @staticmethod
    def _around(parts: Sequence[_Extent], *, bytes_min: int) -> _Extent:
        height = 1 + max((part.height for part in parts), default=0)
        return _Extent(bytes_min, height, 1 + sum(part.types for part in parts))

    @staticmethod
    def _refuse_attributes(schema: Mapping[str, Any], path: str) -> None:
        for attribute in ("logicalType", "aliases"):
            if attribute in schema:
                raise GameError(f"{path}: {attribute} is not allowed; libraries differ in what they make of it")

    def _complex(self, schema: Mapping[str, Any], path: str) -> _Extent:
        kind = schema["type"]
        if kind == "array":
            items = self.visit(schema["items"], f"{path}[]")
            if items.bytes_min == 0:
                raise GameError(f"{path}[]: items that take no bytes are not allowed; any number could be promised")
            return self._around([items], bytes_min=1)
        if kind == "map":
            return self._around([self.visit(schema["values"], f"{path}{{}}")], bytes_min=1)
        if kind in _BYTES_MIN:
            return self._named[kind]
        if kind not in ("record", "enum", "fixed"):
            raise GameError(f"{path}: a type called {kind!r} is not allowed")
        return self._define(schema, kind, path)

    def _define(self, schema: Mapping[str, Any], kind: str, path: str) -> _Extent:
        if not _FULL_NAME.fullmatch(schema["name"]):
            raise GameError(f"{path}: {schema['name']!a} is not a name")
        size = 1 if kind == "enum" else schema.get("size", 0)
        extent = self._record(schema, path) if kind == "record" else _Extent(size)
        self._named[schema["name"]] = extent
        return extent

    def _record(self, schema: Mapping[str, Any], path: str) -> _Extent:
        fields: dict[str, _Extent] = {}
        for field in schema["fields"]:
            inside = f"{path}.{field['name']}"
            if not _NAME.fullmatch(field["name"]) or field["name"] in fields:
                raise GameError(f"{inside!a}: is not a name, or there twice")
            self._refuse_attributes(field, inside)
            fields[field["name"]] = self.visit(field["type"], inside)
        return self._around([*fields.values()], bytes_min=sum(field.bytes_min for field in fields.values()))
