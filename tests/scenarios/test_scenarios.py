"""Scenarios: a file of input, and beside it everything that the command prints for it.

`fold/NAME.jsonl` is the input, `fold/NAME.txt` the expectation; its first line is the command. After a change,
`pytest tests/scenarios --rewrite` writes expectations anew; each changed line is then reviewed as code.
"""

from __future__ import annotations

import random
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dojopool.cli.main import app

FOLDER = Path(__file__).parent / "fold"
SCENARIOS = sorted(FOLDER.glob("*.jsonl"))
SHUFFLES = 20


@pytest.fixture(autouse=True)
def _in_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands name their file as a user in that folder would, with settings of their own only."""
    monkeypatch.chdir(FOLDER)
    monkeypatch.delenv("DOJO_GAME", raising=False)


def command_of(scenario: Path) -> str:
    """The first line of the expectation; a new scenario has the plain command."""
    expectation = scenario.with_suffix(".txt")
    return expectation.read_text().splitlines()[0] if expectation.exists() else f"$ dojo fold {scenario.name}"


def run(command: str, *, stdin: str | None = None) -> Result:
    """What a command line gives."""
    return CliRunner().invoke(app, shlex.split(command.removeprefix("$ dojo ")), input=stdin)


def shown(command: str, result: Result) -> str:
    """A run as an expectation shows it."""
    return f"{command}\n{result.stdout}--- stderr, exit code {result.exit_code}\n{result.stderr}"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_prints_what_is_expected(scenario: Path, request: pytest.FixtureRequest) -> None:
    """Output, complaints and exit code are those that were reviewed."""
    command = command_of(scenario)
    result = shown(command, run(command))
    expectation = scenario.with_suffix(".txt")
    if request.config.getoption("--rewrite"):
        expectation.write_text(result)

    assert result == expectation.read_text()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_the_order_of_lines_changes_nothing(scenario: Path) -> None:
    """However the lines are shuffled, and however often they are said, output and exit code stay."""
    command = command_of(scenario)
    lines = scenario.read_text().splitlines()
    expected = run(command)
    mixed = [
        random.Random(seed).sample(lines * (1 + seed % 2), k=len(lines) * (1 + seed % 2)) for seed in range(SHUFFLES)
    ]
    results = [run(command.replace(scenario.name, "-"), stdin="\n".join(order)) for order in [lines[::-1], *mixed]]

    assert {(result.exit_code, result.stdout) for result in results} == {(expected.exit_code, expected.stdout)}


def test_every_expectation_has_a_scenario() -> None:
    """No expectation outlives its input."""
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == [path.stem for path in SCENARIOS]
