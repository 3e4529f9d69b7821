"""Changes of the members, and leaders and members that are gone: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange, Transition
from dojopool.core.raft.messages import (
    ConfState,
    EntryType,
    HardState,
    Message,
    MessageType,
    Role,
    Snapshot,
    Stored,
)
from dojopool.core.raft.options import Options
from dojopool.errors import CorruptState
from support.raft_net import Group, Peer, bootstrap, group_of, holding, newcomer, snapshot_at, solo
from support.raft_roles import T, change
from support.raft_words import ack, granted, snapshot, vote

VOTER, LEARNER, REMOVE = ChangeType.ADD_VOTER, ChangeType.ADD_LEARNER, ChangeType.REMOVE


def joint_peer(incoming: tuple[int, ...], outgoing: tuple[int, ...]) -> Peer:
    """Member 1, alone at hand, of a group in a joint configuration."""
    config = ConfState(voters=incoming, voters_outgoing=outgoing)
    return solo(Stored(HardState(1, 0, 1), Snapshot(1, 1, config)), pre_vote=False)


HALVES = pytest.mark.parametrize(
    ("incoming", "outgoing"), [((1, 2, 3), (1, 4, 5)), ((1, 4, 5), (1, 2, 3))], ids=["one way", "swapped"]
)


def test_m7_the_leader_leaves_by_itself() -> None:
    """Nobody has to ask for it when several members change at once."""
    group = group_of(3, learners=[4, 5])
    group.elect(1)
    change(group, 1, (VOTER, 4), (VOTER, 5), (REMOVE, 3))
    group.tick(2)

    assert {ConfState((1, 2, 4, 5))} == {group[node].status.config for node in (1, 2, 4, 5)}


def test_m7_a_new_leader_leaves_what_the_old_one_entered() -> None:
    """The old leader is gone before it could propose leaving."""
    group = group_of(3)
    group.elect(1)
    group.loses = lambda message: any(entry.data == bytes(1) for entry in message.entries)
    change(group, 1, (LEARNER, 1), transition=Transition.IMPLICIT)
    group.tick(2)
    config = ConfState((2, 3), (), (1, 2, 3), (1,), auto_leave=True)
    assert {config} == {peer.status.config for peer in group.peers.values()}
    group.isolate(1)
    group.loses = lambda _message: False
    group.tick(6 * T, only=[2, 3])

    assert {ConfState((2, 3), (1,))} == {group[node].status.config for node in (2, 3)}


def test_m7_an_aborted_transfer_does_not_keep_it_joint() -> None:
    """While a transfer is under way nothing is proposed; after it is over, leaving is."""
    group = group_of(3)
    group.elect(1)
    group[1].holds_apply = True
    change(group, 1, (LEARNER, 3), transition=Transition.IMPLICIT)
    group.loses = lambda message: message.type is MessageType.TIMEOUT_NOW
    group[1].node.transfer_leader(2)
    group[1].holds_apply = False
    group[1].apply()
    group.settle()
    assert group[1].status.transferee == 2
    assert group[1].status.config.voters_outgoing
    group.tick(2 * T)

    assert (0, ConfState((1, 2), (3,))) == (group[1].status.transferee, group[1].status.config)


def test_m7_leaving_is_proposed_once() -> None:
    """However many ticks pass before it is applied."""
    group = group_of(3)
    group.elect(1)
    group[1].holds_apply = True
    change(group, 1, (LEARNER, 3), transition=Transition.IMPLICIT)
    group[1].holds_apply = False
    group[1].apply()
    group.cut([1], [2, 3])
    group.tick(T // 2, only=[1])

    leaves = [entry for entry in group[1].disk.durable.entries if entry.type is EntryType.CONF_CHANGE_V2]
    assert len(leaves) == 2


def test_m8_a_candidate_learns_of_a_committed_change() -> None:
    """Of four voters 1 was removed and 4 is dead. Only 2 holds the last entry, so only 2 can win; it needs three votes
    by what it knows, until 3 tells it that the removal is committed.
    """
    group = group_of(4)
    group.elect(1)
    group.isolate(4)
    group[1].holds_apply = True
    group.loses = lambda message: (
        (message.to == 3 and any(entry.data == b"x" for entry in message.entries))
        or (message.to == 2 and message.commit >= 3)
    )
    group[1].node.propose_conf_change(ConfChange(REMOVE, 1))
    group.post(group[1].pump())
    group[1].node.propose(b"x")
    group.settle()
    group.tick(only=[1])
    two, three = group[2].status, group[3].status
    assert ((two.last, two.commit), (three.last, three.commit)) == ((4, 2), (3, 3))
    assert (two.config.voters, three.config.voters) == ((1, 2, 3, 4), (2, 3, 4))
    group.isolate(1)
    group.loses = lambda _message: False
    group.tick(20 * T, only=[2, 3])

    assert (group[2].status.role, group[2].status.config.voters) == (Role.LEADER, (2, 3, 4))
    assert group[3].commands == [b"x"]


def test_m8_a_voter_learns_of_a_committed_change_from_the_asker() -> None:
    """A request tells what its sender knows to be committed."""
    peer = solo(holding(1, 1))
    request = vote(2, (2, 1))
    peer.hear(Message(request.type, 1, 2, 2, 1, 2, commit=2, commit_term=1))

    assert peer.status.commit == 2


def test_m8_only_the_very_entry_counts() -> None:
    """An index alone proves nothing: the entry there may be another one."""
    peer = solo(holding(1, 1))
    for commit, term in ((2, 2), (2, 0), (9, 1)):
        peer.hear(Message(MessageType.VOTE, 1, 2, 2, 1, 2, commit=commit, commit_term=term))

    assert peer.status.commit == 1


def test_m9_a_smaller_group_commits_at_once() -> None:
    """What two of four hold is committed when only three count."""
    peer = solo(bootstrap([1, 2, 3, 4]), pre_vote=False)
    peer.node.campaign()
    peer.pump()
    for node in (2, 3):
        peer.hear(granted(2, from_=node))
    for node in (2, 3):
        peer.hear(ack(2, 2, from_=node))
    peer.node.propose_conf_change(ConfChange(REMOVE, 4))
    index = peer.node.propose(b"x")
    peer.pump()
    peer.hear(ack(2, index, from_=2))
    assert peer.status.commit == 2
    peer.hear(ack(2, index - 1, from_=3))

    assert index == peer.status.commit
    assert peer.commands == [b"x"]


def test_m11_a_removed_member_deposes_nobody() -> None:
    """It does not know that it was removed, campaigns for ever, and nobody heeds it."""
    for has_pre_vote in (True, False):
        group = group_of(4, pre_vote=has_pre_vote)
        group.elect(1)
        group.isolate(4)
        change(group, 1, (REMOVE, 4))
        group.heal()
        for _ in range(10 * T):
            group.tick()
        assert (group.leaders(), group[1].status.term) == ([1], 2)
        assert group.serves_within(1)


def test_m11_a_member_that_was_cut_off_deposes_nobody() -> None:
    """It returns after a hundred campaigns, in the same term."""
    group = group_of(3)
    group.elect(1)
    group.isolate(3)
    group.tick(20 * T)
    assert group[3].status.term == 2
    group.heal()
    group.tick(5 * T)

    assert (group.leaders(), group[1].status.term) == ([1], 2)


def test_m12_an_unreachable_member_can_be_removed() -> None:
    """Nothing is asked of it."""
    group = group_of(3)
    group.elect(1)
    group.isolate(3)
    change(group, 1, (REMOVE, 3))

    assert group[1].status.config.voters == (1, 2)
    assert sorted(group[1].status.peers) == [1, 2]
    group.propose(1, b"x")
    assert [group[node].commands for node in (1, 2)] == [[b"x"]] * 2


def test_m12_two_of_four_can_be_replaced_through_a_joint_configuration() -> None:
    """One unreachable member of four goes and another comes, in one step."""
    group = group_of(4)
    group.elect(1)
    group.isolate(4)
    group.add(newcomer(5))
    change(group, 1, (REMOVE, 4), (VOTER, 5))
    group.tick(5)

    assert ConfState((1, 2, 3, 5)) == group[1].status.config == group[5].status.config


def test_m14_a_snapshot_can_hold_a_joint_configuration() -> None:
    """Who installs it is in the middle of the change, and leaves it with the rest."""
    config = ConfState((1, 2), (), (1, 2, 3), (3,), auto_leave=True)
    peer = solo(pre_vote=False)
    peer.hear(snapshot(2, Snapshot(9, 2, config)))
    assert config == peer.status.config
    peer.crash()
    assert config == peer.status.config
    peer.node.campaign()
    peer.pump()
    peer.hear(granted(3, from_=3))
    assert peer.is_a(Role.CANDIDATE)
    peer.hear(granted(3, from_=2))
    assert peer.is_a(Role.LEADER)
    peer.hear(ack(3, 10, from_=2))
    peer.tick()
    peer.hear(ack(3, 11, from_=2))

    assert ConfState((1, 2), (3,)) == peer.status.config


def test_m14_a_snapshot_of_no_possible_group_is_corrupt() -> None:
    """A learner that is also a voter, say."""
    with pytest.raises(CorruptState):
        solo(Stored(HardState(1, 0, 1), snapshot_at(1, 1, learners=[3])))


def test_m7_options_of_the_members_may_differ() -> None:
    """A group built peer by peer, as a driver does."""
    group = Group(*(Peer(Options(id=node, heartbeat_ticks=node), bootstrap([1, 2, 3])) for node in (1, 2, 3)))
    group.elect(2)
    change(group, 2, (REMOVE, 3), (LEARNER, 1))
    group.tick(5)

    assert ConfState((2,), (1,)) == group[2].status.config


def test_m9_a_smaller_group_answers_the_reads_that_wait() -> None:
    """A read that waited for the member that is removed waits no longer."""
    peer = solo(bootstrap([1, 2]), pre_vote=False)
    peer.node.campaign()
    peer.pump()
    peer.hear(granted(2, from_=2))
    peer.hear(ack(2, 2, from_=2))
    peer.holds_apply = True
    index = peer.node.propose_conf_change(ConfChange(REMOVE, 2))
    peer.pump()
    peer.hear(ack(2, index, from_=2))
    peer.node.read_index(b"r")
    peer.pump()
    assert peer.reads == []
    peer.apply()
    peer.pump()

    assert [read.context for read in peer.reads] == [b"r"]
