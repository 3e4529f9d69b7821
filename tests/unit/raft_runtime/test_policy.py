"""The lead is handed to a better placed member only when that is steady (rule X7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange
from dojopool.core.raft.messages import NOBODY, ConfState, Role
from dojopool.core.raft.progress import ProgressState
from dojopool.core.raft.status import PeerStatus, Status
from dojopool.raft_runtime.config import Preference
from dojopool.raft_runtime.policy import PreferredLeader, too_early

PREFERENCE = Preference(ranks={1: 2, 2: 1, 3: 0}, hold_ticks=5, pause_ticks=50, lag_entries_max=10)
FIT = PeerStatus(ProgressState.REPLICATE, 100, 101, False, 0, 0, True, False)


def status(peers: Mapping[int, PeerStatus], **changes: object) -> Status:
    """Member 1 leads, with these peers."""
    seen = Status(1, Role.LEADER, 3, 1, 1, 100, 100, 1, 100, ConfState((1, 2, 3)), NOBODY, peers)
    return replace(seen, **changes)  # type: ignore[arg-type]  # fields of several types


def first_transfer(seen: Status, *, ticks: int = 40, preference: Preference = PREFERENCE) -> tuple[int, int] | None:
    """Tick and target of the first transfer, when all stays as it is."""
    policy = PreferredLeader(preference)
    for tick in range(ticks):
        if (successor := policy.successor(seen, tick=tick)) != NOBODY:
            return tick, successor
    return None


def test_the_best_fit_member_gets_the_lead_after_a_while() -> None:
    """Of those better placed the best takes over, once it was fit for the whole holding time."""
    assert first_transfer(status({2: FIT, 3: FIT})) == (5, 3)
    assert first_transfer(status({2: FIT, 3: replace(FIT, active=False)})) == (5, 2)


@pytest.mark.parametrize(
    "seen",
    [
        status({2: replace(FIT, match=89)}),
        status({2: replace(FIT, state=ProgressState.PROBE)}),
        status({2: replace(FIT, active=False)}),
        status({2: FIT}, config=ConfState((1,), learners=(2,))),
        status({2: FIT}, config=ConfState((1, 2), voters_outgoing=(1,))),
        status({2: FIT}, transferee=2),
        status({2: FIT}, role=Role.FOLLOWER),
        status({1: FIT}, id=3),
    ],
)
def test_who_is_not_fit_gets_nothing(seen: Status) -> None:
    """A member that lags, is not heard or is no voter gets no lead; nor does anybody in a joint configuration, while a
    transfer runs, from a follower, or from the best placed.
    """
    assert first_transfer(seen) is None


def test_a_member_that_flaps_begins_anew() -> None:
    """Whoever was unfit for one tick has to hold the whole time again."""
    policy = PreferredLeader(PREFERENCE)
    fit, unfit = status({2: FIT}), status({2: replace(FIT, active=False)})
    asked = [policy.successor(unfit if tick % 5 == 0 else fit, tick=tick) for tick in range(40)]

    assert asked == [NOBODY] * 40


def test_what_was_seen_in_an_earlier_lead_counts_for_nothing() -> None:
    """A member that lost its lead and won it back waits for the whole time again."""
    policy = PreferredLeader(PREFERENCE)
    leads = status({2: FIT})
    follows = status({}, role=Role.FOLLOWER)
    asked = [policy.successor(follows if tick == 4 else leads, tick=tick) for tick in range(12)]

    assert asked == [NOBODY] * 10 + [2, NOBODY]


def test_transfers_keep_a_distance() -> None:
    """After a transfer that changed nothing the next is tried when the pause is over."""
    policy = PreferredLeader(PREFERENCE)
    asked = [tick for tick in range(120) if policy.successor(status({2: FIT}), tick=tick) != NOBODY]

    assert asked == [5, 55, 105]


@pytest.mark.parametrize(
    ("peer", "lagging"),
    [(FIT, NOBODY), (replace(FIT, match=89), 2), (replace(FIT, active=False), 2), (None, 2)],
)
def test_m10_a_learner_is_promoted_when_it_has_caught_up(peer: PeerStatus | None, lagging: int) -> None:
    """One that is behind, or was not heard of within an election timeout, is named instead."""
    seen = status({} if peer is None else {2: peer}, config=ConfState((1,), learners=(2,)))

    assert too_early(ConfChange(ChangeType.ADD_VOTER, 2), seen, lag_entries_max=10) == lagging
    assert too_early(ConfChange(ChangeType.ADD_VOTER, 3), seen, lag_entries_max=10) == NOBODY
