"""Every schema is released, released schemas never change, and what they wrote stays readable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import avro.schema
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from dojopool.codec import schema_files
from dojopool.codec.release import release, releases
from dojopool.errors import GameError
from support.avro_samples import POOL, event_schema, field, record

SCHEMAS = sorted(schema_files.directory().glob("*.avsc"))


def write(path: Path, schema: Any) -> Path:
    """A schema as a file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(schema), encoding="utf-8")
    return path


def is_readable(*, reader: Any, writer: Any) -> bool:
    """Whether Avro's own checker says that `reader` reads what `writer` wrote."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # avro leaves its constructor untyped
    found = checker.get_compatibility(avro.schema.parse(json.dumps(reader)), avro.schema.parse(json.dumps(writer)))
    return bool(found.compatibility is SchemaCompatibilityType.compatible)


def test_there_are_schemas() -> None:
    """Events and marks have schemas, so the tests below are not empty."""
    assert {"event.avsc", "mark.avsc"} <= {path.name for path in SCHEMAS}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_schema_is_released(path: Path) -> None:
    """What records are written with is kept under the name of its fingerprint; `dojo schema release` keeps it."""
    assert all(form.is_released for form in releases(path))


def test_every_released_file_is_of_a_schema() -> None:
    """Nothing lies under released that no schema looks for."""
    found = [form.path.name for path in SCHEMAS for form in releases(path)[1:]]

    assert sorted(found) == sorted(path.name for path in (schema_files.directory() / "released").iterdir())


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_reads_what_its_released_forms_wrote(path: Path) -> None:
    """Avro's own checker agrees that every released record is readable with the current schema."""
    for form in releases(path):
        assert is_readable(reader=schema_files.load(path), writer=schema_files.load(form.path)), form.path.name


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_default_once_released_stays(path: Path) -> None:
    """A default is what older events are read as; changing it would change what they said."""
    current = dict(_defaults(schema_files.load(path)))
    for form in releases(path):
        for place, default in _defaults(schema_files.load(form.path)):
            assert current[place] == default


def _defaults(schema: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _defaults(branch, place)
    elif isinstance(schema, dict):
        for part in schema.get("fields", ()):
            inner = f"{place}/{schema['name']}.{part['name']}"
            if "default" in part:
                yield inner, part["default"]
            yield from _defaults(part["type"], inner)
        yield from _defaults(schema.get("items", schema.get("values", ())), place)


def test_the_checker_finds_what_the_guide_forbids() -> None:
    """A new field without default, a narrower type, a lost symbol and a lost event type are incompatible."""
    enum = {"type": "enum", "name": "Rule", "symbols": ["a", "b"]}
    old = event_schema(record("One", field("x", "long"), field("rule", enum)), record("Two"))
    changes = {
        "new field": (field("x", "long"), field("rule", enum), field("y", "int")),
        "narrower": (field("x", "int"), field("rule", enum)),
        "symbol": (field("x", "long"), field("rule", {**enum, "symbols": ["a"]})),
    }

    assert is_readable(reader=old, writer=old)
    assert not is_readable(reader=event_schema(record("Two")), writer=old)
    for fields in changes.values():
        assert not is_readable(reader=event_schema(record("One", *fields), record("Two")), writer=old)


def test_a_schema_is_released_once(tmp_path: Path) -> None:
    """Releasing keeps a copy under the fingerprint; doing it again, or with other words, changes nothing."""
    path = write(tmp_path / "event.avsc", POOL)
    assert [form.is_released for form in releases(path)] == [False]

    kept = release(path)
    before = kept.read_bytes()
    write(path, {**POOL, "doc": "other words"})

    assert kept.name == "event-4cd810bda1d6f974.avsc"
    assert release(path) == kept
    assert kept.read_bytes() == before
    assert [(form.fingerprint, form.is_released) for form in releases(path)] == [("4cd810bda1d6f974", True)] * 2


def test_an_edited_release_is_found(tmp_path: Path) -> None:
    """A released file that is not what its name says is an error that names it."""
    path = write(tmp_path / "event.avsc", POOL)
    write(release(path), event_schema(record("One")))

    with pytest.raises(GameError, match=r"event-4cd810bda1d6f974\.avsc.*was edited"):
        releases(path)


def test_a_refused_schema_is_not_released(tmp_path: Path) -> None:
    """What the guard refuses never becomes a schema of records."""
    path = write(tmp_path / "event.avsc", record("R", field("x", {"type": "array", "items": "null"})))

    with pytest.raises(GameError, match="no bytes"):
        release(path)
    assert not (tmp_path / "released").exists()
