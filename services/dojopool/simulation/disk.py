"""A directory whose files lose in a crash what was not synced: `raft_directory.Files`, in memory.

What is written and what is synced are kept apart, for the content of each file and for the names. A crash keeps all
that was synced, and of the rest what the given chance picks: a prefix, or, torn, any subset of its sectors, with bits
flipped, and any subset of the changes of names. That is all that a file system is allowed to do, and nothing else.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

SECTOR_BYTES: Final = 64
"""What survives as a whole. Smaller than any disk's, so that small writes tear too."""

Names = dict[str, "_File"]


@dataclass(slots=True, eq=False)
class _File:
    content: bytearray = field(default_factory=bytearray)
    synced: int = 0
    """So many bytes at the beginning are durable, unless `before` is what survives."""
    before: bytes | None = None
    """What was durable before it was cut or replaced."""


class PowerLost(Exception):
    """The machine died in the middle of using its disk. Nothing catches it but who simulates the machine."""


class SimulatedFiles:
    """The files of one member. What was opened before a crash is not to be used after it."""

    def __init__(self) -> None:
        self._names: Names = {}
        self._synced_names: Names = {}
        self._changes: list[Callable[[Names], None]] = []
        """Of names, since they were synced."""
        self.is_full = False
        """Writes fail for lack of room."""
        self.syncs_fail = False
        """Syncs fail, and nobody knows what reached the medium."""
        self.calls_left: int | None = None
        """So many changes are still made before the power is lost; None: it is not."""

    # ---- Files -----------------------------------------------------------------------------------------------------

    def names(self) -> Sequence[str]:
        """See `Files`."""
        return sorted(self._names)

    def read(self, name: str) -> bytes:
        """See `Files`."""
        return bytes(self._file(name).content)

    def create(self, name: str, data: bytes) -> None:
        """See `Files`."""
        if name in self._names:
            self.truncate(name, 0)
        else:
            new = _File()
            self._change(lambda names: names.__setitem__(name, new))
        self.append(name, data)

    def append(self, name: str, data: bytes) -> None:
        """See `Files`."""
        self._call()
        file = self._file(name)
        if self.is_full:
            file.content += data[: len(data) // 2]
            raise OSError(errno.ENOSPC, "no room is left", name)
        file.content += data

    def truncate(self, name: str, size: int) -> None:
        """See `Files`."""
        self._call()
        file = self._file(name)
        if size < file.synced:
            if file.before is None:
                file.before = bytes(file.content[: file.synced])
            file.synced = size
        del file.content[size:]

    def fsync(self, name: str) -> None:
        """See `Files`."""
        self._sync()
        file = self._file(name)
        file.synced, file.before = len(file.content), None

    def rename(self, old: str, new: str) -> None:
        """See `Files`."""
        file = self._file(old)

        def change(names: Names) -> None:
            if names.get(old) is file:
                del names[old]
            names[new] = file

        self._change(change)

    def remove(self, name: str) -> None:
        """See `Files`."""
        file = self._file(name)

        def change(names: Names) -> None:
            if names.get(name) is file:
                del names[name]

        self._change(change)

    def fsync_dir(self) -> None:
        """See `Files`."""
        self._sync()
        self._synced_names = dict(self._names)
        self._changes.clear()

    # ---- faults ----------------------------------------------------------------------------------------------------

    def crash(self, random: Random, *, torn: bool) -> None:
        """Lose what a crash may lose; what is left is durable. Room and working syncs come back."""
        names = dict(self._synced_names)
        survivors = random.randint(0, len(self._changes))
        for place, change in enumerate(self._changes):
            if place < survivors or (torn and random.random() < 0.5):
                change(names)
        for name in sorted(names):
            file = names[name]
            file.content = bytearray(_surviving(file, random, torn=torn))
            file.synced, file.before = len(file.content), None
        self._names, self._synced_names, self._changes = names, dict(names), []
        self.is_full = self.syncs_fail = False
        self.calls_left = None

    def _call(self) -> None:
        """One change begins."""
        if self.calls_left is not None:
            if self.calls_left == 0:
                raise PowerLost
            self.calls_left -= 1

    def _sync(self) -> None:
        self._call()
        if self.syncs_fail:
            raise OSError(errno.EIO, "the disk failed")

    def _change(self, change: Callable[[Names], None]) -> None:
        self._call()
        change(self._names)
        self._changes.append(change)

    def _file(self, name: str) -> _File:
        try:
            return self._names[name]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, "no such file", name) from None


def _surviving(file: _File, random: Random, *, torn: bool) -> bytes:
    if file.before is not None and random.random() < 0.5:
        return file.before
    synced = bytes(file.content[: file.synced])
    unsure = bytearray(file.content[file.synced :])
    if not unsure:
        return synced
    if not torn or random.random() < 0.5:
        del unsure[random.randint(0, len(unsure)) :]
    if torn:
        for start in range(0, len(unsure), SECTOR_BYTES):
            fate = random.random()
            end = min(start + SECTOR_BYTES, len(unsure))
            if fate < 0.3:
                unsure[start:end] = bytes(end - start)
            elif fate < 0.4:
                unsure[random.randrange(start, end)] ^= 1 << random.randrange(8)
    return synced + bytes(unsure)
