"""One codec per game: events and marks from records, records from events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dojopool.codec.event_codec import EventCodec, UnknownSchema, codec_for
from dojopool.codec.wire import RECORD_BYTES_MAX
from dojopool.core.cut import Mark
from dojopool.core.event import Event, RefusedBody
from dojopool.errors import GameError, InvalidEvent, RefusedRecord
from dojopool.games import pool_decoder
from support.avro_samples import COLOUR, LEAN, POOL, RICH, event_schema, field, pool_codecs, record

CODECS = pool_codecs()
GENERATED, JUDGED = CODECS
BODY = b"\x08\x02\x06ana\x06"


def read(codec: EventCodec, data: bytes) -> Event:
    """The event in a record."""
    found = codec.decode(data)
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize("codec", CODECS)
def test_an_event_is_read_with_its_own_bytes(codec: EventCodec) -> None:
    """Every field comes back; the body is read by attribute; the record itself is kept."""
    data = codec.encode(**{**LEAN, "base": 0, "context": {"us/b#1": 2}, "seq": 4})

    event = read(codec, data)

    assert (event.match, event.node, event.seq, event.base) == ("m-1", "eu/gs-7#k3f9a2", 4, 0)
    assert (event.context, event.stamp, event.type) == ({"us/b#1": 2}, LEAN["stamp"], "points_awarded")
    assert (event.body.frame, event.body.player, event.body.points) == (1, "ana", 3)
    assert event.data == data


def test_a_record_begins_with_marker_and_fingerprint() -> None:
    """The header is C3 01 and the fingerprint of the schema, as in the golden vectors."""
    assert GENERATED.encode(**LEAN)[:10] == b"\xc3\x01" + GENERATED.fingerprint
    assert GENERATED.fingerprint.hex() == "4cd810bda1d6f974"


def test_the_types_are_those_of_the_schema() -> None:
    """Event types are listed in the order of the union."""
    assert GENERATED.types[0] == "match_scheduled"
    assert GENERATED.types[4] == "points_awarded"
    assert len(GENERATED.types) == 8


@pytest.mark.parametrize("codec", CODECS)
def test_a_mark_is_read(codec: EventCodec) -> None:
    """A mark comes back from the same door as events."""
    mark = Mark(region="eu", tick=7, time_ms=1_500_000_000_000)

    assert codec.decode(codec.encode_mark(mark)) == mark


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"", "", "ends inside"),
        (b"\x01", "", "no such member"),
        (b"\x10", "", "no such member"),
        (b"\x88\x00", "", "padded"),
        (b"\x80", "", "ends inside"),
        (b"\x08", "points_awarded", "ends inside"),
        (b"\x08\x02\x06an", "points_awarded", "ends inside"),
        (BODY[:-1], "points_awarded", "ends inside"),
        (BODY + b"\x00", "points_awarded", "left over"),
        (b"\x08\x02\x02\xff\x06", "points_awarded", "UTF-8"),
        (b"\x08\x02\x06ana\x80\x80\x80\x80\x10", "points_awarded", "32 bits"),
        (b"\x08\x02\x05ana\x06", "points_awarded", "negative"),
        (b"\x00\x00\x02\x04\x14", "match_scheduled", "no such member"),
        (b"\x00\x00\x02\x01\x14", "match_scheduled", "no such member"),
        (b"\x00\x80\x80\x80\x80\x80\x80\x40\x02\x00\x14", "match_scheduled", "more items"),
        (b"\x0e\x00", "match_finished", "left over"),
    ],
)
def test_a_refused_body_still_counts(codec: EventCodec, body: bytes, kind: str, reason: str) -> None:
    """With a good envelope the event is delivered; its body says why it writes nothing."""
    data = codec.encode(**LEAN)
    data = data[: -len(BODY)] + body

    event = read(codec, data)

    assert event.dot == (LEAN["node"], 1)
    assert event.type == kind
    assert isinstance(event.body, RefusedBody)
    assert reason in event.body.reason
    assert event.data == data


@pytest.mark.parametrize("codec", CODECS)
def test_a_refused_envelope_is_a_refused_record(codec: EventCodec) -> None:
    """Without a dot there is nothing to count."""
    data = codec.encode(**LEAN)

    for damaged in (data[: -len(BODY) - 1], data.replace(b"m-1", b"m 1"), data[:12], data[:10]):
        with pytest.raises(RefusedRecord):
            codec.decode(damaged)


@pytest.mark.parametrize("codec", CODECS)
def test_a_long_record_is_refused_by_its_length_alone(codec: EventCodec) -> None:
    """A record of 64 KiB is read, one byte more is refused unseen."""
    room = RECORD_BYTES_MAX - len(codec.encode(**LEAN)) + 3 - 2
    longest = codec.encode(**{**LEAN, "body": {**LEAN["body"], "player": "x" * room}})

    assert len(longest) == RECORD_BYTES_MAX
    assert read(codec, longest).body.player == "x" * room
    for long in (longest + b"\x00", bytes(RECORD_BYTES_MAX + 1), b"\xc3\x01" + bytes(RECORD_BYTES_MAX)):
        with pytest.raises(RefusedRecord, match=r"65537|65538"):
            codec.decode(long)


def test_a_long_event_is_not_written() -> None:
    """What no reader would take is refused before sending, as an error of the whole event."""
    with pytest.raises(InvalidEvent, match="split it") as caught:
        GENERATED.encode(**{**LEAN, "body": {**LEAN["body"], "player": "x" * RECORD_BYTES_MAX}})

    assert type(caught.value) is InvalidEvent


@pytest.mark.parametrize("codec", CODECS)
def test_an_unknown_schema_is_told_apart(codec: EventCodec) -> None:
    """A record of another schema may become readable; its fingerprint is handed over."""
    other = EventCodec(RICH)
    data = other.encode(**{**LEAN, "type": "empty", "body": {}})

    with pytest.raises(UnknownSchema, match=other.fingerprint.hex()) as caught:
        codec.decode(data)

    assert caught.value.fingerprint == other.fingerprint


@pytest.mark.parametrize("data", [b"", b"\xc3\x01", b"{}", bytes(30)])
def test_what_is_no_record_of_ours_is_refused(data: bytes) -> None:
    """Other encodings are not guessed at."""
    with pytest.raises(RefusedRecord, match="single-object") as caught:
        GENERATED.decode(data)

    assert not isinstance(caught.value, UnknownSchema)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"match": "m 1"}, "match"),
        ({"seq": 0}, "seq"),
        ({"seq": True}, "seq"),
        ({"context": {LEAN["node"]: 1}}, "own node"),
        ({"type": "goal"}, "type: 'goal' is not an event of this game; they are match_scheduled"),
        ({"type": None}, "type: None"),
        ({"type": []}, r"type: \[\]"),
        ({"body": None}, "body: None is not an object"),
        ({"body": {"frame": 1, "player": "ana"}}, "body.points: is missing"),
        ({"body": {"frame": 1, "player": 2, "points": 3}}, "body.player: 2 is not a string"),
    ],
)
def test_an_invalid_event_is_not_written(change: Mapping[str, Any], fault: str) -> None:
    """The error names the field and what is wrong with it."""
    with pytest.raises(InvalidEvent, match=fault):
        GENERATED.encode(**{**LEAN, **change})


def test_a_bad_mark_is_not_written() -> None:
    """A mark beyond its limits is an error of the caller."""
    with pytest.raises(InvalidEvent, match="tick"):
        GENERATED.encode_mark(Mark(region="eu", tick=0, time_ms=1))


def test_a_decoder_of_another_schema_is_refused() -> None:
    """A generated decoder must be the schema's own."""
    with pytest.raises(GameError, match="schema generate"):
        EventCodec(RICH, pool_decoder)


def test_a_schema_that_is_not_ours_is_refused() -> None:
    """Current and released schemas are both checked."""
    with pytest.raises(GameError, match=r"Event\.body"):
        EventCodec({**POOL, "fields": [*POOL["fields"][:-1], field("body", ["null"])]})
    with pytest.raises(GameError, match="is a record named"):
        EventCodec(POOL, released=["int"])


OLD = event_schema(
    record("Scored", field("points", "int"), field("by", "string")),
    record("Gone", field("x", "int")),
    record("Painted", field("colour", COLOUR)),
)
NEW = event_schema(
    record("Painted", field("colour", {**COLOUR, "symbols": ["red", "black"]})),
    record("Scored", field("points", "long"), {**field("frame", "int"), "default": 1}, field("by", "string")),
)


def test_an_older_event_is_read_as_a_newer_one() -> None:
    """Types are matched by name, wherever they are in the union, and missing fields have the newer default."""
    old, new = EventCodec(OLD), EventCodec(NEW, released=[OLD])
    data = old.encode(**{**LEAN, "type": "scored", "body": {"points": 3, "by": "ana"}})

    event = read(new, data)

    assert event.type == "scored"
    assert (event.body.points, event.body.frame, event.body.by) == (3, 1, "ana")
    assert event.data == data


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("gone", {"x": 1}, "no longer in the schema"),
        ("painted", {"colour": "blue"}, "no place in the current one"),
    ],
)
def test_an_older_event_that_has_no_meaning_any_more_counts(kind: str, body: dict[str, Any], reason: str) -> None:
    """A schema that dropped what was released does not block the node that wrote it."""
    old, new = EventCodec(OLD), EventCodec(NEW, released=[OLD])

    event = read(new, old.encode(**{**LEAN, "type": kind, "body": body}))

    assert event.type == kind
    assert isinstance(event.body, RefusedBody)
    assert reason in event.body.reason


def test_older_events_are_read_strictly() -> None:
    """What a generated decoder refuses is refused in older events too."""
    old, new = EventCodec(OLD), EventCodec(NEW, released=[OLD])
    data = old.encode(**{**LEAN, "type": "scored", "body": {"points": 3, "by": "ana"}})

    event = read(new, data + b"\x00")

    assert isinstance(event.body, RefusedBody)
    with pytest.raises(RefusedRecord):
        new.decode(data[:20])


def test_the_fold_version_names_what_can_be_read() -> None:
    """Documentation does not count; a schema more, another default or another schema does."""
    painted, scored = NEW["fields"][-1]["type"]
    documented = {**event_schema({**painted, "doc": "more words"}, scored), "doc": "other words"}
    other_default = event_schema(painted, record("Scored", *_scored_fields(default=2)))
    assert EventCodec(other_default).fingerprint == EventCodec(NEW).fingerprint

    versions = {
        name: EventCodec(schema, released=released).fold_version_part
        for name, schema, released in (
            ("new", NEW, []),
            ("documented", documented, []),
            ("more", NEW, [OLD]),
            ("default", other_default, []),
            ("pool", POOL, []),
        )
    }

    assert versions["new"] == versions["documented"]
    assert len(set(versions.values())) == 4
    assert GENERATED.fold_version_part == JUDGED.fold_version_part


def _scored_fields(*, default: int) -> list[dict[str, Any]]:
    return [field("points", "long"), {**field("frame", "int"), "default": default}, field("by", "string")]


def test_the_order_of_released_schemas_does_not_matter() -> None:
    """The fold version depends on the set of schemas, and the current one may be among them."""
    first, second = EventCodec(NEW, released=[OLD, POOL, NEW]), EventCodec(NEW, released=[POOL, OLD])

    assert first.fold_version_part == second.fold_version_part


def test_the_built_in_codec_knows_its_released_schemas() -> None:
    """`codec_for` reads a schema file and what lies under released beside it."""
    assert codec_for("event.avsc").fold_version_part == EventCodec(POOL).fold_version_part
