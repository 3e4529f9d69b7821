"""The built-in game from bytes to state: what codec and fold make of records is what the oracle reads in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dojopool.core.event import Event
from dojopool.core.fold import Tally
from dojopool.games.loading import load_game
from support import oracle
from support.strategies import World

LOADED = load_game("pool")

PLAYERS = st.sampled_from(("ana", "bo", "cy"))
FRAMES = st.integers(1, 2)


def body(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """An event type with a body."""
    return st.tuples(st.just(kind), st.fixed_dictionaries(fields))


EVENTS = st.one_of(
    body(
        "match_scheduled",
        players=st.lists(PLAYERS, max_size=3),
        frames_to_play=st.integers(1, 3),
        break_rule=st.sampled_from(("alternate", "winner")),
        max_score=st.integers(0, 10),
    ),
    body("player_joined", player=PLAYERS),
    body("player_left", player=PLAYERS),
    body("frame_started", frame=FRAMES, breaker=PLAYERS),
    body("points_awarded", frame=FRAMES, player=PLAYERS, points=st.integers(-2, 10)),
    body("foul_called", frame=FRAMES, player=PLAYERS),
    body("frame_finished", frame=FRAMES, winner=PLAYERS),
    body("match_finished"),
)

SITES = st.integers(0, 2)
STEPS = st.tuples(SITES, st.integers(0, 1), SITES, st.booleans(), st.integers(0, 3), EVENTS)


def records_of(steps: Sequence[Any]) -> list[bytes]:
    """What these steps of writers and sites put on the log."""
    world = World()
    for site, client, other, reads, stamp, (kind, fields) in steps:
        world.sync(other, site, 3)
        if reads:
            world.look(site, client)
        world.write(site, client, [], stamp=stamp).update(type=kind, body=fields)
    return [LOADED.codec.encode(**form) for form in world.events]


def folded(records: Sequence[bytes]) -> tuple[Any, set[tuple[str, int]]]:
    """The plain state of match m and the dots that wait."""
    fold = LOADED.new_fold()
    for record in records:
        event = fold.read(record)
        assert isinstance(event, Event)
        fold.deliver(event, Tally())
    match = fold.matches["m"]
    plain = json.loads(json.dumps(fold.kind.plain(match.root)))
    return plain, {event.dot for event in match.inbox.waiting()}


@given(st.lists(STEPS, min_size=1, max_size=25), st.integers(0, 100))
@settings(max_examples=120)
def test_records_give_what_the_oracle_says(steps: list[Any], seed: int) -> None:
    """In any order, with repeats and with some records missing, fold and oracle agree on values and on what waits."""
    records = records_of(steps)
    chance = Random(seed)
    for given_records in (records, chance.sample(records, chance.randint(1, len(records)))):
        arrivals = [*given_records, *chance.sample(given_records, len(given_records) // 3)]
        chance.shuffle(arrivals)
        forms = [oracle.decode_record(record) for record in arrivals]

        assert folded(arrivals) == (oracle.pool_state(forms)["m"], oracle.waiting(forms))
