"""A match as its readers see it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dojopool.core.match import Match
from dojopool.replica.rendering import render, to_json
from support.pipeline import NOW_MS, POOL, Scorer

KIND = POOL.game.kind
ALL_FIELDS = (1 << len(KIND.names)) - 1


def match_after(*values: bytes) -> Match:
    """The match that took these events in."""
    fold = POOL.new_fold()
    match = Match(KIND)
    for value in values:
        event = fold.read(value)
        match.arrive(event, KIND)  # type: ignore[arg-type]  # no marks here
    return match


def test_only_fields_that_were_written_are_rendered() -> None:
    """A change carries the named top-level fields and the four that every view has, as JSON, and the whole state."""
    match = match_after(Scorer().points("m-1", 3), Scorer("us/gs-2#b").points("m-1", 4))
    frames = KIND.names.index("frames")

    change = render("m-1", match, KIND, fields=1 << frames, at_ms=NOW_MS)

    assert {name: json.loads(value) for name, value in change.fields.items()} == {
        "frames": {"1": {"breaker": None, "points": {"ana": 7}, "fouls": {}, "winner": []}},
        "@clock": {"eu/gs-1#a": 1, "us/gs-2#b": 1},
        "@stamp": 1 << 16,
        "@at": NOW_MS,
        "@pending": 0,
    }
    assert (change.match, change.state) == ("m-1", match.encode(KIND))


def test_every_declared_field_is_there_once_all_are_shown() -> None:
    """A match nothing was written to shows each field of its state, empty or null."""
    change = render("m-1", Match(KIND), KIND, fields=ALL_FIELDS, at_ms=NOW_MS)

    assert [name for name in change.fields if not name.startswith("@")] == list(KIND.names)


def test_waiting_events_are_counted() -> None:
    """An event whose predecessor is missing shows as pending, and in no clock."""
    scorer = Scorer()
    scorer.points("m-1")

    change = render("m-1", match_after(scorer.points("m-1")), KIND, fields=0, at_ms=NOW_MS)

    assert (change.fields["@pending"], change.fields["@clock"]) == (b"1", b"{}")


def test_the_clock_does_not_depend_on_the_order_of_arrival() -> None:
    """Equal matches are rendered to equal bytes."""
    eu, us = Scorer().points("m-1"), Scorer("us/gs-2#b").points("m-1")
    one, other = match_after(eu, us), match_after(us, eu)

    assert render("m-1", one, KIND, fields=ALL_FIELDS, at_ms=1) == render(
        "m-1", other, KIND, fields=ALL_FIELDS, at_ms=1
    )


def test_json_is_compact_and_keeps_letters() -> None:
    """Names are written as people write them, without spaces around separators."""
    assert to_json({"b": ["Zoë", 1], "a": None}) == '{"b":["Zoë",1],"a":null}'.encode()


@pytest.mark.parametrize(
    "value",
    [
        "".join(map(chr, [*range(0x300), 0x2028, 0x2029, 0xFFFE, 0x1F600])),
        {True: {-3: "x", 0: []}, False: {"": {}}},
        [(1 << 70), -(1 << 64), (1 << 63) - 1, -(1 << 63), 0, True, None],
    ],
    ids=["characters", "keys", "numbers"],
)
def test_json_is_that_of_the_standard_library(value: Any) -> None:
    """Whatever state can hold has one form: any character, keys of any type, sums beyond 64 bits."""
    assert json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() == to_json(value)
