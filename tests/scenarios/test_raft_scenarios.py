"""Scenarios of the Raft core: scripts in `raft/*.txt` that hold commands and, indented, all that follows from them.

After a change, `pytest tests/scenarios --rewrite` writes what follows anew; each changed line is then reviewed as code.
The commands are told in `support/raft_script.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.raft_script import Script

SCRIPTS = sorted((Path(__file__).parent / "raft").glob("*.txt"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_tells_what_was_reviewed(script: Path, request: pytest.FixtureRequest) -> None:
    """Every command does what stands under it, message by message."""
    told = Script().run(script.read_text(encoding="utf-8"))
    if request.config.getoption("--rewrite"):
        script.write_text(told, encoding="utf-8")

    assert told == script.read_text(encoding="utf-8")


def test_every_verb_is_played() -> None:
    """What no script uses is not worth having."""
    lines = [line for script in SCRIPTS for line in script.read_text(encoding="utf-8").splitlines()]
    used = {line.removeprefix("quietly ").split()[0] for line in lines if line and line[0] not in " #"}

    assert used == Script().verbs.keys()
