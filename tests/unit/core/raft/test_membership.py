"""Changes of the members that are allowed, refused and applied: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange, Transition
from dojopool.core.raft.messages import (
    ConfState,
    Entry,
    EntryType,
    HardState,
    Message,
    MessageType,
    Role,
)
from dojopool.core.raft.progress import ProgressState
from dojopool.errors import ConfChangeRefused
from support.raft_net import entries, group_of, holding, solo
from support.raft_roles import HALVES, T, change, joint_peer
from support.raft_words import START, ack, append, granted, of_type

VOTER, LEARNER, REMOVE = ChangeType.ADD_VOTER, ChangeType.ADD_LEARNER, ChangeType.REMOVE


@HALVES
def test_m1_an_election_needs_both_majorities(incoming: tuple[int, ...], outgoing: tuple[int, ...]) -> None:
    """Votes of one half alone, however many, make no leader."""
    peer = joint_peer(incoming, outgoing)
    peer.node.campaign()
    assert {2, 3, 4, 5} == {message.to for message in of_type(peer.pump(), MessageType.VOTE)}
    peer.hear(granted(2, from_=2))
    peer.hear(granted(2, from_=3))

    assert peer.is_a(Role.CANDIDATE)
    peer.hear(granted(2, from_=4))
    assert peer.is_a(Role.LEADER)


@HALVES
def test_m1_a_commit_needs_both_majorities(incoming: tuple[int, ...], outgoing: tuple[int, ...]) -> None:
    """So does an entry."""
    peer = joint_peer(incoming, outgoing)
    peer.node.campaign()
    peer.pump()
    for node in (2, 4):
        peer.hear(granted(2, from_=node))
    peer.hear(ack(2, 2, from_=2))
    peer.hear(ack(2, 2, from_=3))

    assert peer.status.commit == 1
    peer.hear(ack(2, 2, from_=5))
    assert peer.status.commit == 2


@HALVES
def test_m1_check_quorum_needs_both_majorities(incoming: tuple[int, ...], outgoing: tuple[int, ...]) -> None:
    """A leader that one half does not answer steps down."""
    peer = joint_peer(incoming, outgoing)
    peer.node.campaign()
    peer.pump()
    for node in (2, 4):
        peer.hear(granted(2, from_=node))
    for _ in range(2 * T):
        for beat in of_type(peer.tick(), MessageType.HEARTBEAT):
            if beat.to in (2, 3) and peer.is_a(Role.LEADER):
                peer.hear(Message(MessageType.HEARTBEAT_RESPONSE, 1, beat.to, 2, context=beat.context))

    assert peer.is_a(Role.FOLLOWER)


def test_m2_one_unapplied_change_at_a_time() -> None:
    """The second is refused until the first is applied."""
    group = group_of(3)
    group.elect(1)
    group[1].holds_apply = True
    change(group, 1, (LEARNER, 4))
    with pytest.raises(ConfChangeRefused, match="not applied"):
        change(group, 1, (LEARNER, 5))
    assert group[1].status.last == 3
    group[1].apply()
    change(group, 1, (LEARNER, 5))
    group[1].apply()

    assert group[1].status.config.learners == (4, 5)


def test_m2_a_fresh_leader_takes_its_tail_to_hold_a_change() -> None:
    """Until its tail is applied it proposes none, whatever the entries are."""
    peer = solo(holding(1, 1, hard=HardState(1, 0, 1)), pre_vote=False)
    peer.node.campaign()
    peer.pump()
    peer.hear(granted(2, from_=2))
    peer.holds_apply = True
    peer.hear(ack(2, 4, from_=2))
    assert peer.status.commit == 4
    with pytest.raises(ConfChangeRefused, match="not applied"):
        peer.node.propose_conf_change(ConfChange(LEARNER, 4))
    peer.apply()

    assert peer.node.propose_conf_change(ConfChange(LEARNER, 4)) == 5


def test_m3_no_change_before_a_commit_in_the_leaders_term() -> None:
    """Else two leaders that do not know of each other's change could each find a majority."""
    peer = solo(pre_vote=False)
    peer.node.campaign()
    peer.pump()
    peer.hear(granted(2, from_=2))
    with pytest.raises(ConfChangeRefused, match="term 2"):
        peer.node.propose_conf_change(ConfChange(LEARNER, 4))
    peer.hear(ack(2, 2, from_=2))

    assert peer.node.propose_conf_change(ConfChange(LEARNER, 4)) == 3


@pytest.mark.parametrize(
    ("parts", "transition"),
    [
        (((REMOVE, 1), (REMOVE, 2), (REMOVE, 3)), Transition.AUTO),
        (((LEARNER, 1), (LEARNER, 2), (LEARNER, 3)), Transition.IMPLICIT),
        ((), Transition.AUTO),
    ],
    ids=["no voter left", "only learners", "leave when not joint"],
)
def test_m4_illegal_changes_are_refused(parts: tuple[tuple[ChangeType, int], ...], transition: Transition) -> None:
    """Nothing is proposed, and the configuration stays."""
    group = group_of(3)
    group.elect(1)
    before = group[1].status
    with pytest.raises(ConfChangeRefused):
        change(group, 1, *parts, transition=transition)

    assert before == group[1].status


def test_m4_no_joint_configuration_inside_another() -> None:
    """The first must be left before the next change."""
    group = group_of(3)
    group.elect(1)
    change(group, 1, (LEARNER, 3), transition=Transition.EXPLICIT)
    for parts in ([(VOTER, 4)], [(VOTER, 4), (VOTER, 5)]):
        with pytest.raises(ConfChangeRefused, match="leave it first"):
            change(group, 1, *parts)

    assert ConfState((1, 2), (), (1, 2, 3), (3,)) == group[1].status.config


def test_m5_a_demoted_voter_votes_in_the_old_half_and_then_listens() -> None:
    """It keeps its progress through both steps."""
    group = group_of(3)
    group.elect(1)
    group.propose(1, b"x")
    match = group[1].status.peers[3].match
    change(group, 1, (LEARNER, 3), transition=Transition.EXPLICIT)
    assert ConfState((1, 2), (), (1, 2, 3), (3,)) == group[1].status.config
    assert group[1].status.peers[3].match > match
    group.cut([1], [3])
    change(group, 1)

    assert ConfState((1, 2), (3,)) == group[1].status.config
    assert (True, match + 1) == (group[1].status.peers[3].is_learner, group[1].status.peers[3].match)
    assert group[1].status.peers[3].state is ProgressState.REPLICATE


def test_m5_a_learner_is_promoted_with_its_progress() -> None:
    """What it holds counts at once."""
    group = group_of(2, learners=[3])
    group.elect(1)
    group.propose(1, b"x")
    change(group, 1, (VOTER, 3))

    assert ConfState((1, 2, 3)) == group[3].status.config
    assert group[1].status.peers[3].match == group[1].status.last


def test_m6_a_leader_that_removes_itself_goes_when_that_is_applied() -> None:
    """The others hold the entry, lead on without it, and it is a follower of nobody."""
    group = group_of(3)
    group.elect(1)
    change(group, 1, (REMOVE, 1))

    assert group[1].is_a(Role.FOLLOWER)
    assert {(2, 3)} == {group[node].status.config.voters for node in (2, 3)}
    group.tick(3 * T)
    assert [group[1].status.role] == [Role.FOLLOWER]
    assert set(group.leaders()) <= {2, 3}
    assert group.serves_within(3 * T)


def test_m6_a_leader_on_its_way_out_does_not_count_itself() -> None:
    """In the new half its disk is nobody's: both others must hold the last entries."""
    group = group_of(3, step_down_on_removal=False)
    group.elect(1)
    change(group, 1, (REMOVE, 1))
    assert (group[1].status.config.voters, group[1].status.role) == ((2, 3), Role.LEADER)
    commit = group[1].status.commit
    group.isolate(3)
    group.tick(1)
    with pytest.raises(Exception, match="removed"):
        group[1].node.propose(b"x")

    assert commit == group[1].status.commit


def test_m6_a_leader_that_demotes_itself_goes_too() -> None:
    """A learner leads nobody."""
    group = group_of(3)
    group.elect(1)
    change(group, 1, (LEARNER, 1))
    group.tick(5)

    assert (Role.FOLLOWER, ConfState((2, 3), (1,))) == (group[1].status.role, group[1].status.config)
    assert group.serves_within(5 * T)
    assert group[1].commands == [b"fresh"]


def test_m6_a_leader_leaves_through_a_joint_configuration() -> None:
    """It leads in the old half until the joint configuration is left, and proposes leaving it."""
    group = group_of(3, learners=[4])
    group.elect(1)
    change(group, 1, (REMOVE, 1), (VOTER, 4))
    group.tick(3)

    assert group[1].is_a(Role.FOLLOWER)
    assert {ConfState((2, 3, 4))} == {group[node].status.config for node in (2, 3, 4)}


def test_m2_a_change_that_fails_to_be_proposed_leaves_room_for_the_next() -> None:
    """A refusal counts for nothing."""
    group = group_of(3)
    group.elect(1)
    with pytest.raises(ConfChangeRefused):
        change(group, 1)
    change(group, 1, (LEARNER, 4))

    assert group[1].status.config.learners == (4,)


def test_m4_a_change_that_cannot_be_applied_stops_the_node() -> None:
    """A leader without the check could propose it: then whoever applies it is told, before anything is touched."""
    peer = solo()
    data = bytes([Transition.AUTO])
    leave = Entry(2, 2, EntryType.CONF_CHANGE_V2, data)
    with pytest.raises(ConfChangeRefused):
        peer.hear(append(2, after=START, entries=(leave, *entries(3, 2)), commit=3))

    assert ConfState((1, 2, 3)) == peer.status.config
