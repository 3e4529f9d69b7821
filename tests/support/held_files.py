"""Files of a Raft member whose flushes can be held up, or made to fail."""

from __future__ import annotations

import threading
from pathlib import Path

from dojopool.adapters.raft_files import OsFiles

HELD_S_MAX = 60.0
"""A test that forgets to let go fails by this instead of hanging."""


class HeldFiles(OsFiles):
    """A directory on disk; while `flowing` is not set, every flush waits for it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.flowing = threading.Event()
        self.flowing.set()
        self.failure: OSError | None = None
        self.flushes = 0

    def fsync(self, name: str) -> None:
        """Wait, or fail, or flush."""
        assert self.flowing.wait(HELD_S_MAX), "nobody let the flush go"
        if self.failure is not None:
            raise self.failure
        super().fsync(name)
        self.flushes += 1
