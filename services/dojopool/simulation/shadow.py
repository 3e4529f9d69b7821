"""A member's log as it told it: which term each index has. Kept beside the member, from what it gave to be stored."""

from __future__ import annotations

from dataclasses import dataclass, field

from dojopool.core.raft.messages import Entry, HardState, Snapshot, Stored
from dojopool.raft_ports import DiskWrite


@dataclass(slots=True)
class Shadow:
    """Terms of a log behind a snapshot, and the hard state beside it."""

    base: int = 0
    base_term: int = 0
    terms: list[int] = field(default_factory=list)
    """Of the entries base + 1 and on."""
    hard_state: HardState = field(default_factory=HardState)

    @property
    def last(self) -> int:
        """Index of the last entry."""
        return self.base + len(self.terms)

    def term(self, index: int) -> int | None:
        """Of the entry at an index; None when it is not there, or below the snapshot."""
        if index == self.base:
            return self.base_term
        return self.terms[index - self.base - 1] if self.base < index <= self.last else None

    def holds(self, index: int, term: int) -> bool:
        """Whether the entry is there, itself or as part of the snapshot."""
        return index < self.base or self.term(index) == term

    def restore(self, snapshot: Snapshot) -> None:
        """A snapshot replaces the log."""
        self.base, self.base_term, self.terms = snapshot.index, snapshot.term, []

    def append(self, entries: tuple[Entry, ...]) -> None:
        """Entries replace what is at or above the first of them."""
        first = entries[0].index
        assert self.base < first <= self.last + 1
        del self.terms[first - self.base - 1 :]
        self.terms.extend([entry.term for entry in entries])

    def store(self, write: DiskWrite) -> None:
        """What one write does."""
        if write.snapshot is not None:
            self.restore(write.snapshot)
        if write.entries:
            self.append(write.entries)
        if write.hard_state is not None:
            self.hard_state = write.hard_state

    def copy(self) -> Shadow:
        """One that changes by itself."""
        return Shadow(self.base, self.base_term, self.terms.copy(), self.hard_state)

    def is_told_by(self, stored: Stored) -> bool:
        """Whether a disk that says this holds the same log, or the same one with a later snapshot in place of a
        beginning of it.
        """
        snapshot = stored.snapshot
        base, base_term = (snapshot.index, snapshot.term) if snapshot else (0, 0)
        if base < self.base or base > self.last or self.term(base) != base_term:
            return False
        kept = self.terms[base - self.base :]
        state = stored.hard_state
        return [entry.term for entry in stored.entries] == kept and (state.term, state.vote) == (
            self.hard_state.term,
            self.hard_state.vote,
        )


def shadow_of(stored: Stored) -> Shadow:
    """The shadow of what a disk holds."""
    found = Shadow(hard_state=stored.hard_state)
    if stored.snapshot is not None:
        found.restore(stored.snapshot)
    if stored.entries:
        found.append(stored.entries)
    return found
