"""The directory of a Raft member on a real disk, owned by one process alone.

A file stays open from its first write to its flush at least: only that descriptor is told of an error in between.
Flushes are `fdatasync` where there is one, and on macOS the only call that reaches the medium.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dojopool.errors import ConfigError

LOCK: Final = "lock"
_NEW_FILE_MODE: Final = 0o600


class OsFiles:
    """`raft_directory.Files` on a directory. Different names may be used from different threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open_files: dict[str, int] = {}
        self._growing = ""
        """The last name appended to: it stays open."""

    @classmethod
    @contextmanager
    def opened(cls, directory: Path) -> Iterator[OsFiles]:
        """Make the directory if need be, and own it until the end of the context. Raises ConfigError when another
        process does, or when it cannot be used.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _NEW_FILE_MODE)
        except OSError as error:
            raise ConfigError(f"the Raft directory {directory} cannot be used: {error}") from error
        files = cls(directory)
        try:
            _own(lock, directory)
            yield files
        finally:
            files.close()
            os.close(lock)

    def names(self) -> Sequence[str]:
        """See `Files`."""
        return sorted(path.name for path in self._directory.iterdir() if path.name != LOCK)

    def read(self, name: str) -> bytes:
        """See `Files`."""
        return (self._directory / name).read_bytes()

    def create(self, name: str, data: bytes) -> None:
        """See `Files`."""
        self._close(name)
        self._write(self._descriptor(name, os.O_CREAT | os.O_TRUNC), data)

    def append(self, name: str, data: bytes) -> None:
        """See `Files`."""
        if name != self._growing:
            self._close(self._growing)
            self._growing = name
        self._write(self._descriptor(name), data)

    def truncate(self, name: str, size: int) -> None:
        """See `Files`."""
        os.ftruncate(self._descriptor(name), size)

    def fsync(self, name: str) -> None:
        """See `Files`."""
        _flush(self._descriptor(name))

    def rename(self, old: str, new: str) -> None:
        """See `Files`."""
        self._close(old)
        self._close(new)
        (self._directory / old).replace(self._directory / new)

    def remove(self, name: str) -> None:
        """See `Files`."""
        self._close(name)
        (self._directory / name).unlink()

    def fsync_dir(self) -> None:
        """See `Files`."""
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close what is open; flushes nothing."""
        for name in list(self._open_files):
            self._close(name)

    def _descriptor(self, name: str, flags: int = 0) -> int:
        if name not in self._open_files:
            flags |= os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
            self._open_files[name] = os.open(self._directory / name, flags, _NEW_FILE_MODE)
        return self._open_files[name]

    def _close(self, name: str) -> None:
        descriptor = self._open_files.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)

    @staticmethod
    def _write(descriptor: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def _own(lock: int, directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(
            f"the Raft directory {directory} is in use by another process: stop that one, or give this member its own"
        ) from error


def _flush(descriptor: int) -> None:
    if sys.platform == "darwin":  # fsync there leaves the data in the drive's cache
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)
