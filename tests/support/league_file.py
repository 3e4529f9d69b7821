"""What a league file says of each match, worked out from its rows with nothing but the csv module.

It knows nothing of events: a play of the file must end with this, whatever way it took.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any


def states_in(path: Path) -> dict[str, dict[str, Any]]:
    """Match -> its state at the end, as the rows of a league file tell it."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {match: state_told_by(list(frames)) for match, frames in groupby(rows, key=itemgetter("match"))}


def state_told_by(rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """The state of one match, whose frames are in order."""
    first, last = rows[0], rows[-1]
    assert [str(number) for number in range(1, len(rows) + 1)] == [row["frame"] for row in rows]
    return {
        "phase": "finished",
        "players": sorted([first["home"], first["away"]]),
        "frames_to_play": int(first["frames"]),
        "break_rule": first["break_rule"],
        "max_score": 10,
        "frames": {row["frame"]: frame_told_by(row) for row in rows},
        "turn": {
            "number": len(rows),
            "holder": last["breaker"],
            "previous": rows[-2]["breaker"] if len(rows) > 1 else None,
            "rivals": [],
        },
    }


def frame_told_by(row: dict[str, str]) -> dict[str, Any]:
    """One frame; who has no points has no score."""
    points = {row[player]: int(row[f"{player}_points"]) for player in ("home", "away")}
    best = [player for player, count in points.items() if count == max(points.values())]
    return {
        "breaker": row["breaker"],
        "points": {player: count for player, count in points.items() if count},
        "fouls": {},
        "winner": best if len(best) == 1 else [],
    }
