from __future__ import annotations

from pathlib import Path

import pytest

from dojopool.errors import Unavailable
from dojopool.local.stack import java


def fake_java(folder: Path, *, says: str, code: int = 0) -> str:
    """Put a `java` program into a folder of its own and return that folder."""
    folder.mkdir()
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "25.0.2-ea"', 25),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_the_major_version_is_read_from_what_java_says(text: str, version: int | None) -> None:
    """Old and new version schemes are understood; a text without a version is none."""
    assert java.major_version(text) == version


def test_a_command_holds_heap_class_path_and_arguments_in_order() -> None:
    """JVM options come before the main class, its arguments after."""
    command = java.Java(executable="/bin/java", class_path="a.jar:b.jar").command("Main", "x", "y", heap_mib_max=256)

    assert command[0] == "/bin/java"
    assert "-Xmx256m" in command
    assert command[-5:] == ["-cp", "a.jar:b.jar", "Main", "x", "y"]


def test_the_log_settings_exist() -> None:
    """The log settings named on every command line are part of the package."""
    assert java.LOG_SETTINGS.is_file()


async def test_no_java_names_the_path_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java the error says where it was looked for and what to install."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=rf"java on PATH \({tmp_path}\) and found none.*install a JRE"):
        await java.find_java()


@pytest.mark.parametrize(
    ("says", "code", "reason"),
    [
        ('java version "1.8.0_392"', 0, "found Java 8, which is too old"),
        ('openjdk version "16.0.2"', 0, "found Java 16, which is too old"),
        ("Unable to locate a Java Runtime.", 1, "said 'Unable to locate a Java Runtime.'"),
    ],
)
async def test_a_java_that_cannot_run_kafka_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: int, reason: str
) -> None:
    """An old Java, or a placeholder for one, is refused with what it said."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", fake_java(tmp_path / "bin", says=says, code=code))
    with pytest.raises(Unavailable, match=reason):
        await java.find_java()


async def test_java_home_wins_over_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's JAVA_HOME decides, also when PATH has another Java."""
    monkeypatch.setenv("PATH", fake_java(tmp_path / "bin", says='openjdk version "17.0.1"'))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    with pytest.raises(Unavailable, match=r"tried to run .*/home/bin/java"):
        await java.find_java()
