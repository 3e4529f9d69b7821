"""fastavro, made strict: parsing, fingerprints, encoding, and decoding of any released writer schema.

This is the only file that knows fastavro. Alone it is lenient where this project cannot be: it takes -1 as a union
index, 7 as a boolean, 40 bits as an int, padded numbers, repeated map keys and bytes left over. Some of that leaves no
trace in the decoded value. So `codec.strict` walks over the bytes first, by the writer's schema, and fastavro sees only
what passed; where the value ends must agree. The verdict on a record is therefore the one of the generated decoders,
byte for byte.

A writer schema that is not the reader's is resolved by Avro's rules: by name, with the reader's defaults for fields it
lacks.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType, to_parsing_canonical_form
from fastavro.schema import fingerprint as fastavro_fingerprint

from dojopool.codec.strict import walker
from dojopool.codec.wire import TRAILING, Malformed
from dojopool.errors import GameError

_NOT_A_SCHEMA = (SchemaParseException, UnknownType, KeyError, TypeError, ValueError, AttributeError, RecursionError)
"""What fastavro raises for JSON that is no schema; the plain ones where it does not look before it reaches."""


def parse(schema: Any) -> Any:
    """A schema with every name in full, as all of `codec` expects it.

    Raises GameError when it is not an Avro schema.
    """
    try:
        return fastavro.parse_schema(schema)
    except _NOT_A_SCHEMA as error:
        raise GameError(f"not an Avro schema: {type(error).__name__}: {error}") from error


def canonical_form(schema: Any) -> str:
    """Avro's parsing canonical form: what is left when everything a reader of bytes need not know is taken away."""
    return str(to_parsing_canonical_form(schema))


def fingerprint(schema: Any) -> bytes:
    """The 8 bytes, lowest first, of CRC-64-AVRO over the parsing canonical form: as they stand in a record's header."""
    return bytes.fromhex(fastavro_fingerprint(canonical_form(schema), "CRC-64-AVRO"))


def encode(schema: Any, value: Any) -> bytes:
    """The encoding of a value that was checked against the parsed `schema`. Maps are written in their own order."""
    out = BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


class StrictReader:
    """Reads the last value of a record, strictly, in the writer's schema, and returns it in the reader's."""

    def __init__(self, *, writer: Any, reader: Any) -> None:
        """Both schemas are parsed ones that the schema guard has passed."""
        self._walk = walker(writer)
        self._writer = writer
        self._reader = reader

    def read(self, data: bytes, pos: int) -> Any:
        """The value from `pos` to the end of `data`; a record that is a branch of a union is a pair of full name and
        fields.

        Raises Malformed when the bytes are refused, or when the value has no place in the reader's schema.
        """
        if self._walk(data, pos) != len(data):
            raise Malformed(TRAILING)
        source = BytesIO(data)
        source.seek(pos)
        try:
            value = fastavro.schemaless_reader(source, self._writer, self._reader, return_record_name=True)
        except SchemaResolutionError as error:
            raise Malformed(f"a value of an older schema has no place in the current one: {error}") from error
        assert source.tell() == len(data), "the strict walk and fastavro disagree about where a value ends"
        return value
