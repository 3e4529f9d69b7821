"""The decoders agree with each other, with fastavro and with Avro's own reader, on good and on damaged records."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import avro.io
import avro.schema
import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dojopool.codec.avro import parse
from dojopool.codec.event_codec import EventCodec
from dojopool.codec.json_form import event_to_json
from dojopool.codec.schema_guard import event_type
from dojopool.core.event import Event, RefusedBody
from dojopool.core.names import envelope_fault
from dojopool.errors import RefusedRecord
from support.avro_samples import LEAN, POOL, RICH, damaged, events, pool_codecs, rich_codecs, verdict


@cache
def pair(schema: str) -> tuple[Any, EventCodec, EventCodec]:
    """A schema with its two codecs: generated code, and fastavro behind the strict walk."""
    if schema == "pool":
        return (POOL, *pool_codecs())
    return (RICH, *rich_codecs(Path(mkdtemp())))


SCHEMAS = st.sampled_from(["pool", "rich"])


@st.composite
def samples(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A schema and a valid event of it."""
    name = draw(SCHEMAS)
    schema, generated, _ = pair(name)
    return name, draw(events(schema, generated.types))


@given(samples())
def test_what_is_written_is_read(sample: tuple[str, dict[str, Any]]) -> None:
    """Both decoders give back every field of a valid event."""
    name, event = sample
    _, generated, judged = pair(name)
    data = generated.encode(**event)
    expected = {**event, "body": json.loads(json.dumps(event["body"], sort_keys=True))}

    for codec in (generated, judged):
        found = codec.decode(data)
        assert isinstance(found, Event)
        assert event_to_json(found) == expected
        assert found.data == data


@given(samples())
def test_avros_own_reader_agrees(sample: tuple[str, dict[str, Any]]) -> None:
    """The official avro package reads from our bytes what we wrote."""
    name, event = sample
    schema, generated, _ = pair(name)
    data = io.BytesIO(generated.encode(**event)[10:])
    official = avro.schema.parse(json.dumps(schema))

    found = avro.io.DatumReader(official).read(avro.io.BinaryDecoder(data))

    assert isinstance(found, dict)
    body = found.pop("body")
    assert found == {key: event[key] for key in ("match", "node", "seq", "base", "context", "stamp")}
    assert body == event["body"]
    assert data.read() == b""


@given(samples(), st.booleans())
def test_fastavro_writes_the_same_bytes(sample: tuple[str, dict[str, Any]], is_lean: bool) -> None:
    """Also for events without base and context, which are written without it."""
    name, event = sample
    schema, generated, _ = pair(name)
    if is_lean:
        event = {**event, "base": None, "context": None}
    fields = json.loads(json.dumps({key: value for key, value in event.items() if key != "type"}, sort_keys=True))
    [kind] = [body["name"] for body in parse(schema).full["fields"][-1]["type"] if _is_of(body, event["type"])]

    out = io.BytesIO()
    fastavro.schemaless_writer(out, parse(schema).parsed, {**fields, "body": (kind, fields["body"])})
    assert generated.encode(**event)[10:] == out.getvalue()


def _is_of(body: Any, kind: str) -> bool:
    return event_type(body["name"]) == kind


@given(samples())
def test_equal_events_give_equal_bytes(sample: tuple[str, dict[str, Any]]) -> None:
    """The order in which maps were filled does not reach the bytes."""
    name, event = sample
    _, generated, _ = pair(name)

    assert generated.encode(**_reversed(event)) == generated.encode(**event)


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(inner) for key, inner in reversed(value.items())}
    return value


@given(st.data())
def test_both_decoders_give_the_same_verdict_on_damaged_records(data: st.DataObject) -> None:
    """Accepted, refused as a body or refused as a record, with the same reason: the same by both decoders."""
    name, event = data.draw(samples())
    _, generated, judged = pair(name)

    record = data.draw(damaged(generated.encode(**event)))

    assert verdict(generated, record) == verdict(judged, record)


@given(st.data())
def test_a_verdict_is_that_of_an_independent_judge(data: st.DataObject) -> None:
    """A record is taken exactly when fastavro reads it, its value passes our rules, and writing it gives its bytes.

    Records whose maps or arrays are not in one plain block are left out: they are taken too, but written otherwise.
    """
    name, event = data.draw(samples())
    schema, generated, _ = pair(name)
    record = data.draw(st.just(generated.encode(**event)) | damaged(generated.encode(**event)))
    lenient = _lenient(schema, record[10:])

    found = _decoded(generated, record)

    if found is None:
        assert lenient is None or not _is_canonical(generated, schema, lenient, record)
    else:
        assert lenient is not None
        assert {**lenient, "body": lenient["body"][1]} == {key: found[key] for key in lenient}
        assert event_type(lenient["body"][0]) == found["type"]


def _decoded(codec: EventCodec, record: bytes) -> dict[str, Any] | None:
    """The JSON form of an event that was taken whole."""
    try:
        found = codec.decode(record)
    except RefusedRecord:
        return None
    assert isinstance(found, Event)
    return None if isinstance(found.body, RefusedBody) else event_to_json(found)


def _lenient(schema: Any, value: bytes) -> dict[str, Any] | None:
    """What fastavro makes of a value; it raises whatever it meets."""
    try:
        found = fastavro.schemaless_reader(
            io.BytesIO(value), schema, None, return_record_name=True, return_record_name_override=True
        )
    except (EOFError, IndexError, ValueError, OverflowError, MemoryError):
        return None
    assert isinstance(found, dict)
    if not isinstance(found["body"], tuple):
        found["body"] = ("", found["body"])
    return found


def _is_canonical(codec: EventCodec, schema: Any, found: dict[str, Any], record: bytes) -> bool:
    """Whether fastavro's value keeps our rules and is written as it was read."""
    head = {key: found[key] for key in ("match", "node", "seq", "base", "context", "stamp")}
    if envelope_fault(**head) is not None or len(record) > 1 << 16:
        return False
    out = io.BytesIO()
    try:
        fastavro.schemaless_writer(out, parse(schema).parsed, found)
    except (ValueError, OverflowError):
        return False
    return out.getvalue() == record[10:]


@pytest.mark.parametrize("name", ["pool", "rich"])
def test_every_prefix_gets_one_verdict(name: str) -> None:
    """A record cut anywhere is refused, by both decoders for the same reason."""
    _, generated, judged = pair(name)
    for event in _one_of_each(name):
        record = generated.encode(**event)
        for length in range(len(record)):
            assert verdict(generated, record[:length]) == verdict(judged, record[:length])
            assert _decoded(generated, record[:length]) is None


@pytest.mark.parametrize("name", ["pool", "rich"])
def test_every_bit_gets_one_verdict(name: str) -> None:
    """A record with any one bit turned gets the same verdict by both decoders."""
    _, generated, judged = pair(name)
    for event in _one_of_each(name):
        record = bytearray(generated.encode(**event))
        for place in range(8 * len(record)):
            record[place // 8] ^= 1 << place % 8
            assert verdict(generated, bytes(record)) == verdict(judged, bytes(record))
            record[place // 8] ^= 1 << place % 8


def _one_of_each(name: str) -> Sequence[dict[str, Any]]:
    if name == "pool":
        scheduled = {"players": ["ana", "bo"], "frames_to_play": 3, "break_rule": "winner", "max_score": 10}
        with_map = {**LEAN, "base": 0, "seq": 700, "context": {"us/b#1": 300, "us/c#1": 2}}
        return [dict(LEAN), with_map, {**LEAN, "type": "match_scheduled", "body": scheduled}]
    cue = {"weight": -300, "maker": "Žofie"}
    nested = {
        "grid": [[1, -2], [], [300]],
        "by_name": {"a": {"x": True, "y": False}, "b": {}},
        "cues": [cue, {"weight": 0, "maker": None}],
        "racks": {"one": cue, "two": None},
        "maybe_list": ["a", None],
        "flags": [True, False],
        "colours": ["red", "blue"],
    }
    return [{**LEAN, "type": "nested", "body": nested}, {**LEAN, "type": "empty", "body": {}}]


@given(st.data())
@settings(max_examples=50)
def test_blocks_of_any_shape_are_read(data: st.DataObject) -> None:
    """A context in several blocks, with or without stated sizes, is the context it would be in one."""
    counters = data.draw(st.dictionaries(st.sampled_from(["us/a#1", "us/b#1", "us/c#1"]), st.integers(1, 900)))
    _, generated, judged = pair("pool")
    null_context = generated.encode(**LEAN)
    place = null_context.index(b"\x02\x00\x00") + 2
    record = null_context[:place] + b"\x02" + data.draw(_blocks(counters)) + null_context[place + 1 :]

    found = generated.decode(record)

    assert isinstance(found, Event)
    assert found.context == counters
    assert repr(found.body) == "PointsAwarded(frame=1, player='ana', points=3)"
    assert verdict(judged, record) == verdict(generated, record)


@st.composite
def _blocks(draw: st.DrawFn, counters: dict[str, int]) -> bytes:
    items = [_long(len(node)) + node.encode() + _long(counter) for node, counter in counters.items()]
    written = b""
    while items:
        size = draw(st.integers(1, len(items)))
        block, items = b"".join(items[:size]), items[size:]
        written += _long(-size) + _long(len(block)) + block if draw(st.booleans()) else _long(size) + block
    return written + b"\0"


def _long(number: int) -> bytes:
    value = number << 1 if number >= 0 else (-number << 1) - 1
    written = b""
    while value > 0x7F:
        written += bytes([value & 0x7F | 0x80])
        value >>= 7
    return written + bytes([value])
