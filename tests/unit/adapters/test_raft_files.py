"""A directory on a real disk does what is asked of it; its crashes are the simulator's."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dojopool.adapters.raft_files import OsFiles
from dojopool.errors import ConfigError


def test_files_are_made_grown_cut_renamed_and_removed(tmp_path: Path) -> None:
    """Every act does to the directory what its name says, on open files and closed ones."""
    with OsFiles.opened(tmp_path / "new" / "raft") as files:
        files.create("a.new", b"12345")
        files.fsync("a.new")
        files.rename("a.new", "a")
        files.append("a", b"678")
        files.truncate("a", 6)
        files.append("a", b"!")
        files.create("b", b"old")
        files.create("b", b"x")
        files.append("b", b"y")
        files.fsync_dir()

        assert files.names() == ["a", "b"]
        assert (files.read("a"), files.read("b")) == (b"123456!", b"xy")
        files.rename("b", "a")
        assert files.read("a") == b"xy"
        files.append("a", b"z")
        files.remove("a")
        assert files.names() == []


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A name that is missing is told as the system tells it, and no file is made for it."""
    with OsFiles.opened(tmp_path) as files:
        for act in (files.read, files.fsync, files.remove, lambda name: files.append(name, b"")):
            with pytest.raises(FileNotFoundError):
                act("missing")
        assert files.names() == []


def test_a_full_disk_is_an_error() -> None:
    """Lack of room comes back as what it is."""
    files = OsFiles(Path("/dev"))
    with pytest.raises(OSError, match="No space left") as refusal:
        files.append("full", b"x")
    files.close()

    assert refusal.value.errno == errno.ENOSPC


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A path that is a file is named in the refusal."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="file cannot be used"), OsFiles.opened(tmp_path / "file"):
        pass
