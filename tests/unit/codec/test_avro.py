"""fastavro behind the strict walk: schemas, fingerprints, encoding and decoding."""

from __future__ import annotations

import json
from typing import Any

import avro.schema
import pytest

from dojopool.codec.avro import AvroSchema, StrictReader, bodies, encode, parse
from dojopool.codec.wire import Malformed
from dojopool.errors import GameError
from support.avro_samples import POOL, RICH


def of(kind: Any, **extra: Any) -> AvroSchema:
    """A record with one field `x`."""
    return parse({"type": "record", "name": "n.R", "fields": [{"name": "x", "type": kind, **extra}]})


@pytest.mark.parametrize("schema", [POOL, RICH, {"type": "record", "name": "a.b.C", "fields": []}])
def test_the_fingerprint_is_the_official_one(schema: Any) -> None:
    """Canonical form and fingerprint are those that Avro's own package computes."""
    official = avro.schema.parse(json.dumps(schema))

    assert parse(schema).canonical_form == official.canonical_form
    assert parse(schema).fingerprint == official.fingerprint("CRC-64-AVRO")


def test_the_fingerprint_of_int_is_the_one_of_the_specification() -> None:
    """0x7275d51a3f395c8f, lowest byte first."""
    assert parse("int").fingerprint.hex() == "8f5c393f1ad57572"
    assert parse("int").header.hex() == "c3018f5c393f1ad57572"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "record"},
        {"type": "record", "name": "R", "fields": [{"name": "x"}]},
        {"type": "record", "name": "R", "fields": [{"name": "x", "type": "colour"}]},
        {"type": "array"},
        {"type": "enum", "name": "E", "symbols": ["a", "a"]},
        {"type": {"type": "map", "values": "int"}},
        {"type": ["null", "int"]},
        "colour",
        None,
        7,
    ],
)
def test_what_is_no_schema_is_an_error_of_the_game(schema: Any) -> None:
    """JSON that is not a schema is refused when it is loaded, whatever fastavro stumbles over."""
    with pytest.raises(GameError):
        parse(schema)


def test_the_guard_is_asked_before_a_schema_is_used() -> None:
    """A schema that the guard refuses cannot be parsed."""
    with pytest.raises(GameError, match="no bytes"):
        of({"type": "array", "items": "null"})


def test_a_full_schema_has_no_references() -> None:
    """A named type used twice is written out twice, so that whoever reads the schema needs no table of names."""
    optional = bodies(parse(RICH))[2]

    assert optional.full["fields"][2]["type"][1]["fields"][0] == {"name": "weight", "type": "long"}


def test_a_value_is_read_back() -> None:
    """What was encoded is decoded, to the end of the record."""
    schema = of("string")

    data = b"head" + encode(schema, {"x": "Žofie"})

    assert StrictReader(writer=schema, reader=schema).read(data, 4) == {"x": "Žofie"}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("int", "02ff"),
        ("int", "8080808010"),
        ("boolean", "07"),
        (["null", "int"], "0102"),
        ({"type": "enum", "name": "E", "symbols": ["a", "b"]}, "01"),
        ("long", "8000"),
        ({"type": "map", "values": "int"}, "04026102026104" + "00"),
    ],
)
def test_what_fastavro_alone_would_take_is_refused(kind: Any, data: str) -> None:
    """Bytes left over, 40-bit ints, booleans of 7, indexes of -1, padding and repeated keys are refused."""
    schema = of(kind)

    with pytest.raises(Malformed):
        StrictReader(writer=schema, reader=schema).read(bytes.fromhex(data), 0)


def test_an_older_value_is_read_in_the_newer_schema() -> None:
    """A field the writer did not have has the reader's default, one the reader no longer has is dropped."""
    reader = parse({"type": "record", "name": "n.R", "fields": [{"name": "y", "type": "int", "default": 7}]})

    assert StrictReader(writer=of("string"), reader=reader).read(b"\x02a", 0) == {"y": 7}


def test_a_value_without_a_place_in_the_newer_schema_is_refused() -> None:
    """A type that cannot become the reader's is refused as data, not raised as a bug."""
    with pytest.raises(Malformed, match="no place"):
        StrictReader(writer=of("string"), reader=of("int")).read(b"\x02a", 0)


def test_a_symbol_the_newer_schema_lacks_is_refused() -> None:
    """An enum symbol that is gone has no meaning any more."""
    writer = of({"type": "enum", "name": "E", "symbols": ["a", "b"]})
    reader = of({"type": "enum", "name": "E", "symbols": ["a"]})

    assert StrictReader(writer=writer, reader=reader).read(b"\x00", 0) == {"x": "a"}
    with pytest.raises(Malformed, match="no place"):
        StrictReader(writer=writer, reader=reader).read(b"\x02", 0)
