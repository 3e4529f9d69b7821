"""Mistakes for a league file, worked out from its rows with nothing but the csv module.

It knows nothing of events, rules or checkers: it says what somebody writes beside the play of the file, and which
breaches that must leave behind, in the words of docs/operating.md. What the file breaks by itself is among them.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

MAXIMUM = 10
Broken = tuple[str, str, str]
"""Rule, match, key."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What somebody who has read nothing of a match writes about it."""

    match: str
    region: str
    type: str
    body: Mapping[str, Any]
    breaks: Broken


@dataclass(slots=True)
class Season:
    """Mistakes in order of match, and everything that is broken at the end."""

    mistakes: list[Mistake] = field(default_factory=list)
    broken: set[Broken] = field(default_factory=set)


def season_of(path: Path, *, seed: int) -> Season:
    """About one match in four has a mistake."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chance, season = random.Random(seed), Season()
    for match, frames in groupby(rows, key=itemgetter("match")):
        told = list(frames)
        season.broken |= set(_broken_by_itself(match, told))
        if chance.random() < 0.25:
            made = _mistake(match, told, chance)
            season.mistakes.append(made)
            season.broken.add(made.breaks)
    return season


def _broken_by_itself(match: str, rows: Sequence[dict[str, str]]) -> Iterator[Broken]:
    for row in rows:
        for side in ("home", "away"):
            if not 0 <= int(row[f"{side}_points"]) <= MAXIMUM:
                yield ("score-validity", match, f"frame={row['frame']} player={row[side]}")
    if len(rows) > 1 and rows[0]["break_rule"] == "alternate" and rows[-1]["breaker"] == rows[-2]["breaker"]:
        yield ("turn-order", match, f"frame={len(rows)}")


def _mistake(match: str, rows: Sequence[dict[str, str]], chance: random.Random) -> Mistake:
    first, last = rows[0], rows[-1]
    region = chance.choice(["eu", "us"])
    decided = first["home_points"] != first["away_points"]
    kinds = ["score", "stranger", *(["rival"] if decided else [])]
    # The file's own last break must be in order, or what it breaks moves on to the new frame.
    if first["break_rule"] == "alternate" and (len(rows) < 2 or last["breaker"] != rows[-2]["breaker"]):
        kinds.append("turn")
    kind = chance.choice(kinds)
    if kind == "score":
        body = {"frame": 1, "player": first["home"], "points": 50}
        return Mistake(
            match, region, "points_awarded", body, ("score-validity", match, f"frame=1 player={first['home']}")
        )
    if kind == "stranger":
        name = "nobody \x1b[31m\u202e"
        body = {"frame": 1, "player": name, "points": 1}
        return Mistake(match, region, "points_awarded", body, ("known-player", match, f"frame=1 player={name}"))
    if kind == "turn":
        body = {"frame": len(rows) + 1, "breaker": last["breaker"]}
        return Mistake(match, region, "frame_started", body, ("turn-order", match, f"frame={len(rows) + 1}"))
    loser = "away" if int(first["home_points"]) > int(first["away_points"]) else "home"
    body = {"frame": 1, "winner": first[loser]}
    return Mistake(match, region, "frame_finished", body, ("single-winner", match, "frame=1"))
