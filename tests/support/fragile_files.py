"""A directory in memory that keeps apart what was written and what is durable, and can crash at any step.

A crash keeps of every file what was flushed and, of what came after, whatever the dice say: nothing, a beginning, all
of it with holes, or all. Of the names it keeps those made durable, and of the changes since any selection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random


class Crash(Exception):
    """The machine stopped."""


@dataclass
class Inode:
    """One file, whatever its name."""

    data: bytes = b""
    durable: bytes = b""


@dataclass
class FragileFiles:
    """`raft_directory.Files` with a countdown to a crash or to an error."""

    current: dict[str, Inode] = field(default_factory=dict)
    durable: dict[str, Inode] = field(default_factory=dict)
    changes: list[dict[str, Inode | None]] = field(default_factory=list)
    """Changes of names that are not durable; None: the name is gone."""
    steps: int = 0
    """Steps done."""
    stop_at: int | None = None
    """The step that does not happen."""
    stop_with: Exception = field(default_factory=Crash)
    fsyncs: int = 0

    def names(self) -> Sequence[str]:
        return sorted(self.current)

    def read(self, name: str) -> bytes:
        return self.current[name].data

    def create(self, name: str, data: bytes) -> None:
        self._step()
        self._change({name: Inode(data)})

    def append(self, name: str, data: bytes) -> None:
        self._step()
        self.current[name].data += data

    def truncate(self, name: str, size: int) -> None:
        self._step()
        self.current[name].data = self.current[name].data[:size]

    def fsync(self, name: str) -> None:
        self._step()
        self.fsyncs += 1
        self.current[name].durable = self.current[name].data

    def rename(self, old: str, new: str) -> None:
        self._step()
        self._change({old: None, new: self.current[old]})

    def remove(self, name: str) -> None:
        self._step()
        if name not in self.current:
            raise FileNotFoundError(name)
        self._change({name: None})

    def fsync_dir(self) -> None:
        self._step()
        self.durable, self.changes = dict(self.current), []

    def _step(self) -> None:
        if self.steps == self.stop_at:
            raise self.stop_with
        self.steps += 1

    def _change(self, change: dict[str, Inode | None]) -> None:
        self.changes.append(change)
        _apply(self.current, change)

    def after_crash(self, dice: Random) -> FragileFiles:
        """The directory as it may be found after the machine stopped now."""
        found = dict(self.durable)
        chance = dice.choice((0, 0.5, 1))
        for change in self.changes:
            if dice.random() < chance:
                _apply(found, change)
        kept = {id(inode): _survivor(inode, dice) for inode in found.values()}
        names = {name: Inode(kept[id(inode)], kept[id(inode)]) for name, inode in found.items()}
        return FragileFiles(current=names, durable=dict(names))

    def copy(self) -> FragileFiles:
        """The same directory, all of it durable."""
        names = {name: Inode(inode.data, inode.data) for name, inode in self.current.items()}
        return FragileFiles(current=names, durable=dict(names))


def _apply(names: dict[str, Inode], change: dict[str, Inode | None]) -> None:
    for name, inode in change.items():
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode


def _survivor(inode: Inode, dice: Random) -> bytes:
    """What is left of a file: no byte that was flushed is changed, unless it was cut off since."""
    if not inode.data.startswith(inode.durable):
        return dice.choice((inode.data, inode.durable))
    rest = inode.data[len(inode.durable) :]
    fate = dice.choice(("nothing", "a beginning", "holes", "noise", "all"))
    if fate == "nothing" or not rest:
        return inode.durable
    if fate == "a beginning":
        return inode.durable + rest[: dice.randrange(len(rest))]
    if fate == "all":
        return inode.durable + rest
    noise = bytes(len(rest)) if fate == "holes" else dice.randbytes(len(rest))
    return inode.durable + bytes(dice.choice(pair) for pair in zip(rest, noise, strict=True))
