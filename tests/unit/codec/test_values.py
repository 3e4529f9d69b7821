"""A value is checked against its schema before it is written, and a fault names its place."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.codec.avro import bodies, parse
from dojopool.codec.values import InvalidBody, checker
from dojopool.errors import GameError, InvalidEvent
from support.avro_samples import CUE, LEAN, RICH, event_schema, field, pool_codecs, record

EVERYTHING, NESTED, OPTIONAL, *_ = (checker(body.full) for body in bodies(parse(RICH)))

GOOD: dict[str, Any] = {
    "nothing": None,
    "flag": True,
    "small": -(1 << 31),
    "large": (1 << 63) - 1,
    "text": "🎱",
    "colour": "red",
    "cue": {"weight": 1, "maker": None},
    "names": ["a", "b"],
    "counts": {"b": 2, "a": 1},
}


def test_a_good_value_passes_in_one_form() -> None:
    """Tuples become lists, and maps and records their own order."""
    found = EVERYTHING({**dict(reversed(GOOD.items())), "names": ("a", "b")}, "body")

    assert found == GOOD
    assert list(found) == list(GOOD)
    assert list(found["counts"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"nothing": 0}, "body.nothing: 0 is not null"),
        ({"flag": 1}, "body.flag: 1 is not a boolean"),
        ({"flag": None}, "body.flag: None is not a boolean"),
        ({"small": True}, "body.small: True is not an integer"),
        ({"small": 1.0}, "body.small: 1.0 is not an integer"),
        ({"small": "1"}, "body.small: '1' is not an integer"),
        ({"small": 1 << 31}, "body.small: 2147483648 does not fit in an int"),
        ({"small": -(1 << 31) - 1}, "body.small: -2147483649 does not fit in an int"),
        ({"large": 1 << 63}, "does not fit in a long"),
        ({"text": b"a"}, "body.text: b'a' is not a string"),
        ({"text": "a\ud800"}, "body.text: 'a\\ud800' holds half a surrogate pair"),
        ({"colour": "green"}, "body.colour: 'green' is not one of red, black, blue"),
        ({"colour": 0}, "body.colour: 0 is not one of"),
        ({"colour": ["red"]}, "body.colour: ['red'] is not one of"),
        ({"cue": None}, "body.cue: None is not an object"),
        ({"cue": {"weight": 1}}, "body.cue.maker: is missing"),
        ({"cue": {"weight": "1", "maker": None}}, "body.cue.weight: '1' is not an integer"),
        ({"names": "ab"}, "body.names: 'ab' is not a list"),
        ({"names": ["a", 1]}, "body.names[1]: 1 is not a string"),
        ({"counts": [1]}, "body.counts: [1] is not an object"),
        ({"counts": {"a": None}}, "body.counts.a: None is not an integer"),
        ({"counts": {1: 1}}, "body.counts: key: 1 is not a string"),
        ({"counts": {"\udfff": 1}}, "body.counts: key: '\\udfff' holds half"),
        ({"colours": 1}, "body: 'colours' is not a field"),
        ({"text": 7 * "x" * 100, "small": "y" * 500}, "yyy..."),
    ],
)
def test_a_fault_names_path_value_and_rule(change: dict[str, Any], fault: str) -> None:
    """Nothing of another type, range or form passes, and the message is one line of ASCII."""
    with pytest.raises(InvalidBody) as caught:
        EVERYTHING({**GOOD, **change}, "body")

    message = str(caught.value)
    assert fault in message
    assert message.isascii()
    assert len(message) < 300


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"number": None, "colour": None, "cue": None}, None),
        ({"number": 5, "colour": "red", "cue": {"weight": 1, "maker": "m"}}, None),
        ({"number": "5", "colour": None, "cue": None}, "body.number: '5' is not an integer"),
        ({"number": 5, "colour": None, "cue": {}}, "body.cue.weight: is missing"),
    ],
)
def test_a_nullable_is_null_or_a_value(value: dict[str, Any], fault: str | None) -> None:
    """What is not null must be the other type."""
    if fault is None:
        assert OPTIONAL(value, "body") == value
        return
    with pytest.raises(InvalidBody, match=fault.replace("'", ".")):
        OPTIONAL(value, "body")


def test_a_fault_says_what_the_fields_are() -> None:
    """Whoever misspells a field is told which there are, or that there are none."""
    with pytest.raises(InvalidBody, match=r"body: 'colours' is not a field; the fields are number, colour, cue"):
        OPTIONAL({"colours": 1}, "body")
    with pytest.raises(InvalidBody, match=r"body: 'x' is not a field; the fields are none"):
        checker(record("Empty"))({"x": 1}, "body")


def schema_with(kind: Any, default: Any) -> Any:
    """An event schema with one body of one field that has a default."""
    return event_schema(record("One", {**field("x", kind), "default": default}))


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        ("int", 7),
        (["null", "string"], None),
        ({"type": "array", "items": "int"}, [1]),
        (CUE, {"weight": 1, "maker": None}),
    ],
)
def test_a_field_with_a_default_may_be_left_out(kind: Any, default: Any) -> None:
    """What is left out is written as its default."""
    check = checker(bodies(parse(schema_with(kind, default)))[0].full)

    assert check({}, "body") == {"x": default}


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        ("int", 1 << 31),
        ("int", True),
        ({"type": "array", "items": "int"}, ["a"]),
        ({"type": "enum", "name": "E", "symbols": ["a"]}, "b"),
        (CUE, {"weight": 1}),
        ({"type": "record", "name": "D", "fields": [{"name": "y", "type": "int", "default": 1}]}, {}),
    ],
)
def test_a_default_is_a_whole_value_of_its_field(kind: Any, default: Any) -> None:
    """A schema whose default could not be written is refused: older events would be read as it."""
    with pytest.raises(GameError, match="x"):
        checker(bodies(parse(schema_with(kind, default)))[0].full)


def test_a_bad_body_is_told_from_a_bad_envelope() -> None:
    """Both are invalid events; only the bad body would count in a stream."""
    codec, _ = pool_codecs()

    with pytest.raises(InvalidBody):
        codec.encode(**{**LEAN, "body": {}})
    with pytest.raises(InvalidEvent) as caught:
        codec.encode(**{**LEAN, "seq": 0})
    assert not isinstance(caught.value, InvalidBody)
