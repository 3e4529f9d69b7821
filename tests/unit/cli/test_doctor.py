"""`dojo doctor` without a server; what it finds in one is in `tests/stack/test_doctor.py`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app


def test_silent_servers_are_problems_with_a_fix(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """The exit code is 1; what can be judged without them is; each line that is not ok is followed by what to do."""
    monkeypatch.setenv("DOJO_REGION", "eu")
    monkeypatch.setenv("DOJO_KAFKA", f"127.0.0.1:{unused_tcp_port}")
    monkeypatch.setenv("DOJO_REDIS", f"redis://:secret@127.0.0.1:{unused_tcp_port}")
    run, told = CliRunner().invoke(app, ["doctor", "--json"]), CliRunner().invoke(app, ["doctor"])
    report = json.loads(run.stdout)

    assert (run.exit_code, told.exit_code) == (1, 1)
    assert report["ok"] is False
    assert {each["check"]: each["level"] for each in report["findings"]} == {
        "python": "ok",
        "game": "ok",
        "kafka": "problem",
        "redis": "problem",
    }
    assert "problem  eu: redis: " in told.stdout
    assert "\n         check DOJO_REDIS" in told.stdout
    assert "secret" not in run.output + told.output


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "DOJO_REGIONS is not set"),
        ({"DOJO_REGION": "eu"}, "DOJO_KAFKA is not set"),
        ({"DOJO_REGION": "eu", "DOJO_KAFKA": "127.0.0.1:1"}, "DOJO_REDIS is not set"),
    ],
)
def test_settings_that_are_wrong_are_3(settings: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them it is not known where to look."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    run = CliRunner().invoke(app, ["doctor"])

    assert run.exit_code == 3
    assert said in run.stderr
