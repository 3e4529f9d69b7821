"""Values and evidence: what stands at a place of the state, and who wrote it."""

from __future__ import annotations

from dojopool.core.invariants.evidence import PLACES_MAX, VALUE_CHARACTERS_MAX, as_json, values_at, writers_at
from support.pipeline import POOL, Scorer, folded

KIND = POOL.game.kind


def test_values_are_what_stands_at_the_places() -> None:
    """A place leads through fields and keys; a set or a turn is a place as a whole; nothing there is null."""
    eu = Scorer()
    match = folded(
        eu.points("m-1", 3),
        eu.event("m-1", "player_joined", {"player": "ana"}),
        eu.event("m-1", "frame_started", {"frame": 1, "breaker": "ana"}),
    )
    places = [("frames", 1, "points", "ana"), ("frames", 2, "winner"), ("players",), ("max_score",), ("nothing", "at")]

    assert values_at(KIND, match.root, places) == {
        "frames.1.points.ana": "3",
        "frames.2.winner": "null",
        "players": '["ana"]',
        "max_score": "null",
        "nothing.at": "null",
    }


def test_evidence_is_the_last_event_of_each_node_at_the_places() -> None:
    """Events that were replaced are no evidence, nor are those that wrote elsewhere."""
    eu, us = Scorer(), Scorer("us/gs-2#b")
    won = {"frame": 1, "winner": "ana"}
    match = folded(
        eu.event("m-1", "frame_finished", won),
        eu.event("m-1", "frame_finished", won),
        us.event("m-1", "frame_finished", {"frame": 1, "winner": "ben"}),
        us.points("m-1"),
        us.points("m-1"),
    )

    assert writers_at(KIND, match.root, [("frames", 1, "winner")]) == {eu.node: 2, us.node: 1}
    assert writers_at(KIND, match.root, [("frames", 1, "points", "ana")]) == {us.node: 3}
    assert writers_at(KIND, match.root, [("frames",)]) == {eu.node: 2, us.node: 3}
    assert writers_at(KIND, match.root, [("frames", 7), ("nothing",), ("players",)]) == {}


def test_what_is_shown_has_bounds() -> None:
    """Neither the number of places nor the length of a value grows with a match."""
    eu = Scorer()
    names = [f"player-{number}" for number in range(200)]
    match = folded(*(eu.event("m-1", "player_joined", {"player": name}) for name in names))
    values = values_at(KIND, match.root, [("players",), *(("frames", number) for number in range(100))])

    assert len(values) == PLACES_MAX
    assert len(values["players"]) == VALUE_CHARACTERS_MAX
    assert values["players"].endswith("...")


def test_json_of_values_is_plain_ascii() -> None:
    """Text from outside cannot steer a terminal."""
    assert as_json({"a": "\x1b[2J\u202eä"}) == '{"a":"\\u001b[2J\\u202e\\u00e4"}'
