"""`dojo schema`: lists, releases, and writes what is made of schemas."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dojopool.cli.schema import app
from dojopool.codec import schema_files
from dojopool.errors import GameError
from support.avro_samples import POOL, RICH


def run(*words: str) -> Result:
    """What the command says."""
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    """A schema file of somebody's own game."""
    path = tmp_path / "rich.avsc"
    path.write_text(json.dumps(RICH), encoding="utf-8")
    return path


@pytest.mark.parametrize("verb", ["generate", "vectors"])
def test_what_is_checked_in_is_current(verb: str) -> None:
    """Without options, `--check` judges the built-in game's files."""
    found = run(verb, "--check")

    assert found.exit_code == 0, found.output
    assert "is up to date" in found.output


@pytest.mark.parametrize("words", [["generate", "--schema", "{schema}"], ["vectors"]])
def test_a_file_is_written_and_checked(words: Sequence[str], schema: Path, tmp_path: Path) -> None:
    """`--check` fails with 1 until the file is what would be written, and writes nothing itself."""
    out = tmp_path / "out"
    words = [*(word.format(schema=schema) for word in words), "--out", str(out)]

    assert run(*words, "--check").exit_code == 1
    assert not out.exists()
    assert run(*words).exit_code == 0
    assert run(*words, "--check").exit_code == 0
    out.write_text(out.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert run(*words, "--check").exit_code == 1


@pytest.mark.parametrize("verb", ["generate", "vectors"])
def test_json_says_what_became_of_the_file(verb: str, tmp_path: Path) -> None:
    """Whether it was written, and whether it is now what it should be; the exit code is the same."""
    out = tmp_path / "out"
    words = [verb, "--json", "--out", str(out)]
    missing, written, checked = run(*words, "--check"), run(*words), run(*words, "--check")

    assert [missing.exit_code, written.exit_code, checked.exit_code] == [1, 0, 0]
    assert json.loads(missing.stdout) == {"file": str(out), "written": False, "current": False}
    assert json.loads(written.stdout) == {"file": str(out), "written": True, "current": True}
    assert json.loads(checked.stdout) == {"file": str(out), "written": False, "current": True}


def test_a_decoder_of_ones_own_needs_a_place(schema: Path) -> None:
    """Only the built-in game's decoder has a known place; for others the command line is wrong without one."""
    found = run("generate", "--schema", str(schema))

    assert found.exit_code == 2
    assert "--out" in found.output


def test_a_missing_schema_is_named() -> None:
    """The error goes through to `dojo`, which prints it."""
    found = run("generate", "--schema", "missing.avsc", "--out", "x.py")

    assert isinstance(found.exception, GameError)
    assert "missing.avsc" in str(found.exception)


def test_schemas_are_listed_by_fingerprint() -> None:
    """Each line is a fingerprint, whether it is released, and the file."""
    lines = run("list").output.splitlines()

    assert lines[0].split() == ["4cd810bda1d6f974", "released", str(schema_files.find("event.avsc"))]
    assert len(lines) == len(json.loads(run("list", "--json").output))


def test_a_schema_of_ones_own_is_released(tmp_path: Path) -> None:
    """A schema is listed as not released until it is."""
    path = tmp_path / "own.avsc"
    path.write_text(json.dumps(POOL), encoding="utf-8")

    def forms() -> list[tuple[str, bool]]:
        found = json.loads(run("list", "--schema", str(path), "--json").output)
        return [(form["fingerprint"], form["released"]) for form in found]

    assert forms() == [("4cd810bda1d6f974", False)]
    assert "own-4cd810bda1d6f974.avsc" in run("release", str(path)).output.replace("\n", "")
    assert forms() == [("4cd810bda1d6f974", True)] * 2
