"""What the Raft runtime asks of the world: a disk that keeps its word, and links to the other members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dojopool.core.raft.messages import Entry, HardState, Message, Snapshot, Stored


@dataclass(frozen=True, slots=True)
class DiskWrite:
    """What one Ready wants stored, in this order: `snapshot`, `entries`, `hard_state`."""

    number: int
    """The Ready's number; writes are submitted in its order. A Ready without anything to store has none."""
    hard_state: HardState | None = None
    entries: tuple[Entry, ...] = ()
    snapshot: Snapshot | None = None
    must_sync: bool = True
    """False, when it holds no more than a newer commit index: it becomes durable with a later write, or never, and is
    not reported.
    """


class RaftStorage(Protocol):
    """The disk of one member. Whoever opened it owns its directory alone."""

    @property
    def disk_id(self) -> bytes:
        """16 random bytes, made when the directory was first used: another disk is another voter (rule D11)."""
        ...

    def recover(self) -> Stored:
        """Read what is stored; call it once, before the first write. A torn tail is cut off. Raises CorruptState naming
        file and offset, and stores nothing then.
        """
        ...

    def submit(self, write: DiskWrite) -> None:
        """Queue a write and return at once. Writes are stored in this order; those waiting together share one flush."""
        ...

    async def durable(self) -> int:
        """Wait until the highest number that is durable, with all before it, differs from what the last call returned
        (at first 0), and return it. Raises Unavailable when the disk failed: nothing can be stored any more, end the
        process.
        """
        ...

    def stalled_s(self) -> float:
        """Seconds that the oldest write not yet durable has been waiting; 0 when none is."""
        ...

    async def compact(self, snapshot: Snapshot, *, keep_from: int) -> None:
        """Keep `snapshot`, made by the application; when it is durable, forget the entries below index `keep_from`
        (at most `snapshot.index + 1`) and the snapshots before. Returns when `snapshot` is durable; a crash at any
        step leaves one of the two states.
        """
        ...


class PeerLinks(Protocol):
    """Messages to and from the other members. Best effort: a message can be lost, never altered, and arrives at most
    once per time sent; those to one member stay in order while its link is up, except that a snapshot may be
    overtaken.
    """

    def send(self, messages: Sequence[Message]) -> None:
        """Queue messages, each to the member it names, and return at once. A full queue drops them and reports the
        member as unreachable.
        """
        ...


@dataclass(frozen=True, slots=True)
class PeerEvents:
    """What links report, in the loop that runs them."""

    received: Callable[[Sequence[Message]], None]
    """Messages of one member that proved who it is."""
    unreachable: Callable[[int], None]
    snapshot_sent: Callable[[int, bool], None]
    """Member, and whether all of the snapshot reached it."""
