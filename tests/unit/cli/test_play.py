"""`dojo play` before it reaches a server; what it does with one is in `tests/stack/test_commands.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app
from dojopool.local.league import COLUMNS


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.csv"], "there is no such file: missing.csv"),
        (["."], "there is no such file: ."),
        (["league.txt"], "is told by its suffix"),
        (["sample", "--rate", "0"], "must be above 0"),
        (["sample", "--rate", "nan"], "must be above 0"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage_is_2(words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not there, or is neither league nor events, and a rate that would never end are wrong usage."""
    monkeypatch.chdir(tmp_path)
    Path("league.txt").touch()
    run = CliRunner().invoke(app, ["play", *words])

    assert run.exit_code == 2
    assert said in run.stderr


def test_a_bad_league_is_1(tmp_path: Path) -> None:
    """A league that cannot be read is told with file and line, before any server is asked for."""
    file = tmp_path / "league.csv"
    file.write_text(",".join(COLUMNS) + "\nm1,x\n")
    run = CliRunner().invoke(app, ["play", str(file)])

    assert run.exit_code == 1
    assert f"{file}, line 2: 2 values" in run.stderr


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        ([], {}, "DOJO_REGIONS is not set"),
        (["--regions", "eu,us"], {}, "DOJO_KAFKA is not set"),
        (["--regions", "eu,ap"], {"DOJO_REGIONS": "eu,us"}, "--regions names 'ap', not one of DOJO_REGIONS (eu,us)"),
        (["--regions", ""], {"DOJO_REGIONS": "eu,us"}, "--regions names ''"),
    ],
)
@pytest.mark.parametrize("name", ["sample", "events.jsonl"])
def test_missing_settings_are_3(
    name: str, words: list[str], settings: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not set, or does not belong together, is told before anything is played."""
    monkeypatch.chdir(tmp_path)
    Path("events.jsonl").touch()
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    run = CliRunner().invoke(app, ["play", name, *words])

    assert run.exit_code == 3
    assert said in run.stderr
