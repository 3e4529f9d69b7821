"""Which messages a node takes, whatever arrives and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dojopool.core.raft.messages import Message, MessageType, Role
from dojopool.core.raft.raft import TERMLESS
from dojopool.core.raft.step import HANDLERS, LEADERS, VOTES
from support.raft_net import Group, group_of, solo
from support.raft_words import heartbeat


def in_role(role: Role) -> Group:
    """Node 1 of three in `role`, in term 2."""
    group = group_of(3, pre_vote=role is Role.PRE_CANDIDATE)
    if role in (Role.PRE_CANDIDATE, Role.CANDIDATE):
        group.isolate(1)
    if role is not Role.FOLLOWER:
        group.campaign(1)
    assert role is group[1].status.role
    return group


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("type_", MessageType)
def test_no_role_is_taken_aback_by_a_message(role: Role, type_: MessageType) -> None:
    """Every type can arrive in every role, a little late or out of a former role; at most its sender's term is
    taken over.
    """
    group = in_role(role)
    term = group[1].status.term
    if role is Role.LEADER and type_ in LEADERS:
        with pytest.raises(AssertionError, match="two leaders"):
            group[1].hear(Message(type_, 1, 2, term))
        return
    group[1].hear(Message(type_, 1, 2, term, reject=True))

    assert term == group[1].status.term


@pytest.mark.parametrize("type_", sorted(set(MessageType) - TERMLESS))
def test_what_bears_no_term_is_dropped(type_: MessageType) -> None:
    """No member sends that."""
    peer = solo()
    before = peer.status

    assert peer.hear(Message(type_, 1, 2)) == []
    assert before == peer.status


def test_every_type_is_handled_by_some_role() -> None:
    """Nothing is defined and then dropped by all."""
    handled = {type_ for table in HANDLERS.values() for type_ in table}

    assert set(MessageType) == handled | VOTES | set(LEADERS)


@given(st.lists(st.tuples(st.sampled_from(sorted(VOTES)), st.integers(1, 4), st.integers(2, 3)), max_size=12))
def test_e6_the_term_never_falls(requests: list[tuple[MessageType, int, int]]) -> None:
    """E6: whatever is asked in whatever order."""
    peer = solo(check_quorum=False)
    terms = [peer.status.term]
    for type_, term, from_ in requests:
        peer.hear(Message(type_, 1, from_, term, index=9, log_term=9))
        terms.append(peer.status.term)

    assert sorted(terms) == terms


def test_what_claims_to_come_from_this_node_is_dropped() -> None:
    """Only its own disk speaks to it in its name."""
    peer = solo()

    assert peer.hear(heartbeat(9, from_=1)) == []
    assert peer.status.term == 1
