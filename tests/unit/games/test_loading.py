"""From the name of a game to the game and its codec."""

from __future__ import annotations

import pytest

from dojopool.errors import ConfigError, GameError
from dojopool.games.loading import load_game
from dojopool.games.pool import pool


def test_pool_is_built_in() -> None:
    """Its event types are those of its schema, so no event is without a reducer."""
    loaded = load_game("pool")

    assert loaded.game.name == "pool"
    assert loaded.game.event_types == set(loaded.codec.types)


def test_a_game_of_ones_own_is_found_with_the_schema_beside_it() -> None:
    """`module:object` names it."""
    assert load_game("support.darts:darts").game.name == "darts"


def test_equal_games_have_one_fold_version_and_different_ones_two() -> None:
    """State of one game is never taken for that of another."""
    assert load_game("pool").version == load_game("pool").version
    assert load_game("pool").version != load_game("support.darts:darts").version


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("snooker", "neither built in"),
        ("no.such.module:game", "cannot be loaded"),
        ("dojopool.games.pool:no_such_name", "cannot be loaded"),
        ("dojopool.games.pool:Frame", "not a dojopool.game.Game"),
    ],
)
def test_what_is_no_game_is_refused_with_the_name(name: str, said: str) -> None:
    """The error names what was asked for and what was found."""
    with pytest.raises(ConfigError, match=said) as refusal:
        load_game(name)

    assert name in str(refusal.value)


def test_every_event_has_a_reducer_and_every_reducer_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt event type would otherwise be noticed in production alone, as an event that writes nothing."""
    monkeypatch.setitem(pool._reducers, "points_award", pool._reducers["points_awarded"])

    with pytest.raises(GameError, match="points_award is an event of the schema without a reducer, or"):
        load_game("pool")
