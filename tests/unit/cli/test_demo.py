"""`dojo demo`: what it prints and how it ends, on the first matches of the season."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
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


def test_json_is_all_that_is_on_stdout(few_matches: str) -> None:
    """One object with the verdict and the figures; what is for people goes to stderr."""
    run = CliRunner().invoke(app, ["demo", few_matches, "--json"])
    found = json.loads(run.stdout)

    assert (run.exit_code, found["ok"], found["problems"]) == (0, True, [])
    assert found["digests"]["eu"] == found["digests"]["us"]
    assert found["played"]["accepted"] == found["played"]["events"] > 0
    assert found["example"] == "m32"
    assert found["convergence_ms"].keys() == {"while_linked", "after_the_heal"}
    assert "in memory" in run.stderr


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


def test_dev_tells_programs_where_to_read(tmp_path: Path) -> None:
    """With --json its first line on stdout is an object with the address of the reads, which answer."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("DOJO_")}
    with subprocess.Popen(
        [sys.executable, "-m", "dojopool", "dev", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**settings, "DOJO_DATA_DIR": str(tmp_path)},
    ) as running:
        try:
            assert running.stdout is not None
            told = json.loads(running.stdout.readline())
            answer = httpx.get(f"{told['url']}/matches", trust_env=False)
        finally:
            running.send_signal(signal.SIGINT)

    assert (answer.status_code, "m32" in told["matches"]) == (200, True)
    assert running.returncode == 0
