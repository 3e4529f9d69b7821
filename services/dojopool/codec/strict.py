"""A judge of bytes for any permitted schema: does a value of this schema, strictly encoded, stand here, and where does
it end?

fastavro decodes, but says yes to much that is not Avro (a union index of -1, an int of 40 bits, padded numbers, a block
longer than it states). The generated decoders refuse all of that, so before fastavro reads a body of a foreign schema,
this walks over it with the same primitives and refuses it for the same reasons. It builds no values; fastavro remains
the one who says what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from dojopool.codec.wire import (
    REPEATED_KEY,
    Malformed,
    read_block,
    read_boolean,
    read_index,
    read_int,
    read_long,
    read_raw,
    read_string,
)

Walk: TypeAlias = Callable[[bytes, int], int]
"""From data and the position of a value to the position behind it. Raises Malformed."""

_PRIMITIVES: Mapping[str, Callable[[bytes, int], tuple[object, int]]] = {
    "boolean": read_boolean,
    "int": read_int,
    "long": read_long,
    "string": read_string,
    "bytes": read_raw,
}


def walker(schema: Any) -> Walk:
    """The walk over values of a schema in its full form (`avro.AvroSchema.full`)."""
    if isinstance(schema, list):
        return _union([walker(branch) for branch in schema])
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "array":
        return _blocks(walker(schema["items"]), keyed=False)
    if kind == "map":
        return _blocks(walker(schema["values"]), keyed=True)
    if kind == "enum":
        return _enum(len(schema["symbols"]))
    if kind == "record":
        return _record([walker(field["type"]) for field in schema["fields"]])
    return _primitive(kind)


def _primitive(name: str) -> Walk:
    if name == "null":
        return lambda data, pos: pos
    read = _PRIMITIVES[name]
    return lambda data, pos: read(data, pos)[1]


def _enum(symbols: int) -> Walk:
    return lambda data, pos: read_index(data, pos, symbols)[1]


def _record(fields: Sequence[Walk]) -> Walk:
    def walk(data: bytes, pos: int) -> int:
        for field in fields:
            pos = field(data, pos)
        return pos

    return walk


def _union(branches: Sequence[Walk]) -> Walk:
    def walk(data: bytes, pos: int) -> int:
        index, pos = read_index(data, pos, len(branches))
        return branches[index](data, pos)

    return walk


def _blocks(item: Walk, *, keyed: bool) -> Walk:
    """Arrays, and maps, which differ by a key in front of each item that must not come twice."""

    def walk(data: bytes, pos: int) -> int:
        keys: set[str] = set()
        count, end, pos = read_block(data, pos)
        while count:
            for _ in range(count):
                if keyed:
                    key, pos = read_string(data, pos)
                    if key in keys:
                        raise Malformed(REPEATED_KEY)
                    keys.add(key)
                pos = item(data, pos)
            count, end, pos = read_block(data, pos, end)
        return pos

    return walk
