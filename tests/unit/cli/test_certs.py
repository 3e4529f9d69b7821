"""`dojo certs make`: what it writes and what it says."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from dojopool.cli.exits import MISCONFIGURED
from dojopool.cli.main import app


def make(*arguments: str) -> tuple[int, str]:
    """Run the command: exit code and what it printed."""
    result = CliRunner().invoke(app, ["certs", "make", *arguments])
    return result.exit_code, result.output


def test_certificates_are_made(tmp_path: Path) -> None:
    """Two files for the authority and for each member; told as lines, or as JSON."""
    code, text = make("--dir", str(tmp_path), "eu-1", "us-1")
    assert (code, len(text.splitlines())) == (0, 3)
    code, text = make("--dir", str(tmp_path), "us-1", "ap-1", "--json")
    assert code == 0

    assert [(row["name"], row["new"]) for row in json.loads(text)] == [("ca", False), ("us-1", False), ("ap-1", True)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}.{kind}" for name in ("ca", "eu-1", "us-1", "ap-1") for kind in ("pem", "key")
    )


def test_a_name_that_cannot_be(tmp_path: Path) -> None:
    """A name that is none is the caller's mistake."""
    code, text = make("--dir", str(tmp_path), "../n1")

    assert code == MISCONFIGURED
    assert "cannot name a member" in text
