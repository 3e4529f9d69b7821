"""`dojo violations` before it reaches a server; with servers it is run in `tests/stack`."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app

WORDS = [["violations", "tail"], ["violations", "list"], ["violations", "show", "6f"]]


@pytest.mark.parametrize("words", WORDS)
def test_a_missing_setting_is_named(words: list[str]) -> None:
    """Exit code 3 before anything is connected."""
    run = CliRunner().invoke(app, words)

    assert run.exit_code == 3
    assert "DOJO_REGION" in run.stderr
