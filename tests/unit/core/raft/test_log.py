"""One node's log: what is held, stored, committed and handed out."""

from __future__ import annotations

from random import Random

import pytest

from dojopool.core.raft.log import RaftLog
from dojopool.core.raft.messages import ConfState, Entry, EntryType, HardState, Snapshot, Stored
from dojopool.errors import CorruptState, LogConflict

MEMBERS = ConfState(voters=(1, 2, 3))


def entries(first: int, *terms: int, data: bytes = b"") -> tuple[Entry, ...]:
    """Entries from index `first` on."""
    return tuple(Entry(term, index, data=data) for index, term in enumerate(terms, first))


def log_of(*terms: int, before: tuple[int, int] = (0, 0), commit: int = 0, applied: int = 0) -> RaftLog:
    """A log whose entries follow `before`, all of it stored."""
    snapshot = Snapshot(*before, MEMBERS) if before[0] else None
    return RaftLog(Stored(HardState(9, 0, commit), snapshot, entries(before[0] + 1, *terms)), applied=applied)


def held(log: RaftLog) -> list[int]:
    """The terms of the entries in memory."""
    return [entry.term for entry in log.slice(log.first, log.last + 1, bytes_max=1 << 40)]


@pytest.mark.parametrize(
    ("stored", "applied", "why"),
    [
        (Stored(HardState(1, 0, 3), None, entries(1, 1, 1)), 0, "commit index 3 lies outside"),
        (Stored(HardState(1, 0, 4), Snapshot(5, 1, MEMBERS)), 0, "commit index 4 lies outside"),
        (Stored(HardState(1, 0, 1), None, entries(1, 1, 1)), 2, "applied index 2 lies above"),
        (Stored(HardState(1), None, entries(2, 1)), 0, "entry 2 in the place of entry 1"),
        (Stored(HardState(1), None, (*entries(1, 1), *entries(3, 1))), 0, "entry 3 in the place of entry 2"),
        (Stored(HardState(1), Snapshot(0, 0, MEMBERS)), 0, "begins with a snapshot at index 1"),
    ],
)
def test_d10_what_contradicts_itself_is_refused(stored: Stored, applied: int, why: str) -> None:
    """D10: no node starts from a log that nobody can have left behind."""
    with pytest.raises(CorruptState, match=why):
        RaftLog(stored, applied=applied)


def test_terms_are_known_from_the_compacted_end_to_the_last() -> None:
    """What was compacted away has no term, nor has what is not there yet."""
    log = log_of(3, 4, before=(5, 2), commit=5)

    assert [log.term(index) for index in (4, 5, 6, 7, 8)] == [None, 2, 3, 4, None]
    assert (log.first, log.last, log.last_term) == (6, 7, 4)


@pytest.mark.parametrize(("limit", "count"), [(0, 1), (9, 1), (10, 1), (19, 1), (20, 2), (29, 2), (30, 3), (99, 3)])
def test_l19_a_slice_is_cut_at_the_limit_but_never_empty(limit: int, count: int) -> None:
    """L19: one entry goes however large it is."""
    log = log_of()
    log.append(entries(1, 1, 1, 1, 1, data=b"x" * 10))

    assert count == len(log.slice(2, 5, bytes_max=limit))
    assert log.slice(5, 5, bytes_max=limit) == ()


@pytest.mark.parametrize(
    ("index", "term", "expected"),
    [(9, 9, (8, 6)), (8, 5, (7, 4)), (6, 6, (6, 4)), (8, 3, (5, 3)), (8, 1, (3, 2)), (2, 9, (3, 2))],
)
def test_l15_a_hint_skips_whole_terms(index: int, term: int, expected: tuple[int, int]) -> None:
    """L15: the last entry that is not after (index, term), at most down to the compacted end."""
    assert expected == log_of(3, 3, 4, 4, 6, before=(3, 2), commit=3).last_not_after(index, term)


def test_l2_what_is_there_is_not_cut() -> None:
    """L2: an older append changes nothing."""
    log = log_of(1, 1, 2, 2)

    assert log.merge(1, 1, entries(2, 1, 2)) == 3
    assert held(log) == [1, 1, 2, 2]


def test_l2_the_log_is_cut_where_it_differs() -> None:
    """L2: what goes before the conflict stays, what follows it goes."""
    log = log_of(1, 1, 2, 2)

    assert log.merge(1, 1, entries(2, 1, 3)) == 3
    assert held(log) == [1, 1, 3]
    assert log.stored == 2


def test_l3_what_is_committed_is_never_cut() -> None:
    """L3: a leader that contradicts it stops this node."""
    log = log_of(1, 1, commit=2)

    with pytest.raises(LogConflict, match="commit index 2"):
        log.merge(1, 1, entries(2, 3))
    assert held(log) == [1, 1]


def test_l1_holes_are_refused_before_anything_changes() -> None:
    """L1: neither holes nor repetitions are taken."""
    log = log_of(1, 1)
    for wrong in ((*entries(3, 2), *entries(5, 2)), entries(4, 2), entries(3, 2) * 2):
        with pytest.raises(LogConflict, match="in the place of"):
            log.merge(2, 1, wrong)

    assert held(log) == [1, 1]


def test_what_does_not_follow_is_not_taken() -> None:
    """Without the entry before, there is no place for those behind it."""
    log = log_of(1, 1)

    assert log.merge(2, 5, entries(3, 5)) is None
    assert log.merge(7, 1, ()) is None


def test_l4_a_commit_index_beyond_the_log_is_refused() -> None:
    """A leader never says that before this node acknowledged so much: its disk lost something."""
    log = log_of(1, 1)
    log.commit_to(2)
    log.commit_to(1)
    assert log.committed == 2

    with pytest.raises(LogConflict, match="ends at 2"):
        log.commit_to(3)


def test_d3_a_late_write_proves_nothing_about_what_replaced_it() -> None:
    """D3: not even when a third leader brings the very same entry back."""
    log = log_of(1)
    log.merge(1, 1, entries(2, 1))
    log.hand_out(1)
    log.merge(1, 1, entries(2, 3))
    log.hand_out(2)
    log.merge(1, 1, entries(2, 1))
    log.hand_out(3)

    stored = []
    for number in (1, 2, 3):
        log.written(number)
        stored.append(log.stored)
    assert stored == [1, 1, 2]


def test_d3_writes_that_complete_together_count_together() -> None:
    """D3: the newest number stands for all before it, and an older one afterwards says nothing."""
    log = log_of()
    for number in (1, 2):
        log.append(entries(number, 1))
        log.hand_out(number)
    log.written(2)
    log.written(1)

    assert log.stored == 2


def test_entries_are_handed_out_once() -> None:
    """Once for storing, once for applying."""
    log = log_of()
    log.append(entries(1, 1, 1))
    assert entries(1, 1, 1) == log.unhanded()
    log.hand_out(1)
    assert (log.has_unhanded, log.unhanded()) == (False, ())
    log.commit_to(1)
    assert entries(1, 1) == log.appliable(bytes_max=99)
    log.applying = 1

    assert (log.has_appliable, log.appliable(bytes_max=99)) == (False, ())


def test_s5_nothing_is_applied_beside_a_snapshot() -> None:
    """S5: until it is stored, and then from behind it."""
    log = log_of(1, 1, commit=2)
    log.restore(Snapshot(5, 2, MEMBERS))
    log.merge(5, 2, entries(6, 2))
    log.commit_to(6)
    assert not log.has_appliable
    log.hand_out(1)
    log.written(1)

    assert (log.applied, log.stored - 1) == (5, 5)
    assert entries(6, 2) == log.appliable(bytes_max=99)


def test_s5_a_second_snapshot_waits_for_its_own_write() -> None:
    """S5: that the first was stored frees nothing."""
    log = log_of()
    log.restore(Snapshot(5, 2, MEMBERS))
    log.hand_out(1)
    log.restore(Snapshot(9, 2, MEMBERS))
    log.hand_out(2)
    log.written(1)
    assert (log.pending_snapshot is not None, log.applied) == (True, 0)
    log.written(2)

    assert (log.pending_snapshot, log.applied) == (None, 9)


def test_s3_a_snapshot_replaces_the_whole_log() -> None:
    """S3: also entries above its index."""
    log = log_of(1, 1, 1, 1)
    log.restore(Snapshot(2, 2, MEMBERS))

    assert (log.last, log.last_term, held(log)) == (2, 2, [])


def test_s9_only_what_is_applied_is_forgotten() -> None:
    """S9: compaction is bounded by what is applied."""
    log = log_of(1, 2, 3, commit=3, applied=2)
    log.compact_to(2)
    assert (log.before, held(log), log.term(2)) == (2, [3], 2)

    with pytest.raises(AssertionError, match="applied"):
        log.compact_to(3)


def test_e15_changes_of_members_are_found_where_they_wait() -> None:
    """E15: between two indexes, and not before what is held."""
    log = log_of()
    log.append([Entry(1, 1), Entry(1, 2, EntryType.CONF_CHANGE), Entry(1, 3)])

    assert [log.has_conf_change(1, 4), log.has_conf_change(3, 4), log.has_conf_change(1, 2)] == [True, False, False]


def test_sizes_follow_every_change_of_the_log() -> None:
    """Limits are counted right however the log was appended to, cut and compacted."""
    for seed in range(200):
        rng = Random(seed)
        log, term = log_of(), 1
        for _ in range(30):
            term += rng.randrange(2)
            before = rng.randint(log.committed, log.last)
            new = [Entry(term, before + n, data=bytes(rng.randrange(9))) for n in range(1, rng.randrange(5))]
            assert log.merge(before, log.term(before) or 0, new) == before + len(new), seed
            log.commit_to(rng.randint(log.committed, log.last))
            log.applied_to(rng.randint(log.applied, log.committed))
            if rng.random() < 0.2:
                log.compact_to(log.applied)
            low, limit = rng.randint(log.first, log.last + 1), rng.randrange(30)
            every = log.slice(low, log.last + 1, bytes_max=1 << 40)
            fitting = [n for n in range(1, len(every) + 1) if sum(len(one.data) for one in every[:n]) <= limit]

            assert log.payload_bytes(low, log.last + 1) == sum(len(one.data) for one in every), seed
            assert every[: max([*fitting, 1])] == log.slice(low, log.last + 1, bytes_max=limit), seed
