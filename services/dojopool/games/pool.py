"""Pool: the built-in game, and the example to copy.

A match is a number of frames between players. Who breaks claims the turn of the frame's number; points are added by
whoever keeps score, in whichever region; the winner of a frame is written by each scorekeeper, and when two disagree
both names are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dojopool.game import Breach, Game, Severity, State, add_wins, counter, highest, lww, map_of, mv, turn

# --- state


class Frame(State):
    """One frame of a match."""

    breaker = lww(str)
    points = map_of(str, counter())
    fouls = map_of(str, counter())
    winner = mv(str)


class PoolMatch(State):
    """One match."""

    phase = highest("scheduled", "live", "finished")
    players = add_wins(str)
    frames_to_play = lww(int)
    break_rule = lww(str)
    max_score = lww(int)
    frames = map_of(int, Frame)
    turn = turn()


pool = Game("pool", state=PoolMatch, schema="event.avsc", decoder="dojopool.games.pool_decoder")

# --- events, as a producer writes them

INT_MAX = (1 << 31) - 1


def _not_zero(points: int) -> int:
    if points == 0:
        raise ValueError("0 points is no event")
    return points


Player = Annotated[str, Field(min_length=1, max_length=128)]
FrameNumber = Annotated[int, Field(ge=1, le=INT_MAX)]
Points = Annotated[int, Field(ge=-INT_MAX - 1, le=INT_MAX), AfterValidator(_not_zero)]


class PoolEvent(BaseModel):
    """Base of the events of pool, checked when built."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class MatchScheduled(PoolEvent):
    """The match is on the calendar, with its rules."""

    players: list[Player]
    frames_to_play: Annotated[int, Field(ge=1, le=INT_MAX)]
    break_rule: Literal["alternate", "winner"]
    max_score: Annotated[int, Field(ge=0, le=INT_MAX)]


class PlayerJoined(PoolEvent):
    """A player takes part."""

    player: Player


class PlayerLeft(PoolEvent):
    """A player who has not played leaves."""

    player: Player


class FrameStarted(PoolEvent):
    """`breaker` breaks frame `frame`."""

    frame: FrameNumber
    breaker: Player


class PointsAwarded(PoolEvent):
    """`player` scores; negative points correct an earlier mistake."""

    frame: FrameNumber
    player: Player
    points: Points


class FoulCalled(PoolEvent):
    """`player` commits a foul."""

    frame: FrameNumber
    player: Player


class FrameFinished(PoolEvent):
    """`winner` wins the frame, says this scorekeeper."""

    frame: FrameNumber
    winner: Player


class MatchFinished(PoolEvent):
    """The match is over."""


# --- reducers: they write and never read


@pool.on("match_scheduled")
def match_scheduled(match: Any, event: Any) -> None:
    match.phase.raise_to("scheduled")
    for player in event.players:
        match.players.add(player)
    match.frames_to_play.set(event.frames_to_play)
    match.break_rule.set(event.break_rule)
    match.max_score.set(event.max_score)


@pool.on("player_joined")
def player_joined(match: Any, event: Any) -> None:
    match.players.add(event.player)


@pool.on("player_left")
def player_left(match: Any, event: Any) -> None:
    match.players.remove(event.player)


@pool.on("frame_started")
def frame_started(match: Any, event: Any) -> None:
    match.phase.raise_to("live")
    match.frames[event.frame].breaker.set(event.breaker)
    match.turn.claim(number=event.frame, holder=event.breaker)


@pool.on("points_awarded")
def points_awarded(match: Any, event: Any) -> None:
    match.frames[event.frame].points[event.player].add(_not_zero(event.points))


@pool.on("foul_called")
def foul_called(match: Any, event: Any) -> None:
    match.frames[event.frame].fouls[event.player].add(1)


@pool.on("frame_finished")
def frame_finished(match: Any, event: Any) -> None:
    match.frames[event.frame].winner.set(event.winner)


@pool.on("match_finished")
def match_finished(match: Any, event: Any) -> None:
    match.phase.raise_to("finished")


# --- invariants: they read and never write


RUNBOOK = "docs/operating.md#violations"
"""Where it says what each of these means and what to do."""


@pool.invariant("score-validity", severity=Severity.HIGH, runbook=RUNBOOK)
def score_validity(match: Any) -> Iterator[Breach]:
    """Every score is at least 0 and, once the maximum is known, at most that."""
    limit = match.max_score
    for number, frame in match.frames.items():
        for player, points in frame.points.items():
            if points < 0 or (limit is not None and points > limit):
                yield Breach(f"frame={number} player={player}", (("frames", number, "points", player), ("max_score",)))


@pool.invariant("turn-order", runbook=RUNBOOK)
def turn_order(match: Any) -> Iterator[Breach]:
    """Nobody breaks twice in a row, unless the winner breaks."""
    turn = match.turn
    if match.break_rule != "winner" and turn.previous is not None and turn.holder == turn.previous:
        yield Breach(f"frame={turn.number}", (("turn",), ("break_rule",)))


@pool.invariant("known-player", runbook=RUNBOOK)
def known_player(match: Any) -> Iterator[Breach]:
    """Whoever breaks, scores or wins is one of the players."""
    known = set(match.players)
    for number, frame in match.frames.items():
        active: dict[str, tuple[str, ...]] = {player: ("points", player) for player in frame.points}
        active |= dict.fromkeys(frame.winner, ("winner",))
        if frame.breaker is not None:
            active[frame.breaker] = ("breaker",)
        for player in active.keys() - known:
            yield Breach(f"frame={number} player={player}", (("frames", number, *active[player]), ("players",)))


@pool.invariant("single-winner", runbook=RUNBOOK)
def single_winner(match: Any) -> Iterator[Breach]:
    """No frame has rival winners."""
    for number, frame in match.frames.items():
        if len(frame.winner) > 1:
            yield Breach(f"frame={number}", (("frames", number, "winner"),))
