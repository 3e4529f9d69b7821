"""fastavro, made strict: parsing, fingerprints, encoding, and decoding of any released writer schema.

This is the only file that knows fastavro. Alone it is lenient where this project cannot be: it takes -1 as a union
index, 7 as a boolean, 40 bits as an int, padded numbers, repeated map keys and bytes left over. Some of that leaves no
trace in the decoded value. So `codec.strict` walks over the bytes first, by the writer's schema, and fastavro sees only
what passed; where the value ends must agree. The verdict on a record is therefore the one of the generated decoders,
byte for byte.

A writer schema that is not the reader's is resolved by Avro's rules: by name, with the reader's defaults for fields it
lacks. Event types are matched here, not by fastavro, which would look for any branch that fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType, expand_schema, to_parsing_canonical_form
from fastavro.schema import fingerprint as fingerprint_hex

from dojopool.codec.schema_guard import body_records, lint
from dojopool.codec.strict import walker
from dojopool.codec.wire import TRAILING, Malformed, single_object
from dojopool.errors import GameError

_NOT_A_SCHEMA = (SchemaParseException, UnknownType, KeyError, TypeError, ValueError, AttributeError, RecursionError)
"""What fastavro raises for JSON that is no schema; the plain ones where it does not look before it reaches."""


@dataclass(frozen=True, slots=True)
class AvroSchema:
    """A schema that passed the guard, in the two forms that are needed."""

    parsed: Any
    """As fastavro parsed it, for fastavro."""
    full: Any
    """With every name in full and every reference replaced by what it refers to, for everybody else."""

    @property
    def fingerprint(self) -> bytes:
        """The 8 bytes, lowest first, of CRC-64-AVRO over the parsing canonical form: as in a record's header."""
        return bytes.fromhex(fingerprint_hex(self.canonical_form, "CRC-64-AVRO"))

    @property
    def canonical_form(self) -> str:
        """Avro's parsing canonical form: what decides the bytes, without docs, defaults and white space."""
        return str(to_parsing_canonical_form(self.parsed))

    @property
    def header(self) -> bytes:
        """What stands in front of a value in single-object encoding."""
        return single_object(self.fingerprint)


def parse(schema: Any) -> AvroSchema:
    """The schema in these JSON values. Raises GameError when it is not one, or when the schema guard refuses it."""
    try:
        parsed = fastavro.parse_schema(schema)
        lint(parsed)
        return AvroSchema(parsed, expand_schema(schema))
    except _NOT_A_SCHEMA as error:
        raise GameError(f"not an Avro schema: {type(error).__name__}: {error}") from error


def bodies(schema: AvroSchema) -> Sequence[AvroSchema]:
    """The schemas of the body records of an event schema, in order."""
    named: dict[str, Any] = {}
    parsed = [fastavro.parse_schema(record, named) for record in body_records(schema.parsed)]
    return [AvroSchema(*forms) for forms in zip(parsed, body_records(schema.full), strict=True)]


def encode(schema: AvroSchema, value: Any) -> bytes:
    """The encoding of a value that was checked against `schema`. Maps are written in their own order."""
    out = BytesIO()
    fastavro.schemaless_writer(out, schema.parsed, value)
    return out.getvalue()


class StrictReader:
    """Reads the last value of a record, strictly, in the writer's schema, and returns it in the reader's."""

    def __init__(self, *, writer: AvroSchema, reader: AvroSchema) -> None:
        self._walk = walker(writer.full)
        self._writer = writer.parsed
        # The same schema twice would be compared, deeply, for every record.
        self._reader = None if writer is reader else reader.parsed

    def read(self, data: bytes, pos: int) -> Any:
        """The value from `pos` to the end of `data`, as fastavro returns it.

        Raises Malformed when the bytes are refused, or when the value has no place in the reader's schema.
        """
        if self._walk(data, pos) != len(data):
            raise Malformed(TRAILING)
        source = BytesIO(data)
        source.seek(pos)
        try:
            value = fastavro.schemaless_reader(source, self._writer, self._reader)
        except SchemaResolutionError as error:
            raise Malformed(f"a value of an older schema has no place in the current one: {error}") from error
        assert source.tell() == len(data), "the strict walk and fastavro disagree about where a value ends"
        return value
