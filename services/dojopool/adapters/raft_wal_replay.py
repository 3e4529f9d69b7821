"""What the frames of a log say when they are read in order: the state of a Raft member at its last flush.

The stream is replayed as it was written, and only then is what lies below the snapshot cut off. An entry therefore
drops everything at or above its index even when it lies below the snapshot itself: to skip it would leave the tail
that it overwrote (etcd#22442).
"""

from __future__ import annotations

from itertools import pairwise

from dojopool.adapters.raft_wal_form import COMPACTED, ENTRIES, HARD_STATE, INSTALLED, Pointer, items
from dojopool.codec.raft_wire import decode_entries, decode_hard_state
from dojopool.core.raft.messages import Entry, HardState
from dojopool.errors import RefusedRecord


class Replay:
    """Takes payloads in order. Methods raise ValueError that says what cannot be."""

    def __init__(self) -> None:
        self.pointer: Pointer | None = None
        self.hard_state: HardState | None = None
        self._entries: list[Entry] = []

    def take(self, payload: bytes) -> int:
        """Apply one payload; returns the highest index of an entry in it, 0 without one."""
        highest = 0
        try:
            for kind, body in items(payload):
                if kind == ENTRIES:
                    entries = decode_entries(body)
                    self._append(entries)
                    highest = max(highest, entries[-1].index)
                elif kind == HARD_STATE:
                    self._remember(decode_hard_state(body))
                elif kind in (INSTALLED, COMPACTED):
                    self.pointer = Pointer.decode(body)
                    if kind == INSTALLED:
                        self._entries.clear()
                else:
                    raise ValueError(f"an item of kind {kind}, which is not known here")
        except RefusedRecord as error:
            raise ValueError(str(error)) from error
        return highest

    def _append(self, entries: tuple[Entry, ...]) -> None:
        if not entries:
            raise ValueError("an item of no entries")
        if any(latter.index != former.index + 1 for former, latter in pairwise(entries)):
            raise ValueError(f"the entries from {entries[0].index} have a hole")
        known = self._entries
        if known:
            if entries[0].index > known[-1].index + 1:
                raise ValueError(f"entry {entries[0].index} follows entry {known[-1].index}")
            del known[max(0, entries[0].index - known[0].index) :]
        known.extend(entries)

    def _remember(self, state: HardState) -> None:
        before = self.hard_state or HardState()
        if state.term < before.term:
            raise ValueError(f"term {state.term} follows term {before.term}")
        if state.term == before.term and before.vote not in (0, state.vote):
            raise ValueError(f"a vote for {state.vote} follows one for {before.vote} in term {state.term}")
        self.hard_state = state

    def result(self) -> tuple[HardState, tuple[Entry, ...]]:
        """The hard state and the entries above the snapshot. Raises ValueError when they contradict each other."""
        base, base_term = (self.pointer.index, self.pointer.term) if self.pointer else (0, 0)
        entries = tuple(entry for entry in self._entries if entry.index > base)
        if entries and entries[0].index != base + 1:
            raise ValueError(f"the entries {base + 1} to {entries[0].index - 1} are missing")
        last, last_term = (entries[-1].index, entries[-1].term) if entries else (base, base_term)
        state = self.hard_state or HardState()
        if state == HardState():  # only the first snapshot of a new group comes without one
            state = HardState(term=base_term, commit=base)
        if state.term < last_term:
            raise ValueError(f"entry {last} has term {last_term}, the stored term is {state.term}")
        if state.commit > last:
            raise ValueError(f"entry {state.commit} is said to be committed, the last one is {last}")
        return HardState(state.term, state.vote, max(state.commit, base)), entries
