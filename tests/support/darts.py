"""Darts: a game beside the built-in one, to show that commands and codec know nothing of pool.

It uses the field types that pool does not, and its schema lies beside it.
"""

from __future__ import annotations

from typing import Any

from dojopool.game import Game, State, counter, flag, log, lowest, lww, map_of, remove_wins


class Leg(State):
    """One leg of a match."""

    scored = map_of(str, counter(resettable=True))
    throws = log(str)


class DartsMatch(State):
    """One match."""

    start = lww(int)
    legs = map_of(int, Leg)
    absent = remove_wins(str)
    paused = flag(wins="enable")
    shortest_leg = lowest(int)


darts = Game("darts", state=DartsMatch, schema="darts.avsc")


@darts.on("match_opened")
def match_opened(match: Any, event: Any) -> None:
    match.start.set(event.start)


@darts.on("dart_thrown")
def dart_thrown(match: Any, event: Any) -> None:
    leg = match.legs[event.leg]
    leg.scored[event.player].add(event.score)
    leg.throws.append(f"{event.player} {event.score}")


@darts.on("visit_bust")
def visit_bust(match: Any, event: Any) -> None:
    match.legs[event.leg].scored[event.player].reset()


@darts.on("leg_won")
def leg_won(match: Any, event: Any) -> None:
    match.shortest_leg.lower_to(event.darts)


@darts.on("player_absent")
def player_absent(match: Any, event: Any) -> None:
    if event.absent:
        match.absent.add(event.player)
    else:
        match.absent.remove(event.player)


@darts.on("play_paused")
def play_paused(match: Any, event: Any) -> None:
    if event.paused:
        match.paused.enable()
    else:
        match.paused.disable()


@darts.invariant("within-start")
def within_start(match: Any) -> bool:
    """Nobody scores more in a leg than there is to score."""
    scores = [score for leg in match.legs.values() for score in leg.scored.values()]
    return match.start is None or all(score <= match.start for score in scores)
