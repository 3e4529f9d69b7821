"""Schemas that could hurt a reader, or that are not event schemas of ours, are refused when they are loaded."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.codec.avro import parse
from dojopool.codec.schema_guard import NESTING_MAX, TYPES_MAX, check_event_schema, event_type
from dojopool.errors import GameError
from support.avro_samples import CUE, POOL, RICH, event_schema, field, record

EMPTY = record("Nothing")


def array(items: Any) -> dict[str, Any]:
    """An array."""
    return {"type": "array", "items": items}


def nested(depth: int) -> Any:
    """Arrays in arrays, `depth` types deep."""
    kind: Any = "int"
    for _ in range(depth - 1):
        kind = array(kind)
    return kind


def doubling(levels: int) -> Any:
    """Records each of which holds the one before twice: 2^levels fields from a few lines."""
    inner: Any = record("R0", field("x", "null"))
    for level in range(levels):
        inner = record(f"R{level + 1}", field("a", inner), field("b", f"R{level}"))
    return inner


AT_THE_LIMIT = record("R", *(field(f"x{n}", "int") for n in range(TYPES_MAX - 1)))
TEXT = {"type": "string", "avro.java.string": "String"}


@pytest.mark.parametrize(
    "schema",
    [
        POOL,
        RICH,
        nested(NESTING_MAX),
        doubling(7),
        AT_THE_LIMIT,
        array(record("A", field("x", "int"))),
        record("A", field("x", TEXT)),
    ],
)
def test_a_harmless_schema_passes(schema: Any) -> None:
    """What stays within the limits is let through."""
    parse(schema)


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        (record("R", field("next", ["null", "R"])), "schema.next: R contains itself"),
        (record("R", field("all", array("R"))), "schema.all.*R contains itself"),
        (record("R", field("by", {"type": "map", "values": record("S", field("r", "R"))})), "contains itself"),
        (record("R", field("x", array("null"))), "schema.x.*no bytes"),
        (record("R", field("x", array(EMPTY))), "no bytes"),
        (record("R", field("x", array(record("N", field("a", "null"), field("b", "null"))))), "no bytes"),
        (record("R", field("x", array({"type": "fixed", "name": "F", "size": 0}))), "no bytes"),
        (record("R", field("e", EMPTY), field("x", array("Nothing"))), "no bytes"),
        (nested(NESTING_MAX + 1), f"more than {NESTING_MAX} deep"),
        (record("R", field("x", nested(NESTING_MAX))), f"more than {NESTING_MAX} deep"),
        (doubling(15), f"more than {TYPES_MAX} types"),
        (record("R", *(field(f"x{n}", "int") for n in range(TYPES_MAX + 1))), f"more than {TYPES_MAX} types"),
        (record("R", field("x", {"type": "long", "logicalType": "timestamp-millis"})), "logicalType"),
        ({**record("R"), "aliases": ["Q"]}, "aliases"),
        (record("R", {**field("x", "int"), "aliases": ["y"]}), "schema.x: aliases"),
        ({"type": "error", "name": "R", "fields": []}, "'error'"),
        (record("R", field("a b", "int")), "not a name"),
        (record("R", field("x", "int"), field("x", "int")), "there twice"),
        (record("R S", field("x", "int")), "not a name"),
    ],
)
def test_a_dangerous_schema_is_refused(schema: Any, fault: str) -> None:
    """Recursion, items of no bytes, multiplying types and what libraries disagree on are refused by path and rule."""
    with pytest.raises(GameError, match=fault):
        parse(schema)


def test_depth_is_counted_through_references() -> None:
    """A type used by name is as deep as where it was written out."""
    deep = record("Deep", field("x", nested(NESTING_MAX - 3)))

    parse(record("R", field("a", deep), field("b", "Deep")))
    with pytest.raises(GameError, match="deep"):
        parse(record("R", field("a", deep), field("b", array(array("Deep")))))


@pytest.mark.parametrize("schema", [POOL, RICH])
def test_our_event_schemas_pass(schema: Any) -> None:
    """The built-in game's schema, and one with every permitted type, are event schemas."""
    check_event_schema(parse(schema).full)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (record("One", field("x", "float")), "One.x: float"),
        (record("One", field("x", array("double"))), r"One.x\[\]: double"),
        (record("One", field("x", ["null", "bytes"])), "One.x: bytes"),
        (record("One", field("x", {"type": "fixed", "name": "F", "size": 4})), "One.x: fixed"),
        (record("One", field("x", {"type": "map", "values": ["int", "string"]})), "One.x{}: a union"),
        (record("One", field("x", ["null", "int", "string"])), "One.x: a union"),
        (record("One", field("x", ["null"])), "One.x: a union"),
        (record("One", field("class", "int")), "One.class: is not usable"),
        (record("One", field("_x", "int")), "One._x: is not usable"),
        (record("One", field("x", array(record("In", field("lambda", "int"))))), r"One.x\[\].lambda: is not usable"),
    ],
)
def test_a_body_holds_what_state_can_hold(body: Any, fault: str) -> None:
    """Floats, bytes, tagged unions and names that Python cannot say are refused inside a body."""
    with pytest.raises(GameError, match=fault):
        check_event_schema(parse(event_schema(body)).full)


def renamed(**changes: Any) -> dict[str, Any]:
    """The pool schema with some attributes changed."""
    return {**POOL, **changes}


ENVELOPE = POOL["fields"][:-1]
BODY = POOL["fields"][-1]
NULLABLE = {"name": "base", "type": ["long", "null"]}


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ("int", "is a record named"),
        (renamed(name="Fact"), "is a record named"),
        (renamed(namespace="pool"), "is a record named"),
        (renamed(fields=[]), "Event.match"),
        (renamed(fields=[*ENVELOPE[:3], *ENVELOPE[4:], BODY]), "Event.base: field 4"),
        (renamed(fields=[ENVELOPE[1], ENVELOPE[0], *ENVELOPE[2:], BODY]), "Event.match: field 1"),
        (renamed(fields=[*ENVELOPE[:2], field("seq", "int"), *ENVELOPE[3:], BODY]), "Event.seq: field 3"),
        (renamed(fields=[*ENVELOPE[:3], NULLABLE, *ENVELOPE[4:], BODY]), "Event.base: field 4"),
        (renamed(fields=ENVELOPE), "one last field, body"),
        (renamed(fields=[*ENVELOPE, BODY, field("more", "int")]), "one last field, body"),
        (renamed(fields=[*ENVELOPE, field("body", CUE)]), "a union of records"),
        (renamed(fields=[*ENVELOPE, field("body", [])]), "a union of records"),
        (renamed(fields=[*ENVELOPE, field("body", ["null", CUE])]), "null is not a record"),
        (event_schema(record("PointsAwarded"), record("Points_awarded")), "both event type 'points_awarded'"),
        (event_schema(record("PointsAwarded"), {**record("PointsAwarded"), "namespace": "other"}), "both event type"),
    ],
)
def test_an_event_schema_has_our_envelope_and_a_union_of_records(schema: Any, fault: str) -> None:
    """The envelope is the same in every game, field for field, and every branch of the body is one type of event."""
    with pytest.raises(GameError, match=fault):
        check_event_schema(parse(schema).full)


def test_docs_and_defaults_of_the_envelope_are_free() -> None:
    """Attributes that do not change the bytes may differ from ours."""
    bare = [{"name": part["name"], "type": TEXT if part["type"] == "string" else part["type"]} for part in ENVELOPE]

    check_event_schema(parse(event_schema(record("One"), envelope=bare)).full)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PointsAwarded", "points_awarded"),
        ("dojopool.MatchScheduled", "match_scheduled"),
        ("Foul", "foul"),
        ("VARCalled", "var_called"),
        ("Frame2Started", "frame2_started"),
        ("already_snake", "already_snake"),
    ],
)
def test_an_event_type_is_its_records_name_in_snake_case(name: str, expected: str) -> None:
    """`PointsAwarded` is `points_awarded`, whatever its namespace."""
    assert event_type(name) == expected
