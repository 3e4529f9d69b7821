"""A league file becomes what its two scorekeepers write, and a bad line is refused by number."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from dojopool.errors import DataError
from dojopool.games.pool import (
    FrameFinished,
    FrameStarted,
    MatchFinished,
    MatchScheduled,
    PointsAwarded,
)
from dojopool.local.league import COLUMNS, SAMPLE, MatchPlan, read_league

HEADER = ",".join(COLUMNS)


def played(tmp_path: Path, *rows: str, header: str = HEADER) -> tuple[MatchPlan, ...]:
    """The plans of a file of these rows."""
    file = tmp_path / "league.csv"
    file.write_text("\n".join([header, *rows, ""]))
    return read_league(file)


def row(  # noqa: PLR0913 - a column each, so that a test names only what it is about
    match: str = "m1",
    *,
    break_rule: str = "alternate",
    frames: str = "2",
    home: str = "ana",
    away: str = "bo",
    frame: str = "1",
    breaker: str = "ana",
    points: str = "10,4",
) -> str:
    """One row, with the values that matter to a test."""
    return f"{match},2017-02-28T20:00:00+08:00,v4,{break_rule},{frames},{home},{away},{frame},{breaker},{points},"


def test_two_scorekeepers_share_a_match(tmp_path: Path) -> None:
    """The home scorekeeper writes all but the away points, which the away one writes."""
    [plan] = played(tmp_path, row(), row(frame="2", breaker="bo", points="3,10"))

    assert plan.match == "m1"
    assert plan.home == (
        MatchScheduled(players=["ana", "bo"], frames_to_play=2, break_rule="alternate", max_score=10),
        FrameStarted(frame=1, breaker="ana"),
        PointsAwarded(frame=1, player="ana", points=10),
        FrameFinished(frame=1, winner="ana"),
        FrameStarted(frame=2, breaker="bo"),
        PointsAwarded(frame=2, player="ana", points=3),
        FrameFinished(frame=2, winner="bo"),
        MatchFinished(),
    )
    assert plan.away == (
        PointsAwarded(frame=1, player="bo", points=4),
        PointsAwarded(frame=2, player="bo", points=10),
    )


def test_no_points_are_no_event(tmp_path: Path) -> None:
    """A score of 0 is not written, and a frame without a higher score has no winner."""
    [plan] = played(tmp_path, row(points="0,0"))

    assert [type(event) for event in plan.home] == [MatchScheduled, FrameStarted, MatchFinished]
    assert plan.away == ()


def test_a_tie_has_points_but_no_winner(tmp_path: Path) -> None:
    """Equal scores are both written, and nobody wins the frame."""
    [plan] = played(tmp_path, row(points="7,7"))

    assert PointsAwarded(frame=1, player="ana", points=7) in plan.home
    assert plan.away == (PointsAwarded(frame=1, player="bo", points=7),)
    assert not any(isinstance(event, FrameFinished) for event in plan.home)


def test_broken_rules_are_played(tmp_path: Path) -> None:
    """A stranger who breaks, a second break in a row, a score above the maximum or below 0: all are said as told."""
    [plan] = played(
        tmp_path, row(breaker="eve", points="12,-3"), row(frame="2", breaker="eve"), row(frame="2", home="cy")
    )

    assert plan.home[1:4] == (
        FrameStarted(frame=1, breaker="eve"),
        PointsAwarded(frame=1, player="ana", points=12),
        FrameFinished(frame=1, winner="ana"),
    )
    assert plan.away[0] == PointsAwarded(frame=1, player="bo", points=-3)
    assert PointsAwarded(frame=2, player="cy", points=10) in plan.home


def test_matches_may_be_interleaved(tmp_path: Path) -> None:
    """Rows of one match need not follow each other; matches come in order of first appearance."""
    plans = played(tmp_path, row("m2"), row("m1"), row("m2", frame="2"), "")

    assert [plan.match for plan in plans] == ["m2", "m1"]
    assert [event.frame for event in plans[0].home if isinstance(event, FrameStarted)] == [1, 2]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (row(points="10"), "line 3: 11 values, one for each of the 12 columns"),
        (row() + ",more", "line 3: 13 values"),
        (row(points="ten,4"), "line 3: home_points is 'ten', which is not a whole number"),
        (row(points="4,1_0"), "line 3: away_points is '1_0'"),
        (row(points="4, 1"), "line 3: away_points is ' 1'"),
        (row(points="4,٣"), "line 3: away_points is '\\u0663'"),
        (row(points="10.0,4"), "line 3: home_points is '10.0'"),
        (row(points="9999999999,4"), "line 3: match m1: PointsAwarded.points is 9999999999"),
        (row(points="1,9999999999"), "line 3: match m1: PointsAwarded.points is 9999999999"),
        (row(points="99999999999,4"), "line 3: home_points is '99999999999'"),
        (row(frame="0"), "line 3: match m1: FrameStarted.frame is 0"),
        (row(frames="x"), "line 3: frames is 'x'"),
        (row(frame=""), "line 3: frame is ''"),
        (row(breaker=""), "line 3: match m1: FrameStarted.breaker is ''"),
        (row("m 1"), "line 3: match 'm 1' is not 1 to 128 of letters"),
        (row("m9", break_rule="loser"), "line 3: match m9: MatchScheduled.break_rule is 'loser'"),
        (row("m9", home=""), "line 3: match m9: MatchScheduled.players.0 is ''"),
        (row(frames="3"), "line 3: match m1 has 3 frames and break rule alternate here, but 2 and alternate on line 2"),
        (row(break_rule="winner"), "line 3: match m1 has 2 frames and break rule winner here"),
        (row(home='"an"a'), "line 3: "),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str, said: str) -> None:
    """What cannot be read or said is refused with file, line and value, whatever else the file holds."""
    with pytest.raises(DataError) as refused:
        played(tmp_path, row(), bad, row("m7"))

    assert f"{tmp_path / 'league.csv'}, {said}" in str(refused.value)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "line 1: column 1 is None instead of 'match'"),
        (HEADER.replace("venue", "place"), "line 1: column 3 is 'place' instead of 'venue'"),
        (HEADER + ",extra", "line 1: column 13 is 'extra' instead of None"),
        (HEADER.removesuffix(",cleared_by"), "line 1: column 12 is None instead of 'cleared_by'"),
    ],
)
def test_a_foreign_header_is_refused(tmp_path: Path, header: str, said: str) -> None:
    """Only a file with exactly the columns of a league is one."""
    with pytest.raises(DataError) as refused:
        played(tmp_path, row(), header=header)

    assert said in str(refused.value)
    assert HEADER in str(refused.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are a fault of the file, not a crash."""
    file = tmp_path / "league.csv"
    file.write_bytes(HEADER.encode() + b"\nm1,\xff")

    with pytest.raises(DataError, match=r"league\.csv is not UTF-8 text"):
        read_league(file)


def test_a_file_as_spreadsheets_write_it_is_read(tmp_path: Path) -> None:
    """A byte order mark, carriage returns and quoted values change nothing."""
    file = tmp_path / "spreadsheet.csv"
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([HEADER, row(home='"ana"'), ""]).encode())

    assert played(tmp_path, row()) == read_league(file)


def test_the_sample_is_the_whole_league() -> None:
    """The carried file plays 808 matches, and its points, winners and breaks are those of its rows."""
    plans = read_league(SAMPLE)
    rows = list(csv.DictReader(SAMPLE.read_text().splitlines()))
    events = [event for plan in plans for event in (*plan.home, *plan.away)]
    count = Counter(type(event) for event in events)
    points = [event.points for event in events if isinstance(event, PointsAwarded)]
    scores = [int(row[column]) for row in rows for column in ("home_points", "away_points")]

    assert len(plans) == 808
    assert count[MatchScheduled] == count[MatchFinished] == 808
    assert count[FrameStarted] == count[FrameFinished] == len(rows) == 1627
    assert sorted(score for score in scores if score) == sorted(points)
