"""Schemas, values and damage for tests of the codec."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from dojopool.codec import schema_files
from dojopool.codec.avro import parse
from dojopool.codec.event_codec import EventCodec, codec_for
from dojopool.codec.generate import generate
from dojopool.core.event import Event, RefusedBody
from dojopool.errors import RefusedRecord
from dojopool.games import pool_decoder

POOL: Mapping[str, Any] = schema_files.load(schema_files.find("event.avsc"))

LEAN: Mapping[str, Any] = {
    "match": "m-1",
    "node": "eu/gs-7#k3f9a2",
    "seq": 1,
    "base": None,
    "context": None,
    "stamp": 1_500_000_000_000 << 16,
    "type": "points_awarded",
    "body": {"frame": 1, "player": "ana", "points": 3},
}
"""The fields of a usual event of pool."""


def field(name: str, kind: Any) -> dict[str, Any]:
    """A field of a record."""
    return {"name": name, "type": kind}


def record(name: str, *fields: Mapping[str, Any]) -> dict[str, Any]:
    """A record."""
    return {"type": "record", "name": name, "fields": list(fields)}


def event_schema(*bodies: Mapping[str, Any], envelope: Sequence[Any] | None = None) -> dict[str, Any]:
    """An event schema with these bodies, and with our envelope unless another is given."""
    fields = POOL["fields"][:-1] if envelope is None else envelope
    return {
        "type": "record",
        "name": "Event",
        "namespace": "dojopool",
        "fields": [*fields, {"name": "body", "type": list(bodies)}],
    }


CUE = record("Cue", field("weight", "long"), field("maker", ["null", "string"]))
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["red", "black", "blue"]}

RICH = event_schema(
    record(
        "Everything",
        field("nothing", "null"),
        field("flag", "boolean"),
        field("small", "int"),
        field("large", "long"),
        field("text", "string"),
        field("colour", COLOUR),
        field("cue", CUE),
        field("names", {"type": "array", "items": "string"}),
        field("counts", {"type": "map", "values": "int"}),
    ),
    record(
        "Nested",
        field("grid", {"type": "array", "items": {"type": "array", "items": "int"}}),
        field("by_name", {"type": "map", "values": {"type": "map", "values": "boolean"}}),
        field("cues", {"type": "array", "items": "Cue"}),
        field("racks", {"type": "map", "values": ["null", "Cue"]}),
        field("maybe_list", ["null", {"type": "array", "items": ["string", "null"]}]),
        field("flags", {"type": "array", "items": "boolean"}),
        field("colours", {"type": "array", "items": "Colour"}),
    ),
    record(
        "Optional",
        field("number", ["long", "null"]),
        field("colour", ["null", "Colour"]),
        field("cue", ["null", "Cue"]),
    ),
    record("Empty"),
    record(
        "Awkward",
        *(
            field(name, "int")
            for name in (
                "data",
                "pos",
                "count",
                "end2",
                "self",
                "type",
                "range",
                "shown",
                "read_int",
                "Cue",
                "COLOUR",
                "Class",
            )
        ),
        field("stop", "string"),
        field("item", {"type": "array", "items": "string"}),
        field("data_", "long"),
        field("cue", "Cue"),
        field("colour", "Colour"),
    ),
)
"""Every type a body may be made of, in every place, and field names that generated code might trip over."""


def module_of(source: str, directory: Path) -> ModuleType:
    """Generated source as a module."""
    path = directory / "generated_decoder.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pool_codecs() -> tuple[EventCodec, EventCodec]:
    """The built-in game's codec with its generated decoder, and without."""
    return codec_for("event.avsc", pool_decoder), codec_for("event.avsc")


def rich_codecs(directory: Path) -> tuple[EventCodec, EventCodec]:
    """The same two for RICH, its decoder generated here and now."""
    module: Any = module_of(generate(RICH, name="rich.avsc"), directory)
    return EventCodec(RICH, module), EventCodec(RICH)


def verdict(codec: EventCodec, data: bytes) -> tuple[object, ...]:
    """What a codec says about a record, in values that compare: with the body's repr, as classes differ."""
    try:
        found = codec.decode(data)
    except RefusedRecord as error:
        return (type(error).__name__, str(error))
    if not isinstance(found, Event):
        return (found,)
    body = found.body.reason if isinstance(found.body, RefusedBody) else repr(found.body)
    head = (found.match, found.node, found.seq, found.base, found.context, found.stamp, found.type)
    return (*head, type(found.body) is RefusedBody, body)


# --- random values

LONGS = st.one_of(st.integers(-70, 70), st.integers(-(1 << 63), (1 << 63) - 1))
INTS = st.one_of(st.integers(-70, 70), st.integers(-(1 << 31), (1 << 31) - 1))
TEXTS = st.one_of(st.text(max_size=6), st.text(min_size=60, max_size=70))
NODES = st.sampled_from(["eu/a#1", "us/b#1", "us/b#2", "ap/long-name.x_y#k3f9a2"])
COUNTERS = st.one_of(st.integers(1, 70), st.integers(1, (1 << 62) - 1))


def values_of(schema: Any) -> st.SearchStrategy[Any]:
    """Values of a schema in its full form, as JSON values."""
    if isinstance(schema, list):
        return st.one_of([values_of(branch) for branch in schema])
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "record":
        return st.fixed_dictionaries({part["name"]: values_of(part["type"]) for part in schema["fields"]})
    if kind == "array":
        return st.lists(values_of(schema["items"]), max_size=4)
    if kind == "map":
        return st.dictionaries(TEXTS, values_of(schema["values"]), max_size=3)
    if kind == "enum":
        return st.sampled_from(schema["symbols"])
    return {"null": st.none(), "boolean": st.booleans(), "int": INTS, "long": LONGS, "string": TEXTS}[kind]


@st.composite
def events(draw: st.DrawFn, schema: Any, types: Sequence[str]) -> dict[str, Any]:
    """The fields of a valid event of an event schema (as JSON values) whose types are `types`."""
    index = draw(st.integers(0, len(types) - 1))
    seq = draw(COUNTERS)
    node = draw(NODES)
    context = draw(st.none() | st.dictionaries(NODES, COUNTERS, max_size=4))
    return {
        "match": draw(st.sampled_from(["m-1", "m.2:x", "M" * 128])),
        "node": node,
        "seq": seq,
        "base": draw(st.none() | st.integers(0, min(seq - 1, 200))),
        "context": None if context is None else {name: n for name, n in context.items() if name != node},
        "stamp": draw(st.integers(0, 1 << 62)),
        "type": types[index],
        "body": draw(values_of(parse(schema).full["fields"][-1]["type"][index])),
    }


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with one to three things wrong behind its header: a bit, a byte, a piece cut out, doubled or put in."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(10, max(10, len(found) - 1)))
        kind = draw(st.sampled_from(["bit", "byte", "cut", "double", "insert", "end"]))
        if kind == "bit" and at < len(found):
            found[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte" and at < len(found):
            found[at] = draw(st.sampled_from([0x00, 0x01, 0x02, 0x7F, 0x80, 0x81, 0xC3, 0xFF]))
        elif kind == "cut":
            del found[at : at + draw(st.integers(1, 4))]
        elif kind == "double":
            found[at:at] = found[at : at + draw(st.integers(1, 4))]
        elif kind == "insert":
            found[at:at] = draw(st.binary(min_size=1, max_size=4))
        else:
            del found[at:]
    return bytes(found)
