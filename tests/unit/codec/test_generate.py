"""The generator writes a decoder of any permitted schema, as plain typed Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dojopool.codec.event_codec import EventCodec
from dojopool.codec.generate import LINE_MAX, generate
from dojopool.codec.json_form import event_to_json
from dojopool.core.event import Event
from dojopool.errors import GameError
from support.avro_samples import LEAN, POOL, RICH, event_schema, field, module_of, record

ROOT = Path(__file__).parents[3]

WIDE = event_schema(
    {
        **record("Wide", *(field(f"a_field_with_a_long_name_{n}", "int") for n in range(9))),
        "doc": 'A "quoted" doc, \\ with a backslash, ' + "that is long " * 20,
    },
    record("One", field("symbol", {"type": "enum", "name": "Only", "symbols": ["one"]})),
    record("Many", field("kind", {"type": "enum", "name": "Kinds", "symbols": [f"symbol_{n}" for n in range(20)]})),
)


def test_the_text_depends_on_the_schema_alone() -> None:
    """Generating twice gives the same text, which names the schema and says not to edit it."""
    text = generate(POOL, name="event.avsc")

    assert text == generate(POOL, name="event.avsc")
    assert "event.avsc, schema 4cd810bda1d6f974" in text
    assert "do not edit" in text


@pytest.mark.parametrize("schema", [POOL, RICH, WIDE, event_schema(record("Empty"))])
def test_the_text_is_formatted_linted_and_typed(schema: Any, tmp_path: Path) -> None:
    """Formatter, linter and strict type checker have nothing to say about generated code."""
    path = tmp_path / "generated.py"
    path.write_text(generate(schema, name="s.avsc"), encoding="utf-8")

    for tool, *arguments in (["ruff", "format", "--check"], ["ruff", "check"], ["mypy"]):
        config = "--config" if tool == "ruff" else "--config-file"
        command = [sys.executable, "-m", tool, *arguments, config, "pyproject.toml", str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert max(map(len, path.read_text().splitlines())) <= LINE_MAX


def test_a_wide_record_is_read(tmp_path: Path) -> None:
    """Records with many fields, long docs and enums of one and of many symbols are decoded."""
    module: Any = module_of(generate(WIDE, name="wide.avsc"), tmp_path)
    codec = EventCodec(WIDE, module)
    body = {f"a_field_with_a_long_name_{n}": n * 100 for n in range(9)}
    for event in (
        {**LEAN, "type": "wide", "body": body},
        {**LEAN, "type": "one", "body": {"symbol": "one"}},
        {**LEAN, "type": "many", "body": {"kind": "symbol_19"}},
    ):
        found = codec.decode(codec.encode(**event))
        assert isinstance(found, Event)
        assert event_to_json(found) == event


def test_more_types_than_fit_in_one_byte_are_read(tmp_path: Path) -> None:
    """The hundredth event type has an index of two bytes."""
    schema = event_schema(*(record(f"Kind{n}", field("x", "int")) for n in range(100)))
    module: Any = module_of(generate(schema, name="s.avsc"), tmp_path)
    codec = EventCodec(schema, module)
    event = {**LEAN, "type": "kind99", "body": {"x": 1}}

    found = codec.decode(codec.encode(**event))

    assert isinstance(found, Event)
    assert event_to_json(found) == event


@pytest.mark.parametrize(
    ("bodies", "name"),
    [
        ([record("Event", field("x", "int"))], "Event"),
        ([record("Malformed")], "Malformed"),
        ([record("int")], "int"),
        ([record("decode")], "decode"),
        ([record("class")], "class"),
        ([record("One", field("x", {"type": "enum", "name": "Trailing", "symbols": ["a"]}))], "TRAILING"),
        ([record("One", field("x", {**record("Two"), "namespace": "a"})), record("Two")], "Two"),
        ([record("One", field("x", record("TwoWords"))), record("Two_words")], "_two_words"),
        ([record("One", field("x", {"type": "enum", "name": "Red", "symbols": ["a"]})), record("RED")], "RED"),
    ],
)
def test_names_that_would_be_one_in_python_are_refused(bodies: list[Any], name: str) -> None:
    """A record named like another, or like what the generated code uses, is an error with its name."""
    schema = event_schema(*({"namespace": "game", **body} for body in bodies))

    with pytest.raises(GameError, match=name):
        generate(schema, name="s.avsc")


def test_only_event_schemas_are_generated_from() -> None:
    """The guards hold here too."""
    with pytest.raises(GameError, match="is a record named"):
        generate("int", name="s.avsc")
