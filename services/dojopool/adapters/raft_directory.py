"""What the log of a Raft member asks of a directory, so that a simulated one can stand in for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Files(Protocol):
    """The files of one directory, as far as the log needs them. Names are plain. Everything raises OSError.

    What was written may be lost in a crash, whole or in part, until `fsync` of that name returned; that a name exists,
    is gone or means another file, until `fsync_dir` returned.
    """

    def names(self) -> Sequence[str]:
        """The names in the directory, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """All of a file."""
        ...

    def create(self, name: str, data: bytes) -> None:
        """Make a file with this content, or replace all that is in it."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """Write at the end of a file that exists."""
        ...

    def truncate(self, name: str, size: int) -> None:
        """Cut a file to `size` bytes."""
        ...

    def fsync(self, name: str) -> None:
        """Make the content of a file durable."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in one step; what had that name is gone."""
        ...

    def remove(self, name: str) -> None:
        """Remove a name."""
        ...

    def fsync_dir(self) -> None:
        """Make the names durable."""
        ...
