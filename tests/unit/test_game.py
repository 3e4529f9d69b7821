"""Games: reducers that write, rules that judge, and the version that names what stored bytes mean."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dojopool.core.crdt.edit import ROUTES_MAX
from dojopool.core.event import Event
from dojopool.core.match import Match
from dojopool.errors import GameError
from dojopool.game import Game, State, counter, lww, map_of


class Small(State):
    """A record of two fields."""

    title = lww(str)
    score = counter()


class Other(State):
    """The same fields in another order."""

    score = counter()
    title = lww(str)


class Keyed(State):
    """A map by name."""

    scores = map_of(str, counter())


def new_game(state: type[State] = Small, name: str = "small") -> Game:
    """A game without reducers."""
    return Game(name, state=state, schema="none.avsc")


def scored(**body: Any) -> Event:
    """An event of type scored."""
    return Event("m", "eu/a#1", 1, None, {}, 1, "scored", SimpleNamespace(**body), b"")


def test_a_reducer_writes_through_the_state_it_is_given() -> None:
    """Its writes come back as data and reach the state when the event is delivered."""
    game = new_game()

    @game.on("scored")
    def scored_reducer(match: Any, event: Any) -> None:
        match.score.add(event.points)
        match.title.set(event.title)

    event = scored(points=3, title="x")
    event.writes = game.reduce(event)
    match = Match(game.kind)
    match.arrive(event, game.kind)

    assert game.kind.plain(match.root) == {"title": "x", "score": 3}
    assert game.event_types == {"scored"}


def test_what_a_reducer_raises_comes_through() -> None:
    """The fold decides what a refused body means; no write of it is returned."""
    game = new_game()

    @game.on("scored")
    def scored_reducer(match: Any, event: Any) -> None:
        match.score.add(1)
        raise ValueError(event.text)

    with pytest.raises(ValueError, match="no such luck"):
        game.reduce(scored(text="no such luck"))


def test_an_event_type_without_reducer_is_refused() -> None:
    """The game and the type are named."""
    with pytest.raises(GameError, match="game small has no reducer for events of type scored"):
        new_game().reduce(scored())


def test_a_second_reducer_for_one_type_is_refused() -> None:
    """Which of two would run could not be told."""
    game = new_game()
    game.on("scored")(lambda match, event: None)

    with pytest.raises(GameError, match="two reducers for scored"):
        game.on("scored")(lambda match, event: None)


def test_a_second_rule_of_one_name_is_refused() -> None:
    """Violations are told apart by name."""
    game = new_game()
    game.invariant("fair")(lambda match: True)

    with pytest.raises(GameError, match="two invariants called fair"):
        game.invariant("fair")(lambda match: True)


def test_declaring_returns_the_function_itself() -> None:
    """A decorated reducer or rule can be called as any function."""
    game = new_game()

    def rule(match: Any) -> bool:
        return True

    def reducer(match: Any, event: Any) -> None: ...

    assert game.invariant("fair")(rule) is rule
    assert game.on("scored")(reducer) is reducer


def test_violations_are_the_sorted_names_of_broken_rules() -> None:
    """Rules judge a view; one that fails counts as broken and hides no other."""
    game = new_game()
    game.invariant("z-broken")(lambda match: match.score < 0)
    game.invariant("a-failing")(lambda match: bool(match.no_such_field))
    game.invariant("kept")(lambda match: match.title is None)

    assert game.violations(game.kind.view(game.kind.plain(game.kind.empty()))) == ["a-failing", "z-broken"]


def test_want_of_memory_breaks_no_rule() -> None:
    """A violation is a fact about the match, not about the machine."""
    game = new_game()

    @game.invariant("hungry")
    def hungry(match: Any) -> bool:
        raise MemoryError

    with pytest.raises(MemoryError):
        game.violations(game.kind.view(game.kind.plain(game.kind.empty())))


def test_the_fold_version_names_all_that_bytes_mean() -> None:
    """Another name, another state or other schemas are another version; the same declaration is the same one."""
    versions = [
        new_game().fold_version("schemas"),
        new_game(Other).fold_version("schemas"),
        new_game(name="large").fold_version("schemas"),
        new_game().fold_version("other schemas"),
    ]

    assert len(set(versions)) == 4
    assert new_game().fold_version("schemas") == versions[0]
    assert versions[0].startswith("small-1-")


def test_what_is_remembered_of_places_has_a_bound() -> None:
    """Keys come from outside: when a game has seen too many, it forgets them and goes on as before."""
    game = new_game(Keyed)

    @game.on("scored")
    def scored_reducer(match: Any, event: Any) -> None:
        match.scores[event.player].add(1)

    for number in range(ROUTES_MAX + 10):
        [(route, _, payload)] = game.reduce(scored(player=f"p{number}"))
        assert (route.path, payload) == ((0, f"p{number}"), 1)

    assert game._edit.routes < ROUTES_MAX


def test_a_refused_event_leaves_nothing_for_the_next() -> None:
    """What a reducer wrote before it raised is not among the writes of the next event."""
    game = new_game()

    @game.on("scored")
    def scored_reducer(match: Any, event: Any) -> None:
        match.title.set("half")
        match.score.add(event.points)

    with pytest.raises(GameError):
        game.reduce(scored(points="many"))

    writes = game.reduce(scored(points=1))
    assert [payload for _, _, payload in writes] == ["half", 1]
