"""`dojo demo`: what it prints and how it ends, on the first matches of the season."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app
from dojopool.local.league import SAMPLE


@pytest.fixture
def few_matches(tmp_path: Path) -> str:
    """A league file with the first thirty frames."""
    file = tmp_path / "league.csv"
    file.write_text("".join(SAMPLE.read_text().splitlines(keepends=True)[:31]))
    return str(file)


def test_a_season_ends_with_equal_digests_and_exit_code_0(few_matches: str) -> None:
    """It says first that nothing is kept, and last how to look at a match."""
    run = CliRunner().invoke(app, ["demo", few_matches])
    lines = run.stdout.splitlines()

    assert run.exit_code == 0, run.output
    assert "in memory" in run.stdout.split(".")[0]
    [digest] = [line for line in lines if line.startswith("digest ")]
    eu, us = digest.removeprefix("digest ").split()
    assert eu.removeprefix("eu=") == us.removeprefix("us=")
    assert "dojo match show m32" in lines[-1]


def test_a_link_that_stays_cut_ends_with_exit_code_1(few_matches: str) -> None:
    """The digests differ and the run says so."""
    run = CliRunner().invoke(app, ["demo", few_matches, "--keep-cut"])

    assert run.exit_code == 1
    assert "NOT EQUAL" in run.stdout


def test_a_file_that_is_no_league_is_named(tmp_path: Path) -> None:
    """A wrong header is refused with the line before anything is played."""
    file = tmp_path / "players.csv"
    file.write_text("name\nana\n")
    run = CliRunner().invoke(app, ["demo", str(file)])

    assert run.exit_code == 1
    assert "line 1" in run.stderr


def test_a_file_that_is_not_there_is_a_usage_error() -> None:
    """Exit code 2, naming the file."""
    run = CliRunner().invoke(app, ["demo", "no-such-file.csv"])

    assert run.exit_code == 2
    assert "no-such-file.csv" in run.stderr


def test_a_misspelt_setting_is_refused_before_anything_is_played(
    few_matches: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first command that a newcomer runs says what is wrong with the environment."""
    monkeypatch.setenv("DOJO_REGON", "eu")
    run = CliRunner().invoke(app, ["demo", few_matches])

    assert run.exit_code == 3
    assert "did you mean DOJO_REGION?" in run.stderr
    assert run.stdout == ""
