"""Marks as bytes: the control records that number a stream, the same for every game.

About one a second comes along per partition, so there is no generated decoder for them.
"""

from __future__ import annotations

from collections.abc import Iterable

from dojopool.codec import avro, schema_files
from dojopool.codec.avro import AvroSchema, StrictReader
from dojopool.codec.wire import HEADER_BYTES, Malformed
from dojopool.core.cut import Mark
from dojopool.core.names import mark_fault
from dojopool.errors import InvalidEvent


class MarkCodec:
    """Writes marks with one schema, and reads it and its released forms."""

    def __init__(self, schema: AvroSchema, released: Iterable[AvroSchema] = ()) -> None:
        self._schema = schema
        self._header = schema.header
        self._readers = {form.fingerprint: StrictReader(writer=form, reader=schema) for form in (*released, schema)}

    @classmethod
    def load(cls) -> MarkCodec:
        """The codec of our own mark schema. Raises GameError when its file is missing or damaged."""
        path = schema_files.find("mark.avsc")
        released = [avro.parse(schema_files.load(file)) for file in schema_files.released(path)]
        return cls(avro.parse(schema_files.load(path)), released)

    @property
    def known(self) -> frozenset[bytes]:
        """The fingerprints of the schemas that can be read."""
        return frozenset(self._readers)

    def encode(self, mark: Mark) -> bytes:
        """The record's value. Raises InvalidEvent when a field is out of range."""
        fault = mark_fault(region=mark.region, tick=mark.tick, time_ms=mark.time_ms)
        if fault is not None:
            raise InvalidEvent(fault)
        fields = {"region": mark.region, "tick": mark.tick, "time": mark.time_ms}
        return self._header + avro.encode(self._schema, fields)

    def decode(self, data: bytes, fingerprint: bytes) -> Mark:
        """The mark in a record whose header names a known `fingerprint`. Raises Malformed when it is refused."""
        fields = self._readers[fingerprint].read(data, HEADER_BYTES)
        mark = Mark(region=fields["region"], tick=fields["tick"], time_ms=fields["time"])
        fault = mark_fault(region=mark.region, tick=mark.tick, time_ms=mark.time_ms)
        if fault is not None:
            raise Malformed(fault)
        return mark
