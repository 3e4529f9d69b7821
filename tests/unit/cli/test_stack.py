from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from dojopool.cli.main import app
from dojopool.cli.stack import export_lines
from dojopool.local.stack import state
from dojopool.local.stack.layout import StackState, new_layout
from dojopool.local.stack.process import ProcessId


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, and no settings from the shell that runs the tests."""
    for name in [name for name in os.environ if name.startswith("DOJO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOJO_DATA_DIR", str(tmp_path))
    return tmp_path / "stack"


def test_the_export_lines_name_every_region() -> None:
    """The printed lines point all other commands at all regions' servers."""
    addresses = {
        "eu": {"kafka": "127.0.0.1:1", "redis": "redis://127.0.0.1:2"},
        "us": {"kafka": "127.0.0.1:3", "redis": "redis://127.0.0.1:4"},
    }

    assert export_lines(addresses, 16) == [
        "export DOJO_REGIONS=eu,us DOJO_PARTITIONS=16",
        "export DOJO_KAFKA=eu=127.0.0.1:1,us=127.0.0.1:3",
        "export DOJO_REDIS=eu=redis://127.0.0.1:2,us=redis://127.0.0.1:4",
    ]


def test_status_without_a_stack_fails() -> None:
    """No stack is not a running stack: the exit code says so, in both forms."""
    plain, as_json = (
        CliRunner().invoke(app, ["stack", "status"]),
        CliRunner().invoke(app, ["stack", "status", "--json"]),
    )

    assert (plain.exit_code, as_json.exit_code) == (1, 1)
    assert "there is no stack" in plain.stderr
    assert json.loads(as_json.stdout) == {"up": False, "servers": []}


def test_status_fails_unless_all_run(folder: Path) -> None:
    """A stack with one process left is shown, and is not up."""
    own = ProcessId(pid=os.getpid(), started=psutil.Process().create_time())
    layout = new_layout(("eu", "us"), partitions=4, prefixes=("dojo",))
    state.save(folder, StackState(layout=layout, processes={"mirror": own}))
    run = CliRunner().invoke(app, ["stack", "status", "--json"])

    assert run.exit_code == 1
    assert json.loads(run.stdout)["servers"][-1] == {
        "name": "mirror",
        "address": None,
        "pid": os.getpid(),
        "condition": "running",
    }


def test_down_without_a_stack_is_no_error() -> None:
    """What is not up is down."""
    run = CliRunner().invoke(app, ["stack", "down"])

    assert run.exit_code == 0
    assert "nothing was running" in run.stderr


def test_down_as_json_names_what_it_ended() -> None:
    """A list, here without anything in it."""
    run = CliRunner().invoke(app, ["stack", "down", "--json"])

    assert (run.exit_code, json.loads(run.stdout)) == (0, {"ended": []})


@pytest.mark.parametrize("arguments", [["--regions", "EU"], ["--regions", "eu,eu"], ["--partitions", "0"]])
def test_wrong_settings_are_told_before_anything_starts(folder: Path, arguments: list[str]) -> None:
    """A wrong region or partition count is exit code 3 and leaves no file."""
    run = CliRunner().invoke(app, ["stack", "up", *arguments])

    assert run.exit_code == 3
    assert "DOJO_" in run.stderr
    assert not folder.exists()


def test_a_missing_java_is_told_before_anything_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Java the exit code is 4 and no layout is saved that a later `up` would be bound to."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    run = CliRunner().invoke(app, ["stack", "up"])

    assert run.exit_code == 4
    assert "Java 17 or newer" in run.stderr
    assert not folder.exists()
