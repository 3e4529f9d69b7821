"""Decoded records are read by attribute, whoever made their class."""

from __future__ import annotations

import pytest

from dojopool.codec.avro import bodies, parse
from dojopool.codec.records import builder, plain, record_class, shown
from dojopool.games.pool_decoder import PointsAwarded
from support.avro_samples import RICH

EVERYTHING, NESTED, OPTIONAL, *_ = bodies(parse(RICH))


def test_a_record_has_its_fields_as_attributes() -> None:
    """Fields are attributes, and nothing else can be set."""
    made = record_class("Cue", ["weight", "maker"])(5, "Žofie")

    assert (made.weight, made.maker) == (5, "Žofie")  # type: ignore[attr-defined]  # the class was made at run time
    assert repr(made) == "Cue(weight=5, maker='Žofie')"
    with pytest.raises(AttributeError):
        made.length = 1  # type: ignore[attr-defined]  # that it is refused is the test


def test_a_record_wants_every_field() -> None:
    """A record cannot be built with a field missing or too many."""
    with pytest.raises(ValueError, match="argument"):
        record_class("Cue", ["weight", "maker"])(5)


def test_records_inside_records_are_built_too() -> None:
    """Lists, maps and nullable fields hold record objects, and a null stays null."""
    cue = {"weight": 5, "maker": None}
    value = {
        "grid": [[1], []],
        "by_name": {"a": {"b": True}},
        "cues": [cue],
        "racks": {"one": cue, "two": None},
        "maybe_list": ["a", None],
        "flags": [],
        "colours": ["red"],
    }

    built = builder(NESTED.full)(value)

    assert built.cues[0].weight == 5
    assert built.racks["one"].maker is None
    assert built.racks["two"] is None
    assert plain(built) == value


def test_a_generated_record_is_read_alike() -> None:
    """`plain` and `shown` need nothing but `__match_args__`."""
    body = PointsAwarded(1, "ana", 3)

    assert plain(body) == {"frame": 1, "player": "ana", "points": 3}
    assert shown(body) == repr(body) == "PointsAwarded(frame=1, player='ana', points=3)"


def test_a_record_can_be_matched() -> None:
    """A reducer may use structural pattern matching."""
    body = builder(OPTIONAL.full)({"number": 3, "colour": None, "cue": {"weight": 1, "maker": "m"}})

    match body.cue:
        case object(weight=weight, maker=maker):
            assert (weight, maker) == (1, "m")
        case _:
            pytest.fail("the record was not matched")
