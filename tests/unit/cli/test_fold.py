"""`dojo fold` as a command: where it reads from, which game it folds, and its exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app

GOOD = json.dumps(
    {"match": "m-1", "node": "eu/a#1", "seq": 1, "stamp": 1, "type": "player_joined", "body": {"player": "žofia"}}
)


def process(*words: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start `dojo fold` as its script does, in a folder that is not on the module path."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "from dojopool.cli.main import main; main()", "fold", *words],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_good_file_is_0(tmp_path: Path) -> None:
    """A file of good lines prints a line a match, as UTF-8, and nothing else."""
    (tmp_path / "events.jsonl").write_text(GOOD, encoding="utf-8")
    run = CliRunner().invoke(app, ["fold", str(tmp_path / "events.jsonl")])

    assert (run.exit_code, run.stderr) == (0, "")
    assert json.loads(run.stdout)["state"]["players"] == ["žofia"]
    assert "žofia" in run.stdout
    assert run.stdout.count("\n") == 1


def test_a_dash_reads_stdin() -> None:
    """`-` stands for stdin."""
    run = CliRunner().invoke(app, ["fold", "-"], input=GOOD)

    assert run.exit_code == 0
    assert json.loads(run.stdout)["clock"] == {"eu/a#1": 1}


def test_a_bad_line_is_1() -> None:
    """A bad line is told on stderr and makes the exit code 1; the good one is folded."""
    run = CliRunner().invoke(app, ["fold", "-"], input=f"bad\n{GOOD}\n")

    assert run.exit_code == 1
    assert run.stderr.startswith("line 1: ")
    assert json.loads(run.stdout)["match"] == "m-1"


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_cannot_be_read_is_2(tmp_path: Path, name: str) -> None:
    """A missing file and a folder are wrong usage, with the reason."""
    run = CliRunner().invoke(app, ["fold", str(tmp_path / name)])

    assert run.exit_code == 2
    assert "cannot be read" in run.stderr


def test_an_unknown_game_is_3() -> None:
    """A game that does not exist is a wrong setting, wherever it came from."""
    run = CliRunner().invoke(app, ["fold", "-", "--game", "chess"], input="")
    from_environment = CliRunner().invoke(app, ["fold", "-"], input="", env={"DOJO_GAME": "chess"})

    assert (run.exit_code, from_environment.exit_code) == (3, 3)
    assert run.stderr == from_environment.stderr
    assert "'chess'" in run.stderr


def test_the_option_wins_over_the_environment() -> None:
    """`--game` says which game, whatever DOJO_GAME says."""
    run = CliRunner().invoke(app, ["fold", "-", "--game", "pool"], input=GOOD, env={"DOJO_GAME": "chess"})

    assert run.exit_code == 0


def test_a_game_is_found_in_the_current_folder(tmp_path: Path) -> None:
    """A game module in the folder the command runs in is found, and cannot take the place of a module of Python's."""
    support = Path(__file__).parents[2] / "support"
    (tmp_path / "own_darts.py").write_text((support / "darts.py").read_text())
    (tmp_path / "darts.avsc").write_text((support / "darts.avsc").read_text())
    (tmp_path / "json.py").write_text("raise ImportError('the wrong json')")
    said = {"match": "d-1", "node": "eu/a#1", "seq": 1, "stamp": 1, "type": "match_opened", "body": {"start": 501}}
    with process("-", "--game", "own_darts:darts", folder=tmp_path) as running:
        out, err = running.communicate(json.dumps(said).encode(), timeout=60)

    assert (running.returncode, err) == (0, b"")
    assert json.loads(out)["state"]["start"] == 501


def test_an_interrupt_is_130(tmp_path: Path) -> None:
    """Ctrl-C while it waits for input ends it with 130 and without a traceback."""
    with process("-", folder=tmp_path) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        running.stdin.write(b"bad\n")
        running.stdin.flush()
        told = running.stderr.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)

    assert told.startswith(b"line 1: ")
    assert (running.returncode, out) == (130, b"")
    assert b"Traceback" not in err
