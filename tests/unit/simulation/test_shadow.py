"""Shadows of logs."""

from __future__ import annotations

from dojopool.core.raft.messages import ConfState, Entry, HardState, Snapshot, Stored
from dojopool.raft_ports import DiskWrite
from dojopool.simulation.shadow import Shadow, shadow_of


def snapshot(index: int, term: int) -> Snapshot:
    """One of some state."""
    return Snapshot(index, term, ConfState(voters=(1,)))


def test_entries_replace_what_is_above() -> None:
    """An append cuts off whatever is at or above its first entry."""
    log = Shadow(base=1, base_term=1, terms=[1, 1, 1])
    log.append((Entry(2, 3), Entry(2, 4)))

    assert (log.last, log.terms) == (4, [1, 2, 2])
    assert (log.term(1), log.term(3), log.term(5), log.term(0)) == (1, 2, None, None)
    assert log.holds(0, 9)
    assert not log.holds(3, 1)


def test_a_write_is_stored_in_its_order() -> None:
    """Snapshot, then entries, then hard state."""
    log = Shadow(terms=[1, 1])
    log.store(DiskWrite(1, HardState(3, 1, 5), (Entry(3, 6),), snapshot(5, 2)))

    assert (log.base, log.terms, log.hard_state.term) == (5, [3], 3)
    copy = log.copy()
    copy.append((Entry(4, 6),))
    assert log.terms == [3]


def test_a_disk_tells_a_log_also_with_a_later_snapshot() -> None:
    """Compaction puts a snapshot in place of the beginning; all else must be there, term and vote included."""
    log = Shadow(base=1, base_term=1, terms=[1, 2], hard_state=HardState(2, 1, 1))

    def told(base: Snapshot, entries: tuple[Entry, ...], term: int = 2, vote: int = 1) -> bool:
        return log.is_told_by(Stored(HardState(term, vote, 3), base, entries))

    assert told(snapshot(1, 1), (Entry(1, 2), Entry(2, 3)))
    assert told(snapshot(2, 1), (Entry(2, 3),))
    assert told(snapshot(3, 2), ())
    assert not told(snapshot(1, 1), (Entry(1, 2),))
    assert not told(snapshot(2, 2), (Entry(2, 3),))
    assert not told(snapshot(4, 2), ())
    assert not told(snapshot(3, 2), (), vote=2)
    assert not told(snapshot(3, 2), (), term=1)


def test_the_shadow_of_a_disk_is_told_by_it() -> None:
    """It holds what the disk holds."""
    stored = Stored(HardState(2, 1, 1), snapshot(1, 1), (Entry(1, 2), Entry(2, 3)))

    assert shadow_of(stored).is_told_by(stored)
    assert shadow_of(Stored()).is_told_by(Stored())
