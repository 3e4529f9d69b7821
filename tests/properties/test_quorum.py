"""Quorum arithmetic against brute force: try every index, and every way in which missing votes could fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from dojopool.core.raft.quorum import JointConfig, VoteResult, committed_index, vote_result

Majority: TypeAlias = frozenset[int]

NODES = range(1, 8)

voters = st.frozensets(st.sampled_from(NODES), min_size=1, max_size=5)
halves = st.frozensets(st.sampled_from(NODES), max_size=5)
acks = st.dictionaries(st.sampled_from(range(1, 10)), st.integers(0, 12))
votes = st.dictionaries(st.sampled_from(range(1, 10)), st.booleans())


def is_quorum(nodes: set[int], groups: Sequence[Majority]) -> bool:
    """Whether more than half of each group that has anyone is among `nodes`."""
    return all(2 * len(group & nodes) > len(group) for group in groups if group)


def naive_index(acked: Mapping[int, int], groups: Sequence[Majority]) -> int:
    """The highest index that some quorum acknowledged, by trying them all."""
    candidates = [0, *acked.values()]
    return max(
        index
        for index in candidates
        if index == 0 or is_quorum({node for node, held in acked.items() if held >= index}, groups)
    )


def naive_result(given_votes: Mapping[int, bool], groups: Sequence[Majority]) -> VoteResult:
    """Won or lost if every way in which the missing votes could fall ends so."""
    everyone = sorted(frozenset().union(*groups))
    missing = [node for node in everyone if node not in given_votes]
    ends = set()
    for rest in product((True, False), repeat=len(missing)):
        ballots = {**given_votes, **dict(zip(missing, rest, strict=True))}
        ends.add(is_quorum({node for node, vote in ballots.items() if vote}, groups))
    if len(ends) == 2:
        return VoteResult.PENDING
    return VoteResult.WON if ends == {True} else VoteResult.LOST


@given(acked=acks, group=voters)
def test_l10_the_commit_index_of_a_majority(acked: dict[int, int], group: Majority) -> None:
    """The commit index is the highest one that more than half of the voters hold."""
    assert naive_index(acked, [group]) == committed_index(acked, group)
    assert naive_index(acked, [group]) == committed_index(acked, JointConfig(group))


@given(acked=acks, incoming=voters, outgoing=halves)
def test_l10_the_commit_index_of_two_halves(acked: dict[int, int], incoming: Majority, outgoing: Majority) -> None:
    """The commit index of a joint configuration is the highest one that both majorities hold."""
    assert naive_index(acked, [incoming, outgoing]) == committed_index(acked, JointConfig(incoming, outgoing))


@given(acked=acks, cast=votes, one=voters, other=voters)
def test_m1_the_halves_can_be_swapped(
    acked: dict[int, int], cast: dict[int, bool], one: Majority, other: Majority
) -> None:
    """Which half is the old one changes neither commit nor election."""
    assert committed_index(acked, JointConfig(one, other)) == committed_index(acked, JointConfig(other, one))
    assert vote_result(cast, JointConfig(one, other)) == vote_result(cast, JointConfig(other, one))


@given(cast=votes, group=voters)
def test_the_result_of_a_vote(cast: dict[int, bool], group: Majority) -> None:
    """An election is decided when no missing vote can turn it."""
    assert naive_result(cast, [group]) == vote_result(cast, group)


@given(cast=votes, incoming=voters, outgoing=halves)
def test_m1_an_election_needs_both_halves(cast: dict[int, bool], incoming: Majority, outgoing: Majority) -> None:
    """A joint election is won in both halves, and lost as soon as one is lost."""
    assert naive_result(cast, [incoming, outgoing]) == vote_result(cast, JointConfig(incoming, outgoing))


@given(acked=acks, incoming=voters, outgoing=halves)
def test_two_quorums_of_one_configuration_share_a_voter(
    acked: dict[int, int], incoming: Majority, outgoing: Majority
) -> None:
    """What is committed is held by a quorum, so whoever is elected later asked someone who holds it."""
    config = JointConfig(incoming, outgoing)
    index = committed_index(acked, config)
    without = {node: False for node, held in acked.items() if held >= index}
    rest = {node: node not in without for node in config.ids()}

    assert index == 0 or vote_result(rest, config) is VoteResult.LOST
