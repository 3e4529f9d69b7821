"""Reads by a lease: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.raft.messages import HardState, Message, MessageType, Role, Stored
from dojopool.core.raft.options import ReadMode
from support.raft_net import Peer, bootstrap, group_of, holding, solo
from support.raft_roles import T, answers, beats, leader
from support.raft_words import START, ack, heartbeat, of_type, pre_vote, vote

BEAT, BEAT_ANSWER = MessageType.HEARTBEAT, MessageType.HEARTBEAT_RESPONSE
LEASES: dict[str, Any] = {"read_mode": ReadMode.LEASE, "lease_ms": 500}


def at(peer: Peer, now_ms: int) -> None:
    """Tell the time."""
    peer.node.observe_time(now_ms)


def test_r5_a_lease_counts_from_the_sending() -> None:
    """However late the answer comes, the followers' promise began no earlier than the heartbeat was sent."""
    peer = leader(commits=True, **LEASES)
    at(peer, 1000)
    sent = beats(peer.tick())
    at(peer, 1400)
    peer.hear(answers(sent[2]))

    assert peer.node.holds_lease(1499)
    assert not peer.node.holds_lease(1500)
    assert not peer.node.holds_lease(999)


def test_r5_a_lease_needs_a_quorum() -> None:
    """One answer of four followers is not enough, and the lease counts from the quorum's oldest answer."""
    peer = leader(5, commits=True, **LEASES)
    at(peer, 1000)
    first = beats(peer.tick())
    peer.hear(answers(first[2]))
    assert not peer.node.holds_lease(1001)
    at(peer, 1200)
    second = beats(peer.tick())
    peer.hear(answers(second[2]))
    peer.hear(answers(first[3]))

    assert peer.node.holds_lease(1499)
    assert not peer.node.holds_lease(1500)


def test_r5_a_lease_answers_at_once_and_its_end_asks_a_quorum() -> None:
    """With a lease no heartbeat is needed; without, the read waits for a round."""
    peer = leader(commits=True, **LEASES)
    at(peer, 1000)
    sent = beats(peer.tick())
    peer.hear(answers(sent[2]))
    peer.node.read_index(b"quick")
    assert beats(peer.pump()) == {}
    assert peer.answered(b"quick") == 2
    at(peer, 1500)
    peer.node.read_index(b"slow")

    (two, _) = beats(peer.pump()).values()
    assert peer.answered(b"slow") is None
    peer.hear(answers(two))
    assert peer.answered(b"slow") == 2


def test_r6_no_lease_before_a_quorum_answered_in_this_term() -> None:
    """Winning an election is no promise of anybody."""
    peer = leader(commits=True, **LEASES)
    at(peer, 1000)
    assert not peer.node.holds_lease(1000)
    sent = beats(peer.tick())
    assert not peer.node.holds_lease(1000)
    peer.hear(answers(sent[2]))

    assert peer.node.holds_lease(1000)
    peer.hear(heartbeat(3))
    assert not peer.node.holds_lease(1000)


def test_r6_no_lease_before_an_entry_of_this_term_is_committed() -> None:
    """Until then the commit index is not known to be the group's."""
    peer = leader(**LEASES)
    at(peer, 1000)
    peer.hear(answers(beats(peer.tick())[2]))
    assert not peer.node.holds_lease(1000)
    peer.hear(ack(2, 2, from_=2))

    assert peer.node.holds_lease(1000)


def with_lease() -> Peer:
    """A leader of three with a lease from 1000 to 1500 ms."""
    peer = leader(commits=True, **LEASES)
    at(peer, 1000)
    peer.hear(answers(beats(peer.tick())[2]))
    assert peer.node.holds_lease(1100)
    return peer


def test_r7_a_transfer_ends_the_lease() -> None:
    """The successor may be elected at once, in spite of all promises."""
    peer = with_lease()
    peer.node.transfer_leader(2)
    peer.pump()

    assert not peer.node.holds_lease(1100)
    peer.node.read_index(b"r")
    peer.pump()
    assert peer.answered(b"r") is None


def test_r7_an_aborted_transfer_gives_the_lease_back_when_a_late_request_is_worthless() -> None:
    """The entry appended on aborting must be committed: before that the request to campaign could still win."""
    peer = with_lease()
    peer.node.transfer_leader(2)
    (order,) = of_type(peer.pump(), MessageType.TIMEOUT_NOW)
    assert (order.term, order.index, order.log_term) == (2, 2, 2)
    sent: list[Message] = []
    for _ in range(2 * T):
        sent = peer.tick()
        for beat in beats(sent).values():
            peer.hear(answers(beat))
    assert peer.status.transferee == 0
    last = peer.status.last
    assert last == 3

    at(peer, 9000)
    peer.hear(answers(beats(peer.tick())[2]))
    assert not peer.node.holds_lease(9001)
    peer.hear(ack(2, last, from_=2))
    assert peer.node.holds_lease(9001)


def test_r7_a_late_request_elects_nobody_after_an_abort() -> None:
    """Its receiver lacks the entry that a majority holds by then."""
    group = group_of(3)
    group.elect(1)
    group.loses = lambda message: message.type is MessageType.TIMEOUT_NOW
    group[1].node.transfer_leader(2)
    group.settle()
    (order,) = of_type(group.sent, MessageType.TIMEOUT_NOW)
    group.heal()
    group.isolate(2)
    group.tick(2 * T, only=[1, 3])
    assert (group[1].status.role, group[1].status.transferee) == (Role.LEADER, 0)
    group.heal()
    group.post(group[2].hear(order))
    group.settle()

    assert not group[2].is_a(Role.LEADER)


def test_r8_a_restarted_voter_gives_no_vote_for_a_while() -> None:
    """It may have promised a leader what it has forgotten since."""
    peer = solo(holding(hard=HardState(2, 0, 1)), draw=lambda bound: bound - 1, **LEASES)
    for request in (vote(3, (9, 9)), pre_vote(3, (9, 9))):
        assert peer.hear(request) == []
    assert peer.status.term == 2
    peer.tick(T - 1)
    assert peer.hear(vote(3, (9, 9))) == []
    peer.node.campaign()
    assert peer.is_a(Role.FOLLOWER)
    peer.tick()

    assert [answer.reject for answer in peer.hear(vote(3, (9, 9)))] == [False]


def test_r8_a_newcomer_that_lost_its_first_term_gives_no_vote_for_a_while() -> None:
    """Heartbeats are answered before their term is durable: who finds nothing stored may have answered some."""
    peer = solo(Stored(), draw=lambda bound: bound - 1, **LEASES)
    assert peer.hear(vote(3, (9, 9))) == []
    peer.tick(T)

    assert [answer.reject for answer in peer.hear(vote(3, (9, 9)))] == [False]


def test_r8_without_leases_a_restarted_voter_votes_at_once() -> None:
    """It has promised nothing."""
    peer = solo(holding(hard=HardState(2, 0, 1)))

    assert [answer.reject for answer in peer.hear(vote(3, (9, 9)))] == [False]


def test_r9_a_lease_ends_however_time_passed() -> None:
    """A node that was paused finds the lease gone by the clock, without a single tick."""
    peer = with_lease()
    at(peer, 60_000)

    assert not peer.node.holds_lease(60_000)
    peer.node.read_index(b"r")
    peer.pump()
    assert peer.answered(b"r") is None


def test_r9_a_clock_that_is_said_to_go_back_does_not() -> None:
    """A heartbeat is never taken to be sent later than it was, nor a read to be asked earlier."""
    peer = leader(commits=True, **LEASES)
    at(peer, 1000)
    at(peer, 500)
    sent = beats(peer.tick())
    peer.hear(answers(sent[2]))

    assert peer.node.holds_lease(1499)
    assert not peer.node.holds_lease(1500)


def test_r9_no_lease_for_who_is_never_told_the_time() -> None:
    """Ticks are no clock."""
    peer = leader(commits=True, **LEASES)
    peer.hear(answers(beats(peer.tick())[2]))

    assert not peer.node.holds_lease(0)


@pytest.mark.parametrize(("options", "forgets"), [(LEASES, False), ({}, True)], ids=["leases", "no leases"])
def test_r10_forgetting_the_leader_is_refused_with_leases(options: dict[str, Any], forgets: bool) -> None:
    """The lease is a promise of the followers."""
    peer = solo(bootstrap([1, 2, 3]), **options)
    peer.hear(heartbeat(1))
    peer.node.forget_leader()

    assert (peer.status.leader == 0) is forgets
    assert (peer.hear(pre_vote(2, START, from_=3)) == []) is not forgets


def test_r10_a_leader_does_not_forget_itself() -> None:
    """Only followers have a leader to forget."""
    peer = leader(commits=True)
    peer.node.forget_leader()

    assert (peer.status.role, peer.status.leader) == (Role.LEADER, 1)
