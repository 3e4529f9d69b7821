"""What is written on the spot is what fastavro writes, and whatever is not of the usual form is left to it."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.codec import avro
from dojopool.codec.envelope import read_envelope
from dojopool.codec.usual import Unusual, writer, written_envelope, written_long
from dojopool.codec.wire import read_long
from dojopool.core.event import STAMP_MAX
from dojopool.core.names import COUNTER_MAX
from support.avro_samples import CUE, LEAN, field, record

SAMPLE = avro.parse(
    record(
        "Sample",
        field("nothing", "null"),
        field("flag", "boolean"),
        field("small", "int"),
        field("large", "long"),
        field("text", "string"),
        field("colour", {"type": "enum", "name": "Colour", "symbols": ["red", "black"]}),
        field("cue", CUE),
        field("names", {"type": "array", "items": "string"}),
        field("late_null", ["int", "null"]),
    )
)
GOOD: dict[str, Any] = {
    "nothing": None,
    "flag": True,
    "small": -65,
    "large": (1 << 63) - 1,
    "text": "x" * 64,
    "colour": "black",
    "cue": {"weight": -1, "maker": "ana"},
    "names": ["a", "b"],
    "late_null": 63,
}
WRITE = writer(SAMPLE.full)
NUMBERS = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, STAMP_MAX, COUNTER_MAX, (1 << 63) - 1, -(1 << 63)]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_read_as_it_was_written(number: int) -> None:
    """In its shortest form, which is the only one that is read."""
    data = written_long(number)

    assert read_long(data, 0) == (number, len(data))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"flag": False, "names": [], "late_null": None, "cue": {"weight": 64, "maker": None}},
        {"small": 63, "large": -(1 << 63), "text": "", "colour": "red"},
    ],
)
def test_fastavro_writes_the_same(change: dict[str, Any]) -> None:
    """Every kind of value has the bytes that fastavro gives it."""
    value = {**GOOD, **change}

    assert WRITE(value) == avro.encode(SAMPLE, value)


@pytest.mark.parametrize(
    "change",
    [
        {"nothing": 0},
        {"flag": 1},
        {"small": True},
        {"small": 1 << 31},
        {"small": 1.0},
        {"large": 1 << 63},
        {"text": b"a"},
        {"text": "🎱"},
        {"colour": 1},
        {"cue": None},
        {"cue": {"weight": 1, "maker": None, "owner": None}},
        {"names": ("a",)},
        {"names": ["a"] * 65},
        {"late_null": "1"},
        {"other": 1},
    ],
)
def test_what_is_not_usual_is_left_to_others(change: dict[str, Any]) -> None:
    """Good or bad: nothing is written that a check might refuse."""
    with pytest.raises(Unusual):
        WRITE({**GOOD, **change})


@pytest.mark.parametrize("change", [{"colour": "green"}, {"flag": None}])
def test_a_value_that_is_none_of_the_schemas_is_not_written(change: dict[str, Any]) -> None:
    """An unknown symbol, or null where there must be a value."""
    with pytest.raises((Unusual, KeyError)):
        WRITE({**GOOD, **change})


def test_a_map_is_left_to_others() -> None:
    """Its keys have to be sorted."""
    with pytest.raises(Unusual):
        writer({"type": "map", "values": "int"})({})


@pytest.mark.parametrize(
    ("match", "node", "seq", "stamp"),
    [
        ("", LEAN["node"], 1, 1),
        ("m", "eu", 1, 1),
        ("m", LEAN["node"], 0, 1),
        ("m", LEAN["node"], COUNTER_MAX + 1, 1),
        ("m", LEAN["node"], True, 1),
        ("m", LEAN["node"], 1, -1),
        ("m", LEAN["node"], 1, STAMP_MAX + 1),
        ([], LEAN["node"], 1, 1),
    ],
)
def test_an_envelope_that_may_not_be_is_left_to_others(match: Any, node: Any, seq: Any, stamp: Any) -> None:
    """Names and numbers are held to the rules of `core.names`."""
    with pytest.raises(Unusual):
        written_envelope(match, node, seq, stamp)


@pytest.mark.parametrize(
    "stamp", [0, 63, 64, 8191, 8192, 16383, 1 << 40, LEAN["stamp"], LEAN["stamp"] + 12345, STAMP_MAX]
)
@pytest.mark.parametrize("seq", [1, 63, 64, COUNTER_MAX])
def test_an_envelope_is_read_as_it_was_written(seq: int, stamp: int) -> None:
    """With no base and no context, and nothing behind the stamp."""
    data = written_envelope("m-1", LEAN["node"], seq, stamp)

    assert read_envelope(data, 0) == ("m-1", LEAN["node"], seq, None, None, stamp, len(data))
