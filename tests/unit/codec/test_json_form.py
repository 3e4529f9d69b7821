"""The JSON form of an event is read as strictly as the binary form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dojopool.codec.json_form import canonical_json, event_of, event_to_json, parse, parse_line
from dojopool.codec.wire import RECORD_BYTES_MAX
from dojopool.core.event import Event, RefusedBody
from dojopool.errors import InvalidEvent, RefusedRecord
from support.avro_samples import LEAN, pool_codecs

CODEC, _ = pool_codecs()


def without(*keys: str) -> dict[str, Any]:
    """The usual event with some keys left out."""
    return {key: value for key, value in LEAN.items() if key not in keys}


def test_an_event_is_read_as_from_a_stream() -> None:
    """A line becomes the event that its record would be."""
    form = {**LEAN, "context": {"us/b#1": 2}, "base": 0, "seq": 2}

    event = event_of(parse_line(json.dumps(form)), CODEC)

    assert event.data == CODEC.encode(**form)
    assert event_to_json(event) == form
    assert repr(event.body) == "PointsAwarded(frame=1, player='ana', points=3)"


@pytest.mark.parametrize("line", [json.dumps(dict(LEAN)), json.dumps(without("base", "context")).encode()])
def test_base_and_context_may_be_null_or_absent(line: str | bytes) -> None:
    """Absent means null, in text and in bytes."""
    assert parse_line(line).to_json() == LEAN


@pytest.mark.parametrize(
    ("given", "lean"),
    [
        ({"seq": 3, "base": 2}, {"seq": 3, "base": None}),
        ({"seq": 1, "base": 0, "context": {}}, {"seq": 1, "base": None, "context": None}),
        ({"seq": 3, "base": 1}, {"seq": 3, "base": 1}),
        ({"seq": 2, "base": 0}, {"seq": 2, "base": 0}),
        ({"seq": 2, "context": {}}, {"seq": 2, "context": {}}),
        ({"seq": 1, "context": {"us/b#1": 1}}, {"seq": 1, "context": {"us/b#1": 1}}),
    ],
)
def test_the_shortest_form_leaves_out_what_null_says(given: dict[str, Any], lean: dict[str, Any]) -> None:
    """And nothing else: an empty context on a later event is not that of the event before."""
    assert parse({**LEAN, **given}).lean().to_json() == {**LEAN, **lean}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff{}", "not JSON"),
        ('{"seq": NaN}', "NaN is not JSON"),
        ('{"seq": -Infinity}', "Infinity is not JSON"),
        ('{"seq": 1, "seq": 2}', "twice"),
        ('{"body": {"frame": 1, "frame": 2}}', "twice"),
        ("[" * 100_000 + "]" * 100_000, "nested"),
        ("[" * 40 + "]" * 40, "nested"),
        ('{"seq": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_a_line_that_is_not_one_json_value_is_refused(line: str | bytes, reason: str) -> None:
    """What JSON readers disagree about, or what could hurt them, is not guessed at."""
    with pytest.raises(InvalidEvent, match=reason):
        parse_line(line)


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ([], "a JSON object"),
        ("x", "a JSON object"),
        (None, "a JSON object"),
        ({**LEAN, "extra": 1}, "'extra' is not a field"),
        ({**LEAN, "\ud800": 1}, "is not a field"),
        (without("match"), "match is missing"),
        (without("node"), "node is missing"),
        (without("seq"), "seq is missing"),
        (without("stamp"), "stamp is missing"),
        ({**LEAN, "match": 7}, "match 7 is not a string"),
        ({**LEAN, "match": "m\ud800"}, "match"),
        ({**LEAN, "seq": True}, "seq True is not an integer"),
        ({**LEAN, "seq": 1.0}, "seq 1.0 is not an integer"),
        ({**LEAN, "seq": None}, "seq None is not an integer"),
        ({**LEAN, "seq": "1"}, "seq '1' is not an integer"),
        ({**LEAN, "base": 1}, "base 1 is not in"),
        ({**LEAN, "base": False}, "base False is not an integer"),
        ({**LEAN, "context": []}, "context"),
        ({**LEAN, "context": {"us/b#1": 1.5}}, "context"),
        ({**LEAN, "context": {"us": 1}}, "context: node 'us'"),
        ({**LEAN, "stamp": 1 << 63}, "stamp"),
    ],
)
def test_an_event_without_a_good_envelope_is_refused(form: object, fault: str) -> None:
    """Unknown and missing keys, other types and values out of range are named."""
    with pytest.raises(InvalidEvent, match=fault):
        parse(form)


@pytest.mark.parametrize(
    ("form", "shown", "fault"),
    [
        (without("type"), "", "type: None"),
        ({**LEAN, "type": 7}, "", "type: 7"),
        ({**LEAN, "type": ["points_awarded"]}, "", "type"),
        ({**LEAN, "type": "goal"}, "goal", "type: 'goal'"),
        (without("body"), "points_awarded", "body: None is not an object"),
        ({**LEAN, "body": []}, "points_awarded", "body"),
        ({**LEAN, "body": {**LEAN["body"], "points": 3.0}}, "points_awarded", "body.points: 3.0 is not an integer"),
        ({**LEAN, "body": {**LEAN["body"], "player": "\ud800"}}, "points_awarded", "body.player"),
        ({**LEAN, "body": {**LEAN["body"], "more": 1}}, "points_awarded", "'more' is not a field"),
    ],
)
def test_an_event_with_a_good_envelope_and_a_bad_body_counts(form: Any, shown: str, fault: str) -> None:
    """As in a stream, it is delivered and writes nothing; its data says what it was."""
    event = event_of(parse(form), CODEC)

    assert event.dot == (LEAN["node"], 1)
    assert event.type == shown
    assert isinstance(event.body, RefusedBody)
    assert fault in event.body.reason
    assert event_to_json(event)["body"] is None
    assert event_to_json(event)["refused"] == event.body.reason
    assert event.data == canonical_json(parse(form).to_json())
    with pytest.raises(RefusedRecord):
        CODEC.decode(event.data)


def test_an_event_too_long_for_a_record_is_refused() -> None:
    """No stream could hold it, so no tool folds it."""
    long = {**LEAN, "body": {**LEAN["body"], "player": "x" * RECORD_BYTES_MAX}}

    with pytest.raises(InvalidEvent, match="split it"):
        event_of(parse(long), CODEC)


def test_canonical_json_is_one_form() -> None:
    """Equal values give equal bytes, and even half a surrogate pair has some."""
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'.encode()
    assert canonical_json(json.loads('{"b": [1, null], "a": "\\u00e9"}')) == canonical_json({"a": "é", "b": [1, None]})
    assert canonical_json("\ud800") == b'"\xed\xa0\x80"'


def test_the_json_form_of_every_type_of_event_reads_back() -> None:
    """What tools print, they read."""
    bodies: dict[str, dict[str, Any]] = {
        "match_scheduled": {"players": ["ana"], "frames_to_play": 1, "break_rule": "winner", "max_score": 10},
        "frame_started": {"frame": 1, "breaker": "Žofie"},
        "match_finished": {},
    }
    for kind, body in bodies.items():
        event = CODEC.decode(CODEC.encode(**{**LEAN, "type": kind, "body": body}))
        assert isinstance(event, Event)

        assert event_of(parse_line(canonical_json(event_to_json(event))), CODEC).data == event.data
