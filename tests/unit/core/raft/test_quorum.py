"""Quorum arithmetic by example; `tests/properties/test_quorum.py` compares it with counting."""

from __future__ import annotations

import pytest

from dojopool.core.raft.quorum import UNLIMITED, JointConfig, VoteResult, committed_index, vote_result

ABC = frozenset({1, 2, 3})
CDE = frozenset({3, 4, 5})


@pytest.mark.parametrize(
    ("expected", "acked"),
    [
        (0, {}),
        (0, {1: 9}),
        (4, {1: 9, 2: 4}),
        (5, {1: 9, 2: 4, 3: 5}),
        (0, {4: 9, 5: 9, 6: 9}),
    ],
)
def test_a_majority_holds_what_more_than_half_hold(expected: int, acked: dict[int, int]) -> None:
    """Missing voters hold nothing, and others than voters count nothing."""
    assert expected == committed_index(acked, ABC)


def test_half_of_an_even_number_is_no_majority() -> None:
    """Of four voters three must agree."""
    four = frozenset({1, 2, 3, 4})

    assert committed_index({1: 7, 2: 7}, four) == 0
    assert committed_index({1: 7, 2: 7, 3: 6}, four) == 6
    assert vote_result({1: True, 2: True}, four) is VoteResult.PENDING
    assert vote_result({1: False, 2: False}, four) is VoteResult.LOST


def test_m1_a_joint_configuration_holds_what_both_halves_hold() -> None:
    """M1: the slower half decides, whichever it is."""
    acked = {1: 9, 2: 9, 3: 2, 4: 3}

    assert committed_index(acked, JointConfig(ABC, CDE)) == 2
    assert committed_index(acked, JointConfig(CDE, ABC)) == 2


@pytest.mark.parametrize(
    ("expected", "votes"),
    [
        (VoteResult.PENDING, {}),
        (VoteResult.PENDING, {1: True, 4: True}),
        (VoteResult.WON, {1: True, 2: True}),
        (VoteResult.LOST, {1: False, 2: False, 3: True}),
        (VoteResult.PENDING, {1: True, 2: False}),
    ],
)
def test_a_vote_is_decided_when_the_rest_cannot_change_it(expected: VoteResult, votes: dict[int, bool]) -> None:
    """Neither silence nor the votes of others decide."""
    assert expected is vote_result(votes, ABC)


def test_m1_a_joint_vote_needs_both_halves() -> None:
    """M1: one half refusing is enough to lose, one half agreeing is not enough to win."""
    joint = JointConfig(ABC, CDE)

    assert vote_result({1: True, 2: True}, joint) is VoteResult.PENDING
    assert vote_result({1: True, 2: True, 4: False, 5: False}, joint) is VoteResult.LOST
    assert vote_result({1: True, 3: True, 4: True}, joint) is VoteResult.WON


def test_no_voters_hold_nobody_back() -> None:
    """An empty half leaves the decision to the other."""
    assert committed_index({}, frozenset()) == UNLIMITED
    assert vote_result({}, frozenset()) is VoteResult.WON
    assert committed_index({1: 3, 2: 3}, JointConfig(ABC)) == 3
    assert vote_result({1: True}, JointConfig(ABC)) is VoteResult.PENDING
