"""Who may campaign, and whom that disturbs: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange
from dojopool.core.raft.elections import TRANSFER
from dojopool.core.raft.messages import HardState, Message, MessageType, Role
from dojopool.core.raft.options import Options
from support.raft_net import Peer, bootstrap, group_of, holding, snapshot_at, solo
from support.raft_roles import T, candidate
from support.raft_words import START, granted, heartbeat, of_type, pre_vote, refused, snapshot, vote

"""Election ticks of every group here."""

EACH_ROUND = pytest.mark.parametrize("kind", [MessageType.VOTE, MessageType.PRE_VOTE])


@EACH_ROUND
def test_e13_who_hears_a_leader_ignores_campaigns(kind: MessageType) -> None:
    """Until T after the last sign of a leader nobody gets an answer, and no term is taken over."""
    request = replace(vote(5, (9, 9), from_=3), type=kind)
    peer = solo()
    peer.node.randomized_election_timeout = 2 * T
    peer.hear(heartbeat(1))
    peer.node.randomized_election_timeout = 2 * T
    peer.tick(T - 1)

    assert (peer.hear(request), peer.status.term) == ([], 1)
    peer.tick()
    assert [answer.reject for answer in peer.hear(request)] == [False]


def test_e13_a_transfer_overrides_loyalty() -> None:
    """The leader itself wants that election."""
    peer = solo()
    peer.hear(heartbeat(1))

    assert [answer.reject for answer in peer.hear(vote(5, (9, 9), from_=3, context=TRANSFER))] == [False]


def test_e13_a_node_that_was_cut_off_deposes_nobody() -> None:
    """A member with the whole log that returns and asks for votes in a higher term leaves the leader alone."""
    group = group_of(3, pre_vote=False)
    group.elect(1)
    group.cut([1, 2], [3], both_ways=False)
    group.tick(2 * T, only=[3])
    assert group[3].status.term > 2
    group.tick(1, only=[1])

    assert (group[1].status.role, group[2].status.term) == (Role.LEADER, 2)


def test_e14_a_learner_never_campaigns_but_votes() -> None:
    """It may have been promoted without knowing, and then its vote may be needed."""
    learner = Peer(Options(id=4), bootstrap([1, 2, 3], [4]))
    learner.tick(5 * T)
    learner.node.campaign()

    assert (learner.pump(), learner.status.role) == ([], Role.FOLLOWER)
    assert [answer.reject for answer in learner.hear(pre_vote(2, START, to=4))] == [False]
    assert [answer.reject for answer in learner.hear(vote(2, START, to=4))] == [False]


def test_e14_a_stranger_never_campaigns_but_votes() -> None:
    """So does who knows of no members at all."""
    stranger = Peer(Options(id=4), bootstrap([1, 2, 3]))
    stranger.tick(5 * T)
    stranger.node.campaign()

    assert (stranger.pump(), stranger.status.role) == ([], Role.FOLLOWER)
    assert [answer.reject for answer in stranger.hear(vote(2, START, to=4))] == [False]


def test_e15_no_campaign_with_an_unapplied_change() -> None:
    """Who has not applied a committed change does not know whom to ask."""
    group = group_of(3)
    group.elect(1)
    group[2].holds_apply = True
    group[1].node.propose_conf_change(ConfChange(ChangeType.ADD_VOTER, 4))
    group.settle()
    group.tick()
    assert group[2].status.commit > group[2].status.applied
    two = group[2]
    two.tick(3 * T)
    two.node.campaign()

    assert two.is_a(Role.FOLLOWER)
    two.apply()
    two.tick(2 * T)
    assert two.is_a(Role.PRE_CANDIDATE)


def test_e15_no_campaign_with_a_pending_snapshot() -> None:
    """Who has not stored its state yet campaigns when it has."""
    peer = solo()
    peer.holds_disk = True
    peer.hear(snapshot(1, snapshot_at(5, 1)))
    peer.tick(3 * T)
    peer.node.campaign()

    assert peer.is_a(Role.FOLLOWER)
    peer.flush()
    peer.tick(2 * T)
    assert peer.is_a(Role.PRE_CANDIDATE)


def test_e16_a_new_leader_appends_an_empty_entry() -> None:
    """With it everything before is committed."""
    group = group_of(3)
    group.elect(1)

    assert [(entry.index, entry.term, entry.data) for entry in group[3].disk.durable.entries] == [(2, 2, b"")]
    assert {peer.status.commit for peer in group.peers.values()} == {2}


def test_e16_an_entry_of_an_older_term_is_not_committed_by_counting() -> None:
    """Figure 8 of the paper: a majority holds it, and still another leader could replace it."""
    peer = solo(holding(2, hard=HardState(3, 0, 1)), pre_vote=False)
    peer.node.campaign()
    peer.pump()
    peer.hear(granted(4, from_=2))
    assert (peer.status.term, peer.status.last) == (4, 3)
    peer.hear(Message(MessageType.APPEND_RESPONSE, 1, 2, 4, index=2))
    peer.hear(Message(MessageType.APPEND_RESPONSE, 1, 3, 4, index=2))

    assert peer.status.commit == 1
    peer.hear(Message(MessageType.APPEND_RESPONSE, 1, 2, 4, index=3))
    assert peer.status.commit == 3


def test_e17_a_majority_of_refusals_ends_the_candidacy() -> None:
    """There is nothing left to wait for."""
    peer = candidate(5)
    peer.hear(refused(2, from_=2))
    peer.hear(refused(2, from_=2))
    peer.hear(refused(2, from_=3))

    assert peer.is_a(Role.CANDIDATE)
    peer.hear(refused(2, from_=4))
    assert peer.is_a(Role.FOLLOWER)


def test_e18_a_leader_without_a_quorum_steps_down() -> None:
    """Within two windows of T it notices that nobody answers, and its term stays."""
    group = group_of(3)
    group.elect(1)
    group.isolate(1)
    group.tick(2 * T, only=[1])

    assert (group[1].status.role, group[1].status.term) == (Role.FOLLOWER, 2)


def test_e18_half_a_group_is_no_quorum() -> None:
    """One of three followers that answers is not enough for a leader of four; two are."""
    group = group_of(4)
    group.elect(1)
    group.cut([1], [4])
    group.tick(3 * T, only=[1])
    assert group[1].is_a(Role.LEADER)
    group.cut([1], [3])
    group.tick(2 * T, only=[1])

    assert group[1].is_a(Role.FOLLOWER)


def test_e18_learners_are_no_quorum() -> None:
    """A leader that only learners answer steps down."""
    group = group_of(3, learners=[4, 5])
    group.elect(1)
    group.cut([1], [2, 3])
    group.tick(2 * T, only=[1])

    assert group[1].is_a(Role.FOLLOWER)


def test_e18_a_member_just_added_counts_as_heard() -> None:
    """The lone leader that adds a second member leads on until that one had a window to answer."""
    peer = solo(bootstrap([1]))
    peer.node.campaign()
    peer.pump()
    peer.tick(T - 1)
    peer.node.propose_conf_change(ConfChange(ChangeType.ADD_VOTER, 2))
    peer.pump()
    assert peer.status.config.voters == (1, 2)
    peer.tick()

    assert peer.is_a(Role.LEADER)
    peer.tick(T)
    assert peer.is_a(Role.FOLLOWER)


@pytest.mark.parametrize("has_pre_vote", [True, False])
def test_e19_a_single_voter_leads_when_its_vote_is_durable(has_pre_vote: bool) -> None:
    """It needs nobody else, but it does need its disk."""
    peer = solo(bootstrap([1]), pre_vote=has_pre_vote)
    peer.holds_disk = True
    peer.node.campaign()
    peer.pump()

    assert not peer.is_a(Role.LEADER)
    while peer.disk.waiting and not peer.is_a(Role.LEADER):
        assert peer.status.commit == 1
        peer.flush(1)
        peer.pump()
    assert (peer.status.role, peer.status.term) == (Role.LEADER, 2)
    assert (peer.disk.durable.hard_state.term, peer.disk.durable.hard_state.vote) == (2, 1)


def test_e20_a_restarted_leader_follows() -> None:
    """It is a follower of its own term, and leads again only in another."""
    group = group_of(3)
    group.elect(1)
    group[1].crash()

    assert (group[1].status.role, group[1].status.term, group[1].status.vote) == (Role.FOLLOWER, 2, 1)
    group.tick(4 * T, only=[1, 2, 3])
    (leader,) = group.leaders()
    assert group[leader].status.term > 2


def test_e20_entries_lost_in_a_crash_are_not_written_twice() -> None:
    """An index and a term never name two entries, though the first was lost unflushed."""
    peer = solo(bootstrap([1]))
    peer.node.campaign()
    peer.pump()
    peer.holds_disk = True
    index = peer.node.propose(b"lost")
    peer.pump()
    peer.crash()
    peer.holds_disk = False
    peer.node.campaign()
    peer.pump()
    peer.node.propose(b"new")
    peer.pump()

    assert [(index, 3, b""), (index + 1, 3, b"new")] == [
        (entry.index, entry.term, entry.data) for entry in peer.disk.durable.entries[-2:]
    ]


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 3)], ids=["leader and follower", "two followers"])
def test_e21_a_missing_link_of_three(one: int, other: int) -> None:
    """Two members that do not hear each other leave a group that serves, and soon without new elections."""
    group = group_of(3)
    group.elect(1)
    group.cut([one], [other])

    assert group.serves_within(10 * T)
    group.tick(5 * T)
    (leader,) = group.leaders()
    term = group[leader].status.term
    group.tick(10 * T)
    assert term == group[leader].status.term


def test_e21_a_partial_mesh_of_five() -> None:
    """A ring in which each member hears its two neighbours only has a quorum around every member."""
    group = group_of(5)
    group.elect(1)
    for node in range(1, 6):
        group.cut([node], [(node + 1) % 5 + 1, (node + 2) % 5 + 1])

    assert group.serves_within(20 * T)


def test_e21_a_bridge_between_an_old_leader_and_a_quorum() -> None:
    """One member hears both the old leader's side and the other: the group serves, and one leader remains."""
    group = group_of(5)
    group.elect(1)
    group.cut([1, 2], [4, 5])

    assert group.serves_within(20 * T)
    group.tick(10 * T)
    assert len(group.leaders()) == 1


def test_e21_a_member_that_hears_nothing() -> None:
    """Who can send but not receive campaigns in vain, and the leader and its term stay."""
    group = group_of(3)
    group.elect(1)
    group.cut([1, 2], [3], both_ways=False)
    group.tick(10 * T)

    assert (group.leaders(), group[1].status.term) == ([1], 2)
    assert group.serves_within(1)


def test_e21_a_leader_that_hears_nothing() -> None:
    """A leader whose heartbeats still go out steps down, and another serves."""
    group = group_of(3)
    group.elect(1)
    group.cut([2, 3], [1], both_ways=False)

    assert group.serves_within(20 * T)
    assert group.leaders() != [1]
    assert of_type(group.sent, MessageType.HEARTBEAT)
