"""A view is the hash in Redis as one value, or an error that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dojopool.client.view import MatchView, read_view
from dojopool.core.clock import VectorClock
from dojopool.errors import CorruptState
from dojopool.games.pool import pool

FIELDS: Mapping[str, bytes] = {
    "phase": b'"live"',
    "players": b'["ana","bo"]',
    "frames": b'{"1":{"breaker":"ana","points":{"ana":5},"fouls":{},"winner":["ana","bo"]}}',
    "@clock": b'{"eu/a#1":3}',
    "@stamp": b"77",
    "@at": b"1754000000000",
    "@pending": b"2",
}


def view_of(fields: Mapping[str, bytes], **changes: Any) -> MatchView:
    """The view in these fields."""
    return read_view("m-1", {**fields, **changes}, pool.kind, region="eu", staleness_ms={"eu": 7})


def test_a_view_shows_state_by_attribute() -> None:
    """Map keys have their own type again, and everything that came with the state is there."""
    view = view_of(FIELDS)

    assert view.exists
    assert view.state.phase == "live"
    assert view.state.frames[1].points["ana"] == 5
    assert (view.clock, view.stamp, view.pending, view.at_ms) == (
        VectorClock({"eu/a#1": 3}),
        77,
        2,
        1_754_000_000_000,
    )
    assert (view.match, view.region, view.staleness_ms) == ("m-1", "eu", {"eu": 7})


def test_an_unknown_match_has_an_empty_view() -> None:
    """Whatever can be read of a state can be read of it."""
    view = view_of({})

    assert not view.exists
    assert (view.state.phase, dict(view.state.frames), view.state.turn.holder) == (None, {}, None)
    assert (view.clock, view.stamp, view.pending, view.at_ms) == (VectorClock(), 0, 0, None)


def test_fields_of_a_newer_game_are_left_out_and_missing_ones_are_empty() -> None:
    """While a region is being rebuilt for a changed game, readers of both see what they know."""
    view = view_of(FIELDS, referee=b'"kim"')

    assert "referee" not in list(view.state)
    assert view.state.max_score is None


@pytest.mark.parametrize(
    "changes",
    [
        {"frames": b"{"},
        {"frames": b"[1]"},
        {"frames": b'{"one": {}}'},
        {"frames": b'{"1": {}}'},
        {"@clock": b'{"eu/a#1": "3"}'},
        {"@clock": b'["eu/a#1"]'},
        {"@clock": b'{"eu/a#1": -1}'},
        {"@stamp": b'"soon"'},
        {"@at": b"null"},
        {"phase": b"\xff"},
    ],
)
def test_a_hash_that_no_replica_writes_is_reported(changes: dict[str, bytes]) -> None:
    """Damage is named with match and region."""
    with pytest.raises(CorruptState, match="the view of match m-1 in region eu"):
        view_of(FIELDS, **changes)


@pytest.mark.parametrize("name", ["@clock", "@stamp", "@pending", "@at"])
def test_a_view_says_what_it_contains_or_is_none(name: str) -> None:
    """A hash with state and without its clock, or its times, is damaged: it must not pass for an early state."""
    with pytest.raises(CorruptState, match=name):
        view_of({other: text for other, text in FIELDS.items() if other != name})
