"""`dojo checker` before it reaches a server; with servers it is run in `tests/stack`."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "DOJO_REGION"),
        ({"DOJO_REGION": "eu"}, "DOJO_KAFKA"),
        ({"DOJO_REGION": "eu", "DOJO_KAFKA": "127.0.0.1:1", "DOJO_VIOLATIONS_FORMAT": "xml"}, "DOJO_VIOLATIONS_FORMAT"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3 before anything is connected, with the variable; no Redis is asked for."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    run = CliRunner().invoke(app, ["checker"])

    assert run.exit_code == 3
    assert said in run.stderr
