"""The statements that read values; whole decoders prove them in tests/properties/test_codec.py."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.codec.generated_reads import Reads, class_name, constant_name, function_name, python_type

CUE = {"type": "record", "name": "game.BestCue", "fields": []}
COLOUR = {"type": "enum", "name": "game.BallColour", "symbols": ["red", "black"]}


@pytest.mark.parametrize(
    ("schema", "annotation"),
    [
        ("null", "None"),
        ("boolean", "bool"),
        ("int", "int"),
        ("long", "int"),
        ({"type": "string"}, "str"),
        (COLOUR, "str"),
        (CUE, "BestCue"),
        (["null", "long"], "int | None"),
        ({"type": "array", "items": ["string", "null"]}, "list[str | None]"),
        ({"type": "map", "values": {"type": "array", "items": CUE}}, "dict[str, list[BestCue]]"),
    ],
)
def test_a_value_has_a_python_type(schema: Any, annotation: str) -> None:
    """Every permitted type has an annotation."""
    assert python_type(schema) == annotation


def test_a_named_type_has_names_in_python() -> None:
    """A record is a class and a function, an enum a constant."""
    assert (class_name(CUE), function_name(CUE), constant_name(COLOUR)) == ("BestCue", "_best_cue", "BALL_COLOUR")


@pytest.mark.parametrize(
    ("schema", "lines"),
    [
        ("boolean", ["x, pos = read_boolean(data, pos)"]),
        ("null", ["x = None"]),
        (CUE, ["x, pos = _best_cue(data, pos)"]),
        (COLOUR, ["index, pos = read_index(data, pos, 2)", "x = BALL_COLOUR[index]"]),
        (
            ["boolean", "null"],
            [
                "x: bool | None = None",
                "index, pos = read_index(data, pos, 2)",
                "if index == 0:",
                "    x, pos = read_boolean(data, pos)",
            ],
        ),
    ],
)
def test_a_value_is_read_into_its_variable(schema: Any, lines: list[str]) -> None:
    """The statements set the variable and move the position."""
    assert Reads().read(schema, into="x", margin="  ") == ["  " + line for line in lines]


def test_every_loop_has_variables_of_its_own() -> None:
    """Two arrays in one function do not share a name, as each item may be of another type."""
    reads = Reads()
    first = reads.read({"type": "array", "items": "boolean"}, into="a", margin="")
    second = reads.read({"type": "array", "items": "boolean"}, into="b", margin="")

    assert first[1] == "count, end, pos = read_block(data, pos)"
    assert second[1] == "count2, end2, pos = read_block(data, pos)"
    assert "        b.append(item2)" in second
