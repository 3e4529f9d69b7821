"""A league's results as a play: who writes which event of which match, in which order.

A match has two scorekeepers. The home one writes the schedule, the breaks, the home points and who won; the away one
writes the away points at the same time, from another region. Neither waits for the other, so most of what they write
is concurrent, and the state is the same all the same. A score of 0 is no event, and a frame without a higher score has
no winner.

Two kinds of wrong are kept apart. A row that cannot be read or said (a missing column, a number that is none, a match
with two lengths) is refused with its line, before anything is played. A row that breaks a rule of the game is played
as it stands: finding it is the system's work. Left out: `venue`, `played_at` and `cleared_by`, which the game has no
field for.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final, TextIO

from pydantic import ValidationError

from dojopool.core.names import match_fault
from dojopool.errors import DataError
from dojopool.games.pool import (
    FrameFinished,
    FrameStarted,
    MatchFinished,
    MatchScheduled,
    PointsAwarded,
    PoolEvent,
)

SAMPLE: Final = Path(__file__).parent / "data" / "pool-league-2017.csv"
"""The league that travels with the package."""

MAX_SCORE: Final = 10
"""What the winner of a frame gets in this league."""

COLUMNS: Final = (
    "match",
    "played_at",
    "venue",
    "break_rule",
    "frames",
    "home",
    "away",
    "frame",
    "breaker",
    "home_points",
    "away_points",
    "cleared_by",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One frame, as the file tells it."""

    line: int
    """Where in the file, from 1 for the header."""
    match: str
    break_rule: str
    frames: int
    home: str
    away: str
    frame: int
    breaker: str
    home_points: int
    away_points: int


@dataclass(frozen=True, slots=True)
class MatchPlan:
    """What the two scorekeepers of a match write, each in this order."""

    match: str
    home: tuple[PoolEvent, ...]
    away: tuple[PoolEvent, ...]


def read_league(path: Path) -> tuple[MatchPlan, ...]:
    """The plan of every match of a league file, in order of first appearance.

    Raises DataError that names file, line and what is wrong there; OSError when the file cannot be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            return plans(read_rows(file))
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is not UTF-8 text: {error}") from error
        except DataError as error:
            raise DataError(f"{path}, {error}") from error


def read_rows(file: TextIO) -> Iterator[Row]:
    """The rows of a league file, which must have exactly COLUMNS. Raises DataError with the line number."""
    reader = csv.reader(file, strict=True)
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise DataError(f"line 1: {_header_fault(header)}; the header of a league file is {','.join(COLUMNS)}")
        for values in reader:
            if values:  # an empty line holds no frame
                yield _row(reader.line_num, values)
    except csv.Error as error:
        raise DataError(f"line {reader.line_num}: {error}") from error


def plans(rows: Iterable[Row]) -> tuple[MatchPlan, ...]:
    """The plan of every match. Raises DataError with the line of a row that cannot be said as events."""
    matches: dict[str, list[Row]] = {}
    for row in rows:
        matches.setdefault(row.match, []).append(row)
    return tuple(_plan(match) for match in matches.values())


def _plan(rows: list[Row]) -> MatchPlan:
    first = rows[0]
    home: list[PoolEvent] = [_scheduled(first)]
    away: list[PoolEvent] = []
    for row in rows:
        if (row.frames, row.break_rule) != (first.frames, first.break_rule):
            raise DataError(
                f"line {row.line}: match {row.match} has {row.frames} frames and break rule {row.break_rule} here,"
                f" but {first.frames} and {first.break_rule} on line {first.line}: only one can be scheduled"
            )
        try:
            home += _home_events(row)
            if row.away_points:
                away.append(PointsAwarded(frame=row.frame, player=row.away, points=row.away_points))
        except ValidationError as error:
            raise _unsayable(row, error) from error
    return MatchPlan(first.match, (*home, MatchFinished()), tuple(away))


def _scheduled(row: Row) -> MatchScheduled:
    """The schedule, said once by the match's first row."""
    fields = {
        "players": [row.home, row.away],
        "frames_to_play": row.frames,
        "break_rule": row.break_rule,
        "max_score": MAX_SCORE,
    }
    try:
        return MatchScheduled.model_validate(fields)
    except ValidationError as error:
        raise _unsayable(row, error) from error


def _home_events(row: Row) -> Iterator[PoolEvent]:
    yield FrameStarted(frame=row.frame, breaker=row.breaker)
    if row.home_points:
        yield PointsAwarded(frame=row.frame, player=row.home, points=row.home_points)
    if row.home_points != row.away_points:
        yield FrameFinished(frame=row.frame, winner=row.home if row.home_points > row.away_points else row.away)


def _row(line: int, values: list[str]) -> Row:
    if len(values) != len(COLUMNS):
        raise DataError(f"line {line}: {len(values)} values, one for each of the {len(COLUMNS)} columns is needed")
    texts = dict(zip(COLUMNS, values, strict=True))
    if fault := match_fault(texts["match"]):
        raise DataError(f"line {line}: {fault}")
    return Row(
        line=line,
        match=texts["match"],
        break_rule=texts["break_rule"],
        frames=_integer(line, texts, "frames"),
        home=texts["home"],
        away=texts["away"],
        frame=_integer(line, texts, "frame"),
        breaker=texts["breaker"],
        home_points=_integer(line, texts, "home_points"),
        away_points=_integer(line, texts, "away_points"),
    )


def _integer(line: int, texts: dict[str, str], column: str) -> int:
    """Plain decimal digits with an optional minus: `int` alone would also take `1_0` and ` 10`."""
    text = texts[column]
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        raise DataError(f"line {line}: {column} is {text!a}, which is not a whole number")
    return int(text)


def _header_fault(header: list[str]) -> str:
    for place, (found, wanted) in enumerate(zip_longest(header, COLUMNS), start=1):
        if found != wanted:
            return f"column {place} is {found!a} instead of {wanted!a}"
    raise AssertionError("asked for the fault of a good header")


def _unsayable(row: Row, error: ValidationError) -> DataError:
    """What pydantic says against an event, as the fault of a line."""
    problem = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(map(str, problem["loc"]))
    return DataError(
        f"line {row.line}: match {row.match}: {error.title}.{field} is {problem['input']!r}: {problem['msg']}"
    )
