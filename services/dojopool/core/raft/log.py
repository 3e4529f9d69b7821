"""The log of one node: what is appended, stored, committed, handed out for applying, and applied.

    compacted | first ... applied ... applying ... committed ........... last
                                                stored ^    handed to the disk ^

The whole log since the last compaction is in memory; the disk is written and, after the start, never read. Memory is
bounded by compacting. Entries are handed out once for storing and once for applying.

Stored is an index below which this memory and the disk will agree for ever. Several writes can be under way, and a
later one may overwrite what an earlier one brings. Cutting the log back therefore also cuts what the writes under way
will count for: when they are done, they say nothing about entries that were replaced in the meantime, not even when a
third leader brought the very same entries back (rule D3).

Sizes are kept as running totals, and terms only ever grow along the log, so that cutting to a limit and comparing logs
are binary searches, however long the log is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import accumulate

from dojopool.core.raft.messages import Entry, EntryType, Snapshot, Stored
from dojopool.errors import CorruptState, LogConflict


class RaftLog:
    """See the module. Indexes are absolute; slices are half open."""

    __slots__ = (
        "_before_term",
        "_before_total",
        "_entries",
        "_handed",
        "_snapshot_handed",
        "_totals",
        "_under_way",
        "applied",
        "applying",
        "before",
        "committed",
        "pending_snapshot",
        "stored",
    )

    def __init__(self, stored: Stored, *, applied: int) -> None:
        """Raises CorruptState when `stored` contradicts itself or `applied` (rule D10)."""
        snapshot = stored.snapshot
        self.before = snapshot.index if snapshot else 0
        """Index of the last entry that is compacted away; 0 when none is."""
        self._before_term = snapshot.term if snapshot else 0
        self._entries = list(stored.entries)
        self._before_total = 0
        self._totals: list[int] = []
        """Per entry, the bytes of data of all entries up to it."""
        self._add_totals(self._entries)
        self._check(stored, applied)
        self.committed = max(stored.hard_state.commit, self.before)
        self.applied = self.applying = max(applied, self.before)
        self.stored = self._handed = self.last
        self.pending_snapshot: Snapshot | None = None
        """Taken from a leader and not yet stored: nothing is applied until it is."""
        self._snapshot_handed = False
        self._under_way: deque[list[int]] = deque()
        """Per write: its number, how far it makes the log stored, and the index of its snapshot or 0."""

    def _check(self, stored: Stored, applied: int) -> None:
        if stored.snapshot is not None and self.before == 0:
            # Newcomers hold nothing: they must be sent the first members, which a snapshot at 0 never would.
            raise CorruptState("a group begins with a snapshot at index 1 or above, found one at 0")
        for place, entry in enumerate(self._entries, self.before + 1):
            if entry.index != place:
                raise CorruptState(f"the stored log has entry {entry.index} in the place of entry {place}")
        commit = stored.hard_state.commit
        if commit > self.last or (commit < self.before and commit):
            raise CorruptState(
                f"stored commit index {commit} lies outside the stored log, {self.before} to {self.last}"
            )
        if applied > max(commit, self.before):
            raise CorruptState(f"applied index {applied} lies above the stored commit index {commit}")

    # ---- reading ---------------------------------------------------------------------------------------------------

    @property
    def first(self) -> int:
        return self.before + 1

    @property
    def last(self) -> int:
        return self.before + len(self._entries)

    @property
    def last_term(self) -> int:
        return self._entries[-1].term if self._entries else self._before_term

    def term(self, index: int) -> int | None:
        """Term of the entry at `index`; None when it is compacted away or not there. Index 0 has term 0."""
        if index == self.before:
            return self._before_term
        place = index - self.before - 1
        return self._entries[place].term if 0 <= place < len(self._entries) else None

    def matches(self, index: int, term: int) -> bool:
        return self.term(index) == term

    def slice(self, start: int, end: int, *, bytes_max: int) -> tuple[Entry, ...]:
        """Entries from `start` to before `end`, as many as fit into `bytes_max`, at least one if there is one."""
        assert start >= self.first, f"entries from {start} were asked for, the log begins at {self.first}"
        low, high = start - self.first, end - self.first
        if low >= high:
            return ()
        fitting = bisect_right(self._totals, self._total(start - 1) + bytes_max, low, high)
        return tuple(self._entries[low : max(fitting, low + 1)])

    def payload_bytes(self, start: int, end: int) -> int:
        """Bytes of data in the entries from `start` to before `end`."""
        return self._total(end - 1) - self._total(start - 1)

    def _total(self, index: int) -> int:
        return self._totals[index - self.first] if index > self.before else self._before_total

    def is_up_to_date(self, index: int, term: int) -> bool:
        """Whether a log that ends in (`term`, `index`) is at least as new as this one (rule E3)."""
        return (term, index) >= (self.last_term, self.last)

    def last_not_after(self, index: int, term: int) -> tuple[int, int]:
        """The greatest (index, term) at or below `index` whose term is at most `term`: where two logs can still match.

        At the compacted end, its index and term.
        """
        index = max(self.before, min(index, self.last))
        index = self.before + bisect_right(self._entries, term, hi=index - self.before, key=_term_of)
        return index, self.term(index) or 0

    def has_conf_change(self, start: int, end: int) -> bool:
        """Whether an entry from `start` to before `end` changes the members."""
        low = max(start, self.first) - self.first
        return any(entry.type is not EntryType.NORMAL for entry in self._entries[low : end - self.first])

    # ---- appending ------------------------------------------------------------------------------------------------

    def append(self, entries: Sequence[Entry]) -> None:
        """Put `entries` behind the last one."""
        assert entries[0].index == self.last + 1, "an entry is appended behind the last one"
        self._extend(entries)

    def _extend(self, entries: Sequence[Entry]) -> None:
        self._add_totals(entries)
        self._entries += entries

    def _add_totals(self, entries: Sequence[Entry]) -> None:
        sizes = [len(entry.data) for entry in entries]
        if sizes:
            sizes[0] += self._totals[-1] if self._totals else self._before_total
            self._totals += accumulate(sizes)

    def merge(self, index: int, term: int, entries: Sequence[Entry]) -> int | None:
        """Append what follows the entry (`index`, `term`) and is not there yet; the index of the last of `entries`
        then, or None when there is no such entry.

        Cuts the log back only from the first entry that differs (rule L2). Raises LogConflict when that one is
        committed (rule L3), and when `entries` has holes (rule L1).
        """
        if not self.matches(index, term):
            return None
        places = range(index + 1, index + 1 + len(entries))
        if [entry.index for entry in entries] != list(places):
            wrong, place = next(
                (entry.index, place) for entry, place in zip(entries, places, strict=True) if entry.index != place
            )
            raise LogConflict(f"entries behind {index} were offered with {wrong} in the place of {place}")
        # Logs that differ at one index differ at all after it.
        held = range(min(len(entries), self.last - index))
        new = bisect_left(held, True, key=lambda place: not self.matches(entries[place].index, entries[place].term))
        if new < len(entries):
            self._cut_from(entries[new].index, by=entries[new])
            self._extend(entries[new:])
        return index + len(entries)

    def check_committed(self, index: int, term: int, entries: Sequence[Entry]) -> None:
        """Raise LogConflict when a leader's log, (`index`, `term`) and `entries` behind it, is not what is committed
        here (rule L3). The last of them that is committed here speaks for all before it.
        """
        shared = min(self.committed, index + len(entries))
        offered = entries[shared - index - 1].term if shared > index else term
        held = self.term(shared)
        if held is not None and held != offered:
            raise LogConflict(
                f"a leader's entry {shared} is of term {offered}, the one of term {held} is committed here (commit"
                f" index {self.committed}): stop this node and keep its files"
            )

    def _cut_from(self, index: int, *, by: Entry) -> None:
        if index > self.last:
            return
        if index <= self.committed:
            raise LogConflict(
                f"a leader of term {by.term} offers another entry {index} than the one of term {self.term(index)} that"
                f" is committed here (commit index {self.committed}): stop this node and keep its files"
            )
        del self._entries[index - self.first :], self._totals[index - self.first :]
        self._forget_from(index)

    def _forget_from(self, index: int) -> None:
        self.stored = min(self.stored, index - 1)
        self._handed = min(self._handed, index - 1)
        for write in self._under_way:
            write[1] = min(write[1], index - 1)

    # ---- committing, storing, applying -------------------------------------------------------------------------------

    def commit_to(self, index: int) -> None:
        """Everything up to `index` is committed; lower than before says nothing (rule L4)."""
        if index > self.last:
            raise LogConflict(
                f"a leader says that {index} is committed, and that this node has it; its log ends at {self.last}: its"
                " disk lost what it had acknowledged. Remove the member and add it again under a new id"
            )
        self.committed = max(self.committed, index)

    def unhanded(self) -> tuple[Entry, ...]:
        """Entries that were not handed to the disk."""
        return tuple(self._entries[self._handed - self.before :]) if self._handed < self.last else ()

    def unhanded_snapshot(self) -> Snapshot | None:
        return None if self._snapshot_handed else self.pending_snapshot

    @property
    def has_unhanded(self) -> bool:
        return self._handed < self.last or (self.pending_snapshot is not None and not self._snapshot_handed)

    def hand_out(self, number: int) -> None:
        """What is not handed to the disk goes there as write `number`."""
        snapshot = self.unhanded_snapshot()
        self._under_way.append([number, self.last, snapshot.index if snapshot else 0])
        self._handed = self.last
        self._snapshot_handed = self.pending_snapshot is not None

    def written(self, number: int) -> bool:
        """The writes up to `number` are durable; whether the pending snapshot is among them."""
        is_installed = False
        while self._under_way and self._under_way[0][0] <= number:
            _, stored, snapshot = self._under_way.popleft()
            self.stored = max(self.stored, min(stored, self.last), snapshot)
            if self.pending_snapshot is not None and snapshot == self.pending_snapshot.index:
                self.applied = self.applying = max(self.applied, snapshot)
                self.pending_snapshot, self._snapshot_handed = None, False
                is_installed = True
        return is_installed

    @property
    def has_appliable(self) -> bool:
        return self.pending_snapshot is None and self.applying < self.committed

    def appliable(self, *, bytes_max: int) -> tuple[Entry, ...]:
        """Committed entries not yet handed out for applying; none while a snapshot is not stored (rule S5)."""
        return self.slice(self.applying + 1, self.committed + 1, bytes_max=bytes_max) if self.has_appliable else ()

    def applied_to(self, index: int) -> None:
        """The application has applied everything up to `index`."""
        assert self.applied <= index <= self.committed, f"applied {index}, between {self.applied} and {self.committed}"
        self.applied, self.applying = index, max(self.applying, index)

    # ---- snapshots ------------------------------------------------------------------------------------------------

    def restore(self, snapshot: Snapshot) -> None:
        """Replace the whole log, also entries above the snapshot's (rule S3)."""
        assert snapshot.index > self.committed, "a snapshot never takes back what is committed"
        self._forget_from(self.committed + 1)
        self._entries.clear()
        self._totals.clear()
        self._before_total = 0
        self.before, self._before_term = snapshot.index, snapshot.term
        self.committed = self._handed = snapshot.index
        self.pending_snapshot, self._snapshot_handed = snapshot, False

    def compact_to(self, index: int) -> None:
        """Forget entries up to `index`, which are applied."""
        assert index <= self.applied, "only what is applied is compacted"
        if index > self.before:
            term = self.term(index)
            assert term is not None
            self._before_total = self._total(index)
            del self._entries[: index - self.before], self._totals[: index - self.before]
            self.before, self._before_term = index, term


def _term_of(entry: Entry) -> int:
    return entry.term
