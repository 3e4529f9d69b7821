"""`dojo simulate raft`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app
from dojopool.simulation import campaign
from dojopool.simulation.options import Plan
from dojopool.simulation.run import Outcome

FEW = ["simulate", "raft", "--seeds", "3", "--seconds", "1"]


def called(*words: str) -> tuple[int, str]:
    """Exit code and what was printed."""
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout


def broken(plan: Plan) -> Outcome:
    """A run that finds something."""
    return Outcome(plan, rule="committed", found="node 1 overwrites [2]", at=500_000)


def test_a_sound_build_exits_with_0_and_a_table() -> None:
    """It says what was played."""
    code, text = called(*FEW)

    assert code == 0
    assert "seeds" in text
    assert "simulated seconds" in text
    assert "FAILED" not in text


def test_json_is_one_object() -> None:
    """With the same figures, for programs."""
    code, text = called(*FEW, "--json")
    found = json.loads(text)

    assert (code, found["seeds"], found["failed"], found["failures"]) == (0, 3, 0, [])


def test_a_failure_prints_the_command_that_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, each failing seed with its command, and a smaller one."""
    monkeypatch.setattr(campaign, "run", broken)
    code, text = called(*FEW)

    assert code == 1
    assert "FAILED seed 2 after 0.500 s: committed: node 1 overwrites [2]" in text
    assert "repeat: dojo simulate raft --seed 2 --seconds 1" in text
    assert "smallest: dojo simulate raft --seed 1" in text

    code, text = called(*FEW, "--json")
    assert (code, len(json.loads(text)["failures"])) == (1, 3)


def test_one_seed_can_be_traced() -> None:
    """Every step as a line of JSON, the verdict last."""
    code, text = called("simulate", "raft", "--seed", "3", "--seconds", "1", "--trace")
    lines = [json.loads(line) for line in text.splitlines()]

    assert code == 0
    assert lines[-1]["rule"] == ""
    assert lines[0]["event"] == "started"


def test_a_fault_that_is_not_known_is_refused() -> None:
    """One line that names those that there are."""
    result = CliRunner().invoke(app, [*FEW, "--with", "hail"])

    assert result.exit_code == 3
    assert "there is no fault 'hail'" in result.stderr
