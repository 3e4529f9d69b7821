"""`dojo simulate raft`: what it says and how it ends."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dojopool.cli.exits import FAILED, MISCONFIGURED
from dojopool.cli.main import app
from dojopool.core.raft.messages import Message
from dojopool.core.raft.raft import Raft


def simulate(*arguments: str) -> tuple[int, str]:
    """Run the command: exit code and what it printed on stdout."""
    result = CliRunner().invoke(app, ["simulate", "raft", *arguments])
    return result.exit_code, result.stdout


def test_seeds_that_pass() -> None:
    """Figures as one JSON object, or as a table."""
    code, text = simulate("--seeds", "3", "--seconds", "2", "--json")
    told = json.loads(text)

    assert (code, told["seeds"], told["failed"], told["failures"]) == (0, 3, 0, [])
    assert told["steps_judged"] > 100
    assert "steps judged" in simulate("--seed", "4", "--seconds", "2")[1]


def test_a_seed_that_fails_is_repeated_by_the_command_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, the command that repeats the run, and one that repeats a smaller run."""
    send = Raft.send

    def send_early(raft: Raft, message: Message) -> None:
        """Let go what waits for the disk, before it is durable."""
        send(raft, message)
        raft.messages += [waiting for waiting in raft.messages_after if waiting.to != raft.id]
        raft.messages_after = [waiting for waiting in raft.messages_after if waiting.to == raft.id]

    monkeypatch.setattr(Raft, "send", send_early)
    code, text = simulate("--seeds", "2", "--json")
    told = json.loads(text)

    assert code == FAILED
    command = told["failures"][0]["command"].split()
    assert command[:3] == ["dojo", "simulate", "raft"]
    assert simulate(*command[3:])[0] == FAILED
    assert simulate(*told["smallest"][0].split()[3:])[0] == FAILED


def test_a_fault_that_is_not_known() -> None:
    """It is refused before anything runs."""
    assert simulate("--with", "rain")[0] == MISCONFIGURED
