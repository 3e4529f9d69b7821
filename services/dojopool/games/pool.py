"""Pool: the built-in game, and the example to copy.

A match is a number of frames between players. Who breaks claims the turn of the frame's number; points are added by
whoever keeps score, in whichever region; the winner of a frame is written by each scorekeeper, and when two disagree
both names are kept.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dojopool.game import Game, State, add_wins, counter, highest, lww, map_of, mv, turn

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


@pool.invariant("score-validity")
def score_validity(match: Any) -> bool:
    """Every score is at least 0 and, once the maximum is known, at most that."""
    limit = match.max_score
    scores = [points for frame in match.frames.values() for points in frame.points.values()]
    return all(points >= 0 and (limit is None or points <= limit) for points in scores)


@pool.invariant("turn-order")
def turn_order(match: Any) -> bool:
    """Nobody breaks twice in a row, unless the winner breaks."""
    if match.break_rule == "winner" or match.turn.previous is None:
        return True
    return bool(match.turn.holder != match.turn.previous)


@pool.invariant("known-player")
def known_player(match: Any) -> bool:
    """Whoever breaks, scores or wins is one of the players."""
    active: set[str] = set()
    for frame in match.frames.values():
        active.update(frame.points, frame.winner, () if frame.breaker is None else (frame.breaker,))
    return active <= set(match.players)


@pool.invariant("single-winner")
def single_winner(match: Any) -> bool:
    """No frame has rival winners."""
    return all(len(frame.winner) <= 1 for frame in match.frames.values())
