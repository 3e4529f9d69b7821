"""Bytes to events and back, for one game: the one door between a log and the fold.

A record is `C3 01`, the fingerprint of its writer's schema, and the value. Three kinds of answer, and the difference
matters:

- an Event or a Mark;
- an Event whose body is a RefusedBody: the envelope is good, so the event counts and its node goes on, but it writes
  nothing;
- RefusedRecord: there is no dot to count. UnknownSchema is the one of them that may be decodable later, by a newer
  program.

The answer depends on the bytes and the installed schemas alone. `fold_version_part` names those schemas, because stored
state is only comparable between programs that can read the same records.

Records of the current schema go through the generated decoder where there is one; all others, and all records of games
without generated code, through fastavro behind a strict walk (`codec.avro`). Both refuse the same bytes; the tests hold
them to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from dojopool import errors
from dojopool.codec import avro, schema_files
from dojopool.codec.avro import AvroSchema
from dojopool.codec.envelope import read_envelope
from dojopool.codec.mark_codec import MarkCodec
from dojopool.codec.records import builder
from dojopool.codec.schema_guard import check_event_schema, event_type
from dojopool.codec.usual import Unusual, writer, written_envelope, written_long
from dojopool.codec.values import InvalidBody, checker
from dojopool.codec.wire import HEADER_BYTES, RECORD_BYTES_MAX, Malformed, fingerprint_of, read_index
from dojopool.core.cut import Mark
from dojopool.core.event import Event, RefusedBody
from dojopool.core.names import envelope_fault
from dojopool.errors import GameError, InvalidEvent, RefusedRecord


class UnknownSchema(errors.UnknownSchema):
    """A record of a schema this program was not installed with. `fingerprint` are its 8 bytes, as in the record."""

    def __init__(self, fingerprint: bytes) -> None:
        super().__init__(
            f"written with schema {fingerprint.hex()}, which is not among the released schemas here;"
            " a newer version of the program may know it"
        )
        self.fingerprint = fingerprint


class GeneratedDecoder(Protocol):
    """A module written by `dojo schema generate`."""

    @property
    def FINGERPRINT(self) -> bytes:  # noqa: N802 - a constant of a module
        """Of the schema it was generated from."""
        ...

    def decode(self, data: bytes, pos: int) -> Event:
        """The event whose envelope begins at `pos`. Raises Malformed when the envelope is refused."""
        ...


class EventCodec:
    """Encodes and decodes the events of one game, and marks."""

    fingerprint: bytes
    """8 bytes, as in the header of every record encoded here."""
    fold_version_part: str
    """Names what this codec can read and as what; goes into the fold version."""
    types: tuple[str, ...]
    """The event types, in the order of the schema."""

    def __init__(self, schema: Any, generated: GeneratedDecoder | None = None, *, released: Iterable[Any] = ()) -> None:
        """A codec that writes `schema` (as JSON values) and reads it and the `released` ones as its events.

        Raises GameError when a schema is not one of ours, or when `generated` was made from another schema.
        """
        self._schema = _event_schema(schema)
        self.fingerprint = self._schema.fingerprint
        self._head = self._schema.header
        self._bodies = {event_type(body.full["name"]): body for body in avro.bodies(self._schema)}
        self._checks = {kind: checker(body.full) for kind, body in self._bodies.items()}
        bodies = enumerate(self._bodies.items())
        self._writers = {kind: (written_long(place), writer(body.full)) for place, (kind, body) in bodies}
        self._events = {self.fingerprint: _EventReader(self._bodies, self._bodies)}
        for older in map(_event_schema, released):
            writers = {event_type(body.full["name"]): body for body in avro.bodies(older)}
            self._events.setdefault(older.fingerprint, _EventReader(writers, self._bodies))
        self._decode = self._decoder(generated)
        self._marks = MarkCodec.load()
        self.types = tuple(self._bodies)
        self.fold_version_part = _digest(self._schema.parsed, [*sorted(self._events), *sorted(self._marks.known)])

    def _decoder(self, generated: GeneratedDecoder | None) -> Callable[[bytes, int], Event]:
        if generated is None:
            return self._events[self.fingerprint].decode
        if self.fingerprint != generated.FINGERPRINT:
            raise GameError(
                f"the generated decoder is of schema {generated.FINGERPRINT.hex()}, the game's schema is"
                f" {self.fingerprint.hex()}: run `dojo schema generate` again"
            )
        return generated.decode

    def decode(self, data: bytes) -> Event | Mark:
        """The event or mark in a record's value; `Event.body` is a RefusedBody when only the body cannot be used.

        Raises UnknownSchema for another schema's record, and RefusedRecord, with the reason, for what names no event.
        """
        if len(data) > RECORD_BYTES_MAX:
            raise RefusedRecord(f"{len(data)} bytes long, more than {RECORD_BYTES_MAX}")
        if data.startswith(self._head):
            return self._decode(data, HEADER_BYTES)
        fingerprint = fingerprint_of(data)
        events = self._events.get(fingerprint)
        if events is not None:
            return events.decode(data, HEADER_BYTES)
        if fingerprint in self._marks.known:
            return self._marks.decode(data, fingerprint)
        raise UnknownSchema(fingerprint)

    def encode(  # noqa: PLR0913 - one keyword for each field of an event
        self,
        *,
        match: str,
        node: str,
        seq: int,
        base: int | None,
        context: Mapping[str, int] | None,
        stamp: int,
        type: str,  # noqa: A002 - the field's name in every form of an event
        body: Mapping[str, Any],
    ) -> bytes:
        """The record's value; equal events give equal bytes.

        Raises InvalidEvent naming the field and what is wrong with it: InvalidBody when only type or body are wrong.
        """
        if base is None and context is None:
            usual = self._usual(match, node, seq, stamp, type, body)
            if usual is not None:
                return usual
        fault = envelope_fault(match=match, node=node, seq=seq, base=base, context=context, stamp=stamp)
        if fault is not None:
            raise InvalidEvent(fault)
        record = {
            "match": match,
            "node": node,
            "seq": seq,
            "base": base,
            "context": None if context is None else dict(sorted(context.items())),
            "stamp": stamp,
            "body": self._checked_body(type, body),
        }
        data = self._head + avro.encode(self._schema, record)
        if len(data) > RECORD_BYTES_MAX:
            raise InvalidEvent(f"the event takes {len(data)} bytes, at most {RECORD_BYTES_MAX} are allowed: split it")
        return data

    def _usual(
        self, match: str, node: str, seq: int, stamp: int, kind: object, body: Mapping[str, Any]
    ) -> bytes | None:
        """The record's value of an event in its usual form; None leaves the event, and what is wrong with it, to
        others.
        """
        if not isinstance(kind, str) or kind not in self._writers:
            return None
        place, write = self._writers[kind]
        try:
            data = b"%b%b%b%b" % (self._head, written_envelope(match, node, seq, stamp), place, write(body))
        except (Unusual, KeyError):
            return None
        return data if len(data) <= RECORD_BYTES_MAX else None

    def _checked_body(self, kind: object, body: object) -> tuple[str, Any]:
        """The full name of the body's record and its value, as fastavro writes them."""
        if not isinstance(kind, str) or kind not in self._bodies:
            raise InvalidBody(f"type: {kind!a} is not an event of this game; they are {', '.join(self.types)}")
        return self._bodies[kind].full["name"], self._checks[kind](body, "body")

    def encode_mark(self, mark: Mark) -> bytes:
        """The record's value of a mark. Raises InvalidEvent when a field is out of range."""
        return self._marks.encode(mark)


def codec_for(schema: str | Path, generated: GeneratedDecoder | None = None) -> EventCodec:
    """The codec of a schema file and of its released forms; a bare name such as `event.avsc` is one of our own schemas.

    Raises GameError when a file is missing or its schema is refused.
    """
    path = schema_files.find(schema)
    released = [schema_files.load(file) for file in schema_files.released(path)]
    return EventCodec(schema_files.load(path), generated, released=released)


class _EventReader:
    """Reads events written with one schema as events of another, by fastavro."""

    def __init__(self, writer: Mapping[str, AvroSchema], reader: Mapping[str, AvroSchema]) -> None:
        """Both map event type to the schema of its body."""
        self._types = tuple(writer)
        self._read = {
            kind: (avro.StrictReader(writer=writer[kind], reader=reader[kind]), builder(reader[kind].full))
            for kind in writer
            if kind in reader
        }

    def decode(self, data: bytes, pos: int) -> Event:
        """The event whose envelope begins at `pos`. Raises Malformed when the envelope is refused."""
        match, node, seq, base, context, stamp, pos = read_envelope(data, pos)
        kind = ""
        body: Any
        try:
            index, pos = read_index(data, pos, len(self._types))
            kind = self._types[index]
            body = self._body(kind, data, pos)
        except Malformed as error:
            body = RefusedBody(str(error))
        return Event(match, node, seq, base, context, stamp, kind, body, data)

    def _body(self, kind: str, data: bytes, pos: int) -> Any:
        if kind not in self._read:
            raise Malformed(f"events of type {kind!r} are no longer in the schema")
        reader, build = self._read[kind]
        return build(reader.read(data, pos))


def _event_schema(schema: Any) -> AvroSchema:
    parsed = avro.parse(schema)
    check_event_schema(parsed.full)
    return parsed


def _digest(schema: Any, known: Iterable[bytes]) -> str:
    """16 hex digits over the reader's schema, whose defaults are not in its fingerprint, and all that can be read."""
    digest = hashlib.sha256(json.dumps(_without_docs(schema), sort_keys=True).encode())
    for fingerprint in known:
        digest.update(fingerprint)
    return digest.hexdigest()[:16]


def _without_docs(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_docs(part) for part in schema]
    if isinstance(schema, dict):
        return {key: _without_docs(part) for key, part in schema.items() if key != "doc" and not key.startswith("__")}
    return schema
