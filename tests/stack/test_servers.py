"""The fixtures' promise: tests without their real server are never quietly green."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.servers import missing_line

ONE_TEST = "tests/stack/test_stack.py::test_each_region_has_a_redis_of_its_own"


def run_without_java(tmp_path: Path, *, ci: str) -> subprocess.CompletedProcess[str]:
    """Run a test of the real stack in a pytest of its own that finds no Java."""
    environment = {**os.environ, "PATH": str(tmp_path), "JAVA_HOME": "", "CI": ci}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ONE_TEST],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_missing_server_skips_loudly(tmp_path: Path) -> None:
    """On a person's machine the run passes, and its end says what was not tested and why."""
    run = run_without_java(tmp_path, ci="")

    assert run.returncode == 0
    assert "REAL SERVERS MISSING: 1 tests skipped: looked for java on PATH" in run.stdout


def test_a_missing_server_fails_on_ci(tmp_path: Path) -> None:
    """With CI=true the same run fails."""
    run = run_without_java(tmp_path, ci="true")

    assert run.returncode == 1
    assert "real servers are missing: looked for java on PATH" in run.stdout


def test_other_skips_are_not_counted() -> None:
    """Only tests skipped for a missing server are in the loud line, each reason once."""
    reasons = [
        "Skipped: real servers are missing: no java",
        "Skipped: slow",
        "Skipped: real servers are missing: no java",
    ]

    assert missing_line(reasons) == "REAL SERVERS MISSING: 2 tests skipped: no java"
    assert missing_line(["Skipped: slow"]) is None
