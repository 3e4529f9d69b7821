"""Which matches of a partition are in memory: those that are written now, and no more than a limit.

A match stays in the store after it has ended, and a partition may hold more of them than memory does. So the matches
that were not written for the longest time are forgotten, and one that is written again is loaded before its events are
folded. Nothing but that decides correctness: what is folded on top of a state that was out of date is refused by the
store, whose positions are then not the ones expected.

A match is kept while a batch with its last change is on its way, and while anything waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dojopool.core.fold import Fold
from dojopool.core.names import match_fault
from dojopool.core.record import Record

MATCHES_MAX = 50_000
"""Matches of one partition in memory, about 200 MB of live league matches. Tests lower it."""

ROOM_SHARE = 0.1
"""Of the limit, made free at a time."""


class MatchCache:
    """The order in which a fold's matches were written. Owned by the task that feeds the fold."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._written: dict[str, int] = {}
        """Match -> number of the batch with its last change, in rising order of that."""
        self._has_forgotten = False

    def note_written(self, matches: Iterable[str], *, batch: int) -> None:
        """These matches changed in the batch of this number, which is at least that of the last call."""
        for match in matches:
            self._written.pop(match, None)
            self._written[match] = batch

    def shrink(self, *, stored: int) -> None:
        """Forget the matches that were not written for longest when there are too many; `stored` is the number of the
        last batch that the store has.
        """
        if len(self._fold.matches) <= MATCHES_MAX:
            return
        wanted = len(self._fold.matches) - int(MATCHES_MAX * (1 - ROOM_SHARE))
        for match, batch in list(self._written.items()):
            if batch > stored or wanted == 0:
                break
            if self._fold.forget(match):
                del self._written[match]
                self._has_forgotten = True
                wanted -= 1

    def absent(self, pieces: Iterable[Sequence[Record]]) -> list[str]:
        """The matches that the keys of these records name and that are not in memory, though they may be stored."""
        if not self._has_forgotten:
            return []
        keys = {record.key for records in pieces for record in records if record.key is not None}
        named = {key.decode(errors="replace") for key in keys} - self._fold.matches.keys()
        return sorted(name for name in named if match_fault(name) is None)

    def load(self, states: Iterable[tuple[str, bytes]]) -> None:
        """Take matches into memory as they are stored. Raises CorruptState."""
        for match, state in states:
            self._fold.load(match, state)
            self._written[match] = 0
