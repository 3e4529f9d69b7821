"""Pool: what each event does, which rules hold, and what producers may not write."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from dojopool.core.event import Event
from dojopool.core.fold import Fold, Tally
from dojopool.core.match import Match
from dojopool.games import pool as pool_module
from dojopool.games.pool import (
    INT_MAX,
    FrameFinished,
    FrameStarted,
    MatchScheduled,
    PlayerJoined,
    PointsAwarded,
    PoolMatch,
    pool,
)
from support import oracle

SCHEDULE: dict[str, Any] = {
    "players": ["ana", "bo"],
    "frames_to_play": 3,
    "break_rule": "alternate",
    "max_score": 10,
}

Step = tuple[str, dict[str, Any]]
SCHEDULED: Step = ("match_scheduled", SCHEDULE)


def started(frame: int, breaker: str) -> Step:
    """A frame begins."""
    return "frame_started", {"frame": frame, "breaker": breaker}


def scored(frame: int, player: str, points: int) -> Step:
    """A player scores."""
    return "points_awarded", {"frame": frame, "player": player, "points": points}


def won(frame: int, winner: str) -> Step:
    """A frame is over."""
    return "frame_finished", {"frame": frame, "winner": winner}


def form(node: str, seq: int, step: Step, context: dict[str, int] | None = None) -> dict[str, Any]:
    """An event in JSON form."""
    return {
        "match": "m",
        "node": node,
        "seq": seq,
        "base": None,
        "context": context,
        "stamp": seq,
        "type": step[0],
        "body": step[1],
    }


def written(*steps: Step) -> list[dict[str, Any]]:
    """The events of one scorekeeper."""
    return [form("eu/a#1", seq, step) for seq, step in enumerate(steps, start=1)]


def decode(data: bytes) -> Event:
    """An event from its JSON form."""
    found = json.loads(data)
    return Event(**found | {"body": SimpleNamespace(**found["body"])}, data=data)


def played(*events: dict[str, Any]) -> Match:
    """The match that these events give, shown to be what the oracle says."""
    fold = Fold(pool.kind, decode=decode, reduce=pool.reduce)
    for event in events:
        read = fold.read(json.dumps(event).encode())
        assert isinstance(read, Event)
        fold.deliver(read, Tally())
    match = fold.matches["m"]
    assert json.loads(json.dumps(pool.kind.plain(match.root))) == oracle.pool_state(events)["m"]
    return match


def state(*steps: Step) -> dict[str, Any]:
    """The plain state after one scorekeeper wrote these."""
    plain: dict[str, Any] = pool.kind.plain(played(*written(*steps)).root)
    return plain


def broken(*steps: Step) -> list[str]:
    """The rules that these break."""
    return violations(played(*written(*steps)))


def violations(match: Match) -> list[str]:
    """The rules that a match breaks, asked of its view as JSON gives it."""
    return pool.violations(pool.kind.view(json.loads(json.dumps(pool.kind.plain(match.root)))))


def test_fields_of_the_contract() -> None:
    """The declaration is the contract, in this order: stored bytes depend on it."""
    assert PoolMatch.kind.describe() == (
        "record(phase: highest('scheduled', 'live', 'finished'), players: addwins(str), frames_to_play: lww(int),"
        " break_rule: lww(str), max_score: lww(int), frames: map(int, record(breaker: lww(str),"
        " points: map(str, counter()), fouls: map(str, counter()), winner: mv(str))), turn: turn())"
    )


def test_an_untouched_match_shows_every_field() -> None:
    """Before anything is known, values are null or empty."""
    assert state(("player_left", {"player": "ana"})) == {
        "phase": None,
        "players": [],
        "frames_to_play": None,
        "break_rule": None,
        "max_score": None,
        "frames": {},
        "turn": {"number": None, "holder": None, "previous": None, "rivals": []},
    }


def test_match_scheduled() -> None:
    """The schedule sets phase, players and the three settings."""
    found = state(SCHEDULED)

    assert found | {"frames": None, "turn": None} == SCHEDULE | {"phase": "scheduled", "frames": None, "turn": None}


def test_players_join_and_leave() -> None:
    """A player who leaves is out, one who joins is in."""
    found = state(SCHEDULED, ("player_joined", {"player": "cy"}), ("player_left", {"player": "ana"}))

    assert found["players"] == ["bo", "cy"]


def test_frame_started() -> None:
    """A frame makes the match live, names its breaker and claims the turn of its number."""
    found = state(SCHEDULED, started(1, "ana"), started(2, "bo"))

    assert found["phase"] == "live"
    assert {frame: value["breaker"] for frame, value in found["frames"].items()} == {1: "ana", 2: "bo"}
    assert found["turn"] == {"number": 2, "holder": "bo", "previous": "ana", "rivals": []}


def test_points_and_fouls_add_up() -> None:
    """Points are summed per frame and player, corrections included; each foul counts one."""
    fouls = [("foul_called", {"frame": 1, "player": "bo"})] * 2
    found = state(SCHEDULED, scored(1, "ana", 3), scored(1, "ana", -1), scored(2, "ana", 5), *fouls)

    assert {frame: value["points"] for frame, value in found["frames"].items()} == {1: {"ana": 2}, 2: {"ana": 5}}
    assert found["frames"][1]["fouls"] == {"bo": 2}


def test_zero_points_is_no_event() -> None:
    """It is refused: it counts and writes nothing, not even the frame."""
    assert state(SCHEDULED, scored(1, "ana", 0))["frames"] == {}


def test_frame_and_match_finished() -> None:
    """A frame has a winner, the match its last phase."""
    found = state(SCHEDULED, won(1, "ana"), ("match_finished", {}), started(2, "bo"))

    assert (found["frames"][1]["winner"], found["phase"]) == (["ana"], "finished")


def test_two_scorekeepers_who_disagree_are_both_kept() -> None:
    """Rival winners are shown until somebody who read both decides."""
    start = written(SCHEDULED)
    rivals = [form("eu/a#1", 2, won(1, "ana")), form("us/b#1", 1, won(1, "bo"), {"eu/a#1": 1})]
    match = played(*start, *rivals)
    assert pool.kind.plain(match.root)["frames"][1]["winner"] == ["ana", "bo"]
    assert violations(match) == ["single-winner"]

    decided = form("us/b#1", 2, won(1, "bo"), {"eu/a#1": 2})
    assert violations(played(*start, *rivals, decided)) == []


@pytest.mark.parametrize("steps", [[], [SCHEDULED], [started(1, "ana"), SCHEDULED], [("match_finished", {})]])
def test_what_is_not_known_yet_breaks_no_rule(steps: list[Step]) -> None:
    """An ordinary match keeps all rules from its first event on."""
    assert broken(SCHEDULED, *steps) == []


@pytest.mark.parametrize(
    ("steps", "rules"),
    [
        ([scored(1, "ana", 10)], []),
        ([scored(1, "ana", 11)], ["score-validity"]),
        ([scored(1, "ana", 7), scored(1, "ana", 4)], ["score-validity"]),
        ([scored(1, "ana", 7), scored(2, "ana", 7)], []),
        ([scored(1, "ana", -1)], ["score-validity"]),
        ([scored(1, "ana", 5), scored(1, "ana", -5)], []),
        ([started(1, "ana"), started(2, "bo"), started(3, "ana")], []),
        ([started(1, "ana"), started(2, "ana")], ["turn-order"]),
        ([started(1, "ana"), started(3, "ana")], ["turn-order"]),
        ([started(1, "ana"), started(2, "ana"), started(3, "bo")], []),
        ([started(1, "cy")], ["known-player"]),
        ([scored(1, "cy", 1)], ["known-player"]),
        ([won(1, "cy")], ["known-player"]),
        ([("foul_called", {"frame": 1, "player": "cy"})], []),
        ([("player_joined", {"player": "cy"}), started(1, "cy")], []),
        ([started(1, "ana"), ("player_left", {"player": "ana"})], ["known-player"]),
        ([started(1, "cy"), started(2, "cy"), scored(1, "ana", 99)], ["known-player", "score-validity", "turn-order"]),
    ],
)
def test_rules(steps: list[Step], rules: list[str]) -> None:
    """Each rule is broken by its breach and by nothing else."""
    assert broken(SCHEDULED, *steps) == rules


def test_without_a_schedule_scores_have_no_upper_limit() -> None:
    """Only what can be asked is asked: nobody said how many points are too many."""
    assert broken(("player_joined", {"player": "ana"}), scored(1, "ana", 1000)) == []
    assert broken(("player_joined", {"player": "ana"}), scored(1, "ana", -1)) == ["score-validity"]


def test_a_maximum_of_zero_is_a_maximum() -> None:
    """Zero is a limit, not the lack of one."""
    assert broken(("match_scheduled", SCHEDULE | {"max_score": 0}), scored(1, "ana", 1)) == ["score-validity"]


def test_the_winner_may_break_twice_where_the_winner_breaks() -> None:
    """The order of turns is free under that rule."""
    schedule = ("match_scheduled", SCHEDULE | {"break_rule": "winner"})

    assert broken(schedule, started(1, "ana"), started(2, "ana")) == []


@pytest.mark.parametrize("name", sorted(pool.event_types))
def test_every_event_has_a_class(name: str) -> None:
    """Producers have a checked class for each event type."""
    event_class = getattr(pool_module, "".join(word.capitalize() for word in name.split("_")))

    assert issubclass(event_class, pool_module.PoolEvent)


@pytest.mark.parametrize(
    ("event_class", "body"),
    [
        (PointsAwarded, {"frame": 1, "player": "ana", "points": 0}),
        (PointsAwarded, {"frame": 1, "player": "ana", "points": 1.0}),
        (PointsAwarded, {"frame": 1, "player": "ana", "points": "1"}),
        (PointsAwarded, {"frame": 1, "player": "ana", "points": True}),
        (PointsAwarded, {"frame": 1, "player": "ana", "points": INT_MAX + 1}),
        (PointsAwarded, {"frame": 0, "player": "ana", "points": 1}),
        (PointsAwarded, {"frame": 1, "player": "", "points": 1}),
        (PointsAwarded, {"frame": 1, "player": "ana"}),
        (PlayerJoined, {"player": "a" * 129}),
        (FrameStarted, {"frame": 1, "breaker": "ana", "extra": 1}),
        (FrameFinished, {"frame": 1, "winner": None}),
        (MatchScheduled, SCHEDULE | {"break_rule": "loser"}),
        (MatchScheduled, SCHEDULE | {"max_score": -1}),
        (MatchScheduled, SCHEDULE | {"frames_to_play": 0}),
    ],
)
def test_a_producer_cannot_build_a_wrong_event(event_class: type[pool_module.PoolEvent], body: dict[str, Any]) -> None:
    """Wrong types, ranges and unknown fields are refused before anything is sent."""
    with pytest.raises(ValidationError):
        event_class(**body)


def test_a_producer_can_build_every_right_event() -> None:
    """The values at the limits are fine, and an event cannot be changed once built."""
    event: Any = PointsAwarded(frame=INT_MAX, player="é" * 128, points=-INT_MAX)

    assert MatchScheduled(**SCHEDULE).model_dump() == SCHEDULE
    with pytest.raises(ValidationError):
        event.points = 5
