"""What a leader knows of a follower, without a node."""

from __future__ import annotations

import pytest

from dojopool.core.raft.progress import Inflights, Progress, ProgressState


def replicating(*, match: int = 5, window: int = 2, bytes_max: int = 0) -> Progress:
    """A follower that holds `match`, streamed to."""
    one = Progress(next_index=match + 1, inflights=Inflights(count_max=window, bytes_max=bytes_max), match=match)
    one.become(ProgressState.REPLICATE)
    return one


def test_a_window_is_full_by_count() -> None:
    """So many appends are on their way and no more, until some are acknowledged."""
    one = replicating(window=2)
    one.sent(3, 30)
    assert not one.is_paused
    one.sent(1, 10)
    assert (one.is_paused, one.next, len(one.inflights)) == (True, 10, 2)
    one.matched(8)
    one.inflights.free_up_to(8)

    assert (one.is_paused, len(one.inflights)) == (False, 1)


def test_a_window_is_full_by_bytes() -> None:
    """One append may overshoot, for else a large entry would never go."""
    one = replicating(window=9, bytes_max=100)
    one.sent(1, 99)
    assert not one.is_paused
    one.sent(1, 500)

    assert one.is_paused


def test_acknowledging_one_frees_all_before_it() -> None:
    """An acknowledgement that was lost is made up for by the next."""
    window = Inflights(count_max=4, bytes_max=0)
    for index in (3, 6, 9):
        window.add(index, 10)
    window.free_up_to(7)

    assert len(window) == 1


def test_nothing_is_sent_through_a_full_window() -> None:
    """Who sends all the same has a bug."""
    window = Inflights(count_max=1, bytes_max=0)
    window.add(1, 1)

    with pytest.raises(AssertionError, match="full window"):
        window.add(2, 1)


def test_l7_match_never_falls() -> None:
    """L7: an old acknowledgement says nothing."""
    one = replicating(match=5)
    assert one.matched(8)

    assert not one.matched(7)
    assert (one.match, one.next) == (8, 9)


@pytest.mark.parametrize(("refused", "is_news", "next_"), [(5, False, 9), (4, False, 9), (6, True, 6), (8, True, 6)])
def test_l9_a_refusal_while_replicating_goes_back_to_match(refused: int, is_news: bool, next_: int) -> None:
    """L9: what is known to match cannot be refused any more."""
    one = replicating(match=5)
    one.sent(3, 3)

    assert is_news is one.rejected(refused, 0)
    assert next_ == one.next


@pytest.mark.parametrize(
    ("refused", "hint", "is_news", "next_"),
    [(9, 7, True, 8), (9, 20, True, 9), (9, 0, True, 4), (8, 2, False, 10), (10, 2, False, 10)],
)
def test_l9_a_refused_probe_goes_back_to_the_hint(refused: int, hint: int, is_news: bool, next_: int) -> None:
    """L9: at most to the hint, never to match or below, and only for the probe that is on its way."""
    one = Progress(next_index=10, inflights=Inflights(count_max=1, bytes_max=0), match=3)

    assert is_news is one.rejected(refused, hint)
    assert next_ == one.next


def test_l13_a_probe_is_alone() -> None:
    """L13: one append with entries is on its way at a time."""
    one = Progress(next_index=4, inflights=Inflights(count_max=9, bytes_max=0))
    one.sent(2, 2)

    assert (one.is_paused, one.next) == (True, 4)


def test_a_snapshot_is_alone() -> None:
    """Nothing else is sent beside it, and probing goes on behind it."""
    one = replicating(match=5)
    one.become_snapshot(20)
    assert (one.is_paused, one.pending_snapshot, one.next) == (True, 20, 21)
    one.become(ProgressState.PROBE)

    assert (one.is_paused, one.pending_snapshot, one.next) == (False, 0, 21)


def test_s7_a_snapshot_that_failed_leaves_the_follower_where_it_was() -> None:
    """S7: probing goes on behind what it is known to hold."""
    one = replicating(match=5)
    one.become_snapshot(20)
    one.pending_snapshot = 0
    one.become(ProgressState.PROBE)

    assert one.next == 6


def test_a_copy_is_the_same_under_another_membership() -> None:
    """Becoming a voter forgets nothing."""
    one = replicating(match=5)
    one.session, one.recently_active, one.sent_commit = b"s", True, 4
    copy = one.copy(is_learner=True)
    same = [name for name in Progress.__slots__ if getattr(one, name) == getattr(copy, name)]

    assert set(Progress.__slots__) - {"is_learner"} == set(same)
