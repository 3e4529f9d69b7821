"""Violations as bytes and headers, read by ourselves and by a reader that knows the schema file alone."""

from __future__ import annotations

import io
import json
from typing import Any

import avro.io
import avro.schema
import pytest

from dojopool.codec import schema_files
from dojopool.codec.avro import parse
from dojopool.codec.violation_codec import Format, ViolationCodec, as_fields
from dojopool.core.invariants.lifecycle import State
from dojopool.errors import RefusedRecord, UnknownSchema
from support.violations import violation

HOSTILE = violation(
    key="frame=1 player=\x1b[2J\n\u202e\0",
    values={"b": '"\\u0000"', "a": "null"},
    clock={"us/b#1": 1, "eu/a#1": 2},
    at_ms=1 << 46,
)


@pytest.mark.parametrize("form", ["avro", "json"])
@pytest.mark.parametrize("found", [violation(), HOSTILE, violation(match=None, state=State.CONFIRMED)])
def test_a_violation_is_read_back(found: Any, form: Format) -> None:
    """Either format keeps everything, and a reader of either reads both."""
    assert ViolationCodec("avro").decode(ViolationCodec(form).encode(found)) == found


@pytest.mark.parametrize("form", ["avro", "json"])
def test_equal_violations_are_equal_bytes(form: Format) -> None:
    """The order in which maps were filled does not show."""
    turned = violation(
        key=HOSTILE.key, values={"a": "null", "b": '"\\u0000"'}, clock={"eu/a#1": 2, "us/b#1": 1}, at_ms=1 << 46
    )

    assert ViolationCodec(form).encode(turned) == ViolationCodec(form).encode(HOSTILE)


def test_the_official_reader_needs_the_schema_file_alone() -> None:
    """After the ten bytes of the header stands the value in Avro's binary form."""
    text = schema_files.find("violation.avsc").read_text()
    data = ViolationCodec("avro").encode(HOSTILE)
    decoder = avro.io.BinaryDecoder(io.BytesIO(data[10:]))
    fields = avro.io.DatumReader(avro.schema.parse(text)).read(decoder)

    assert data[:10] == parse(json.loads(text)).header
    assert fields == as_fields(HOSTILE)


def test_headers_route_without_decoding() -> None:
    """CloudEvents attributes in ASCII; id and source name one record."""
    headers = dict(ViolationCodec("json").headers(violation(), source="/dojo/eu"))

    assert {name: value.decode("ascii") for name, value in headers.items()} == {
        "ce_specversion": "1.0",
        "ce_id": f"{violation().id}-suspected-{headers['ce_id'].decode()[-16:]}",
        "ce_type": "dojopool.violation.suspected",
        "ce_source": "/dojo/eu",
        "ce_time": "2025-07-31T22:13:20.000Z",
        "ce_subject": "m-1",
        "content-type": "application/json",
    }


def test_ids_of_records_differ_by_state_and_clock() -> None:
    """The same violation at another clock is another record; again at the same clock it is the same."""
    codec = ViolationCodec()
    others = (violation(), violation(), violation(state=State.CLEARED), violation(clock={"eu/gs-1#a": 4}))
    ids = [dict(codec.headers(found, source="s"))["ce_id"] for found in others]

    assert len(set(ids)) == 3
    assert ids[0] == ids[1]


def test_text_from_outside_does_not_reach_the_headers() -> None:
    """Header values stay legal, whatever players are called and whatever time a stamp claims."""
    headers = ViolationCodec().headers(HOSTILE, source="/dojo/eu")

    assert all(value.isascii() and value.decode().isprintable() for _, value in headers)
    assert dict(headers)["ce_time"] == b"4199-11-24T01:22:57.664Z"
    assert (
        dict(ViolationCodec().headers(violation(at_ms=1 << 50), source="s"))["ce_time"] == b"9999-12-31T23:59:59.999Z"
    )


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b'{"id": 1}', ViolationCodec().encode(HOSTILE)[:-1]])
def test_what_is_no_violation_is_refused(data: bytes) -> None:
    """A record that somebody else wrote is told from ours."""
    with pytest.raises(RefusedRecord):
        ViolationCodec().decode(data)


def test_an_unknown_schema_is_named() -> None:
    """A newer checker writes what an older reader does not know."""
    with pytest.raises(UnknownSchema, match="0102030405060708"):
        ViolationCodec().decode(b"\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08")
