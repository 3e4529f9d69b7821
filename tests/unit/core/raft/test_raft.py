"""The state of a node: what waits for the disk, and what it owes a leader."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.core.raft.elections import TRANSFER
from dojopool.core.raft.messages import Entry, HardState, MessageType, Role, Stored
from dojopool.core.raft.options import ReadMode
from support.raft_net import Peer, group_of, holding, snapshot_at, solo
from support.raft_words import append, granted, heartbeat, of_type, vote

T = 10
LEASE_MS = 400
PROMISE_MS = 500


def leased(stored: Stored | None = None, **options: Any) -> Peer:
    """Peer 1 of three, with leases."""
    peer = solo(stored or Stored(snapshot=snapshot_at(1, 1)), read_mode=ReadMode.LEASE, lease_ms=LEASE_MS, **options)
    peer.node.observe_time(0)
    return peer


def role_of(peer: Peer) -> Role:
    """What it is now."""
    return peer.status.role


def votes_for(peer: Peer, term: int) -> bool:
    """Whether it gives candidate 3 of `term`, whose log is long enough, its vote."""
    answers = of_type(peer.hear(vote(term, (9, term), from_=3)), MessageType.VOTE_RESPONSE)
    return any(not answer.reject for answer in answers)


def test_e1_nobody_is_asked_before_the_term_is_durable() -> None:
    """A crash cannot bring a candidate to ask twice in one term, with two logs."""
    peer = solo(pre_vote=False)
    peer.holds_disk = True
    peer.node.campaign()
    assert of_type(peer.pump(), MessageType.VOTE) == []

    assert [message.to for message in of_type(peer.flush(), MessageType.VOTE)] == [2, 3]


def test_e1_votes_for_a_log_that_a_crash_took_elect_nobody() -> None:
    """A vote that was given for entries not yet durable is no vote for the log that is left."""
    peer = solo(pre_vote=False)
    peer.holds_disk = True
    peer.hear(append(1, entries=(Entry(1, 2),)))
    peer.node.campaign()
    asked = of_type(peer.pump(), MessageType.VOTE)
    peer.crash()
    peer.holds_disk = False
    peer.node.campaign()
    peer.pump()
    for message in asked:
        peer.hear(granted(message.term, from_=message.to))

    assert role_of(peer) is Role.CANDIDATE


def test_a_vote_of_an_older_term_is_not_one_of_the_term_of_the_log() -> None:
    """Who finds entries of a term newer than the stored one gave no vote in that term."""
    peer = solo(holding(5, hard=HardState(term=3, vote=2, commit=1)))

    assert (peer.status.term, peer.status.vote) == (5, 0)


@pytest.mark.parametrize("ticks", [0, T - 1])
def test_r5_a_promise_outlives_the_term(ticks: int) -> None:
    """A campaign that its leader ordered ends the term, but not what is owed to that leader until T has passed."""
    peer = leased()
    peer.hear(heartbeat(2))
    peer.tick(ticks)
    peer.hear(vote(3, (1, 0), context=TRANSFER))
    assert peer.status.term == 3

    assert not votes_for(peer, 4)
    assert not votes_for(peer, 3)


def test_r5_a_promise_ends() -> None:
    """Once T has passed, and the promised time, a vote is given."""
    peer = leased()
    peer.hear(heartbeat(2))
    peer.node.randomized_election_timeout = 2 * T
    peer.tick(T)
    peer.node.observe_time(PROMISE_MS + 1)

    assert votes_for(peer, 3)


def test_r5_ticks_counted_late_end_no_promise() -> None:
    """A node that slept and counts all missed ticks at once still owes what its clock says."""
    peer = leased()
    peer.node.observe_time(10_000)
    peer.hear(heartbeat(2))
    peer.tick(3 * T)
    peer.node.observe_time(10_000 + PROMISE_MS)
    assert role_of(peer) is Role.FOLLOWER
    assert not votes_for(peer, 3)
    peer.node.observe_time(10_001 + PROMISE_MS)

    assert votes_for(peer, 3)


def test_r5_a_promise_holds_without_a_clock() -> None:
    """A follower that is never told the time counts ticks, also after its term ended."""
    peer = solo(Stored(snapshot=snapshot_at(1, 1)), read_mode=ReadMode.LEASE, lease_ms=LEASE_MS)
    peer.hear(heartbeat(2))
    peer.hear(vote(3, (1, 0), context=TRANSFER))
    peer.tick(T - 1)
    assert not votes_for(peer, 4)
    peer.tick(1)

    assert votes_for(peer, 4)


def test_r5_nobody_campaigns_against_a_leader_it_owes() -> None:
    """Not even when it is told to: its own vote could make the majority."""
    peer = leased(pre_vote=False)
    peer.hear(heartbeat(2))
    peer.node.campaign()
    assert role_of(peer) is Role.FOLLOWER
    peer.tick(T)
    peer.node.observe_time(PROMISE_MS + 1)
    peer.node.campaign()

    assert role_of(peer) is Role.CANDIDATE


def test_r8_a_restarted_voter_owes_what_it_may_have_promised() -> None:
    """It may have heard a leader just before it stopped."""
    peer = leased(holding(2))
    assert not votes_for(peer, 3)
    peer.node.randomized_election_timeout = 2 * T
    peer.tick(T)
    assert not votes_for(peer, 3)
    peer.node.observe_time(PROMISE_MS + 1)

    assert votes_for(peer, 3)


def test_without_leases_nothing_is_owed_beyond_the_term() -> None:
    """A restarted voter, or one whose leader was deposed, votes at once."""
    peer = solo(holding(2))
    assert votes_for(peer, 3)
    peer.hear(heartbeat(4))
    peer.hear(vote(5, (1, 0), context=TRANSFER))

    assert votes_for(peer, 6)


def test_every_message_bears_name_and_term() -> None:
    """Only questions to whoever leads have no term."""
    group = group_of(3, forward_proposals=True)
    group.elect(1)
    group[2].node.propose(b"x")
    group[2].node.read_index(b"r")
    group.settle()

    assert [m.term for m in of_type(group.sent, MessageType.PROPOSE, MessageType.READ_INDEX)] == [0, 0]
    assert all(m.term for m in group.sent if m.type not in (MessageType.PROPOSE, MessageType.READ_INDEX))
    assert all(m.from_ in (1, 2, 3) and m.from_ != m.to for m in group.sent)
