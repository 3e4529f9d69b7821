"""The command `dojo`: what it mounts, what its failures look like and which exit code they have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from dojopool.cli.main import COMMANDS, app

HEAVY = ("aiokafka", "fastavro", "httpx", "pydantic", "redis", "starlette", "structlog", "uvicorn")
"""What no command needs to be listed."""


@pytest.fixture(autouse=True)
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more command, which fails as it is told to."""
    monkeypatch.setitem(COMMANDS, "fail", "support.failing:fail")


def dojo(*words: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, words)


def as_process(
    *words: str, python: Sequence[str] = ("-m", "dojopool"), settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does, with these settings only and its output piped."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DOJO_")}
    return subprocess.run(
        [sys.executable, *python, *words],
        env={**inherited, **(settings or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("config", 3, "error: DOJO_REGION is [red]mars[/red]\n"),
        ("game", 1, "error: two reducers\n"),
        ("data", 1, "error: line 3: not a number\n"),
        ("unavailable", 4, "error: Redis at 127.0.0.1:1 does not answer\n"),
    ],
)
def test_an_error_is_one_line_and_a_code(how: str, code: int, said: str) -> None:
    """What is raised on purpose is printed as it is, on stderr, without a traceback."""
    run = dojo("fail", how)

    assert (run.exit_code, run.stdout, run.stderr) == (code, "", said)


def test_an_offset_that_is_gone_is_unreachable() -> None:
    """A log that no longer holds what is wanted is the world's fault, code 4."""
    assert dojo("fail", "offset").exit_code == 4


def test_an_interrupt_is_130() -> None:
    """Ctrl-C ends with the code that shells expect of it."""
    assert dojo("fail", "interrupt").exit_code == 130


def test_a_bug_is_not_hidden() -> None:
    """An error nobody raised on purpose reaches the top as it is."""
    run = dojo("fail", "bug")

    assert run.exit_code == 1
    assert isinstance(run.exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["topisc"], "Did you mean 'topics'?"),
        (["topics", "creat"], "Did you mean 'create'?"),
        (["topics", "create", "--jsn"], "--json"),
        (["fail"], "Missing argument"),
    ],
)
def test_wrong_usage_is_2(words: list[str], said: str) -> None:
    """A word that does not exist is wrong usage, and the nearest one is named."""
    run = dojo(*words)

    assert run.exit_code == 2
    assert said in run.stderr


@pytest.mark.parametrize("words", [["--help"], []])
def test_help_lists_every_command(words: list[str]) -> None:
    """Every command of the table is in the help, in the order of the table; no words are a call for help."""
    shown = dojo(*words).output
    places = [shown.index(f"│ {name} ") for name in COMMANDS]

    assert places == sorted(places)


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that lead to it."""
    if not hasattr(command, "list_commands"):
        yield words, command
        return
    for name in command.list_commands(None):
        yield from leaves(command.get_command(None, name), (*words, name))


def test_every_command_shows_an_example() -> None:
    """The help of each command ends with a call of it."""
    without = [
        words
        for words, command in leaves(typer.main.get_command(app))
        if words != ("fail",)
        and f"dojo {' '.join(words)}" not in " ".join(command.help.partition("Example:")[2].split())
    ]

    assert without == []


def test_help_is_light() -> None:
    """Listing the commands imports none of the libraries they work with."""
    code = (
        "import sys; sys.argv[1:] = ['--help']; from dojopool.cli.main import app; app(standalone_mode=False)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = as_process(python=("-c", code))

    assert run.returncode == 0
    assert run.stdout.splitlines()[-1] == "[]"


def test_piped_output_has_no_colours() -> None:
    """Help and errors that go into a pipe hold no control characters."""
    helped, failed = as_process("--help"), as_process("topics", "check")

    assert (helped.returncode, failed.returncode) == (0, 3)
    assert "\x1b" not in helped.stdout + failed.stderr


def test_an_error_of_a_process_is_one_line(unused_tcp_port: int) -> None:
    """A server that is not there ends the process with 4 and one line, without what its client logged on the way."""
    run = as_process("topics", "check", settings={"DOJO_REGION": "eu", "DOJO_KAFKA": f"127.0.0.1:{unused_tcp_port}"})

    assert (run.returncode, run.stdout) == (4, "")
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1


def test_the_version_names_schema_and_fold() -> None:
    """Beside its own version, dojo names what decides whether stored state may be compared."""
    run = dojo("--version")

    assert run.exit_code == 0
    assert run.stdout.startswith("dojopool ")
    assert "event schema " in run.stdout
    assert "fold version pool-" in run.stdout


def test_a_run_without_assertions_is_refused() -> None:
    """Assertions guard what is stored, so the command does not run with them off."""
    run = as_process("--version", python=("-O", "-m", "dojopool"))

    assert (run.returncode, run.stdout) == (2, "")
    assert "assertions are switched off" in run.stderr
