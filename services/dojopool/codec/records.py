"""Decoded records whose schema no code was generated for: classes made from the schema, read by attribute like
generated ones.

A record class, made here or generated, has `__slots__`, a constructor in field order and `__match_args__` naming its
fields; that is all reducers and `plain` rely on. (It also makes `match event.body: case PointsAwarded(frame, player,
points)` work.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

Build: TypeAlias = Callable[[Any], Any]
"""From what fastavro decoded to what reducers read."""


class DecodedRecord:
    """Base of the classes made at run time."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *values: Any) -> None:
        for field, value in zip(self.__match_args__, values, strict=True):
            setattr(self, field, value)

    def __repr__(self) -> str:
        return shown(self)


def shown(record: Any) -> str:
    """A record as its `repr`."""
    name = type(record).__name__
    return f"{name}({', '.join(f'{field}={getattr(record, field)!r}' for field in record.__match_args__)})"


def record_class(name: str, fields: Sequence[str]) -> type[DecodedRecord]:
    """A class of records called `name` with these fields."""
    return type(name, (DecodedRecord,), {"__slots__": tuple(fields), "__match_args__": tuple(fields)})


def builder(schema: Any) -> Build:
    """How to turn fastavro's value of a schema in its full form into lists, maps, scalars and record objects."""
    if isinstance(schema, list):
        return _nullable(builder(next(branch for branch in schema if branch != "null")))
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "array":
        return _list_of(builder(schema["items"]))
    if kind == "map":
        return _map_of(builder(schema["values"]))
    return _record(schema) if kind == "record" else _as_it_is


def plain(value: Any) -> Any:
    """A decoded body as JSON values: records become objects of their fields, everything else stays."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    fields: Sequence[str] | None = getattr(type(value), "__match_args__", None)
    return value if fields is None else {field: plain(getattr(value, field)) for field in fields}


def _as_it_is(value: Any) -> Any:
    return value


def _nullable(build: Build) -> Build:
    return lambda value: None if value is None else build(value)


def _list_of(build: Build) -> Build:
    return lambda items: [build(item) for item in items]


def _map_of(build: Build) -> Build:
    return lambda items: {key: build(item) for key, item in items.items()}


def _record(schema: Any) -> Build:
    names = [field["name"] for field in schema["fields"]]
    builds = [builder(field["type"]) for field in schema["fields"]]
    made = record_class(schema["name"].rpartition(".")[2], names)

    def build(value: Any) -> DecodedRecord:
        return made(*(part(value[name]) for name, part in zip(names, builds, strict=True)))

    return build
