"""A log says what its frames say in the order in which they were written."""

from __future__ import annotations

import pytest

from dojopool.adapters.raft_wal_form import COMPACTED, INSTALLED, Pointer, entries_item, hard_state_item, item
from dojopool.adapters.raft_wal_replay import Replay
from dojopool.core.raft.messages import HardState
from support.raft_disks import entries

POINTER = Pointer(4, 2, 1, 100, 0)


def replayed(*payloads: bytes) -> Replay:
    """All of them taken."""
    replay = Replay()
    for payload in payloads:
        replay.take(payload)
    return replay


def test_an_entry_drops_what_follows_it() -> None:
    """Writing at an index forgets everything stored at and above it, also below a snapshot that comes later."""
    replay = replayed(
        hard_state_item(HardState(2, 0, 4)) + entries_item(entries(1, 1, 1, 1, 1, 1, 1)),
        entries_item(entries(3, 2, 2)),
        item(COMPACTED, POINTER.encode()),
    )

    assert replay.result() == (HardState(2, 0, 4), ())


def test_a_snapshot_of_the_leader_replaces_the_log() -> None:
    """An installed snapshot leaves nothing of the log; one of the application leaves what is above it."""
    log = hard_state_item(HardState(2, 0, 4)) + entries_item(entries(1, 1, 1, 2, 2, 2))

    assert replayed(log, item(INSTALLED, POINTER.encode())).result()[1] == ()
    assert replayed(log, item(COMPACTED, POINTER.encode())).result()[1] == entries(5, 2)


def test_taking_says_the_highest_index() -> None:
    """What decides when a segment can be removed is the highest index written, overwritten or not."""
    replay = Replay()

    assert replay.take(entries_item(entries(1, 1, 1, 1))) == 3
    assert replay.take(entries_item(entries(2, 2))) == 2
    assert replay.take(hard_state_item(HardState(2))) == 0


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (entries_item(entries(9, 1)), "entry 9 follows entry 2"),
        (entries_item((*entries(3, 1), *entries(5, 1))), "have a hole"),
        (entries_item(()), "no entries"),
        (item(77, b""), "kind 77"),
        (item(2, b"short"), "hard state"),
        (b"\x01", "too few"),
    ],
)
def test_what_cannot_follow_is_refused(payload: bytes, reason: str) -> None:
    """A payload that no member wrote after the one before is refused with the reason."""
    with pytest.raises(ValueError, match=reason):
        replayed(entries_item(entries(1, 1, 1)), payload)


@pytest.mark.parametrize(
    ("payloads", "reason"),
    [
        ([entries_item(entries(2, 1))], "the entries 1 to 1 are missing"),
        ([hard_state_item(HardState(1)) + entries_item(entries(1, 2))], "entry 1 has term 2, the stored term is 1"),
        ([hard_state_item(HardState(2, 0, 2)) + entries_item(entries(1, 2))], "entry 2 is said to be committed"),
    ],
)
def test_contradictions_are_refused(payloads: list[bytes], reason: str) -> None:
    """Holes, entries of the future and commits of nothing end the replay."""
    with pytest.raises(ValueError, match=reason):
        replayed(*payloads).result()
