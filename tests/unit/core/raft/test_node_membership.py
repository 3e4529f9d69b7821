"""Changes of the members: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange, ConfChangeV2, Transition
from dojopool.core.raft.messages import (
    ConfState,
    Entry,
    EntryType,
    HardState,
    Message,
    MessageType,
    Role,
    Snapshot,
    Stored,
)
from dojopool.core.raft.options import Options
from dojopool.core.raft.progress import ProgressState
from dojopool.errors import ConfChangeRefused, CorruptState
from support.raft_net import Group, Peer, bootstrap, entries, group_of, holding, newcomer, snapshot_at, solo
from support.raft_words import START, ack, append, granted, of_type, snapshot, vote

T = 10
VOTER, LEARNER, REMOVE = ChangeType.ADD_VOTER, ChangeType.ADD_LEARNER, ChangeType.REMOVE


def change(group: Group, leader: int, *parts: tuple[ChangeType, int], transition: Transition = Transition.AUTO) -> None:
    """Propose changes at the leader and run until quiet."""
    made = ConfChangeV2(tuple(ConfChange(kind, node) for kind, node in parts), transition)
    group[leader].node.propose_conf_change(made)
    group.settle()


def joint_peer(incoming: tuple[int, ...], outgoing: tuple[int, ...]) -> Peer:
    """Member 1, alone at hand, of a group in a joint configuration."""
    config = ConfState(voters=incoming, voters_outgoing=outgoing)
    return solo(Stored(HardState(1, 0, 1), Snapshot(1, 1, config)), pre_vote=False)


HALVES = pytest.mark.parametrize(
    ("incoming", "outgoing"), [((1, 2, 3), (1, 4, 5)), ((1, 4, 5), (1, 2, 3))], ids=["one way", "swapped"]
)


@HALVES
def test_m1_an_election_needs_both_majorities(incoming: tuple[int, ...], outgoing: tuple[int, ...]) -> None:
    """Votes of one half alone, however many, make no leader."""
    peer = joint_peer(incoming, outgoing)
    peer.node.campaign()
    assert {2, 3, 4, 5} == {message.to for message in of_type(peer.pump(), MessageType.VOTE)}
    peer.hear(granted(2, from_=2))
    peer.hear(granted(2, from_=3))

    assert peer.status.role is Role.CANDIDATE
    peer.hear(granted(2, from_=4))
    assert peer.status.role is Role.LEADER


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
            if beat.to in (2, 3) and peer.status.role is Role.LEADER:
                peer.hear(Message(MessageType.HEARTBEAT_RESPONSE, 1, beat.to, 2, context=beat.context))

    assert peer.status.role is Role.FOLLOWER


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

    assert Role.FOLLOWER is group[1].status.role
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
    assert ((2, 3), Role.LEADER) == (group[1].status.config.voters, group[1].status.role)
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

    assert Role.FOLLOWER is group[1].status.role
    assert {ConfState((2, 3, 4))} == {group[node].status.config for node in (2, 3, 4)}


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
    assert ((4, 2), (3, 3)) == ((two.last, two.commit), (three.last, three.commit))
    assert ((1, 2, 3, 4), (2, 3, 4)) == (two.config.voters, three.config.voters)
    group.isolate(1)
    group.loses = lambda _message: False
    group.tick(20 * T, only=[2, 3])

    assert (Role.LEADER, (2, 3, 4)) == (group[2].status.role, group[2].status.config.voters)
    assert [b"x"] == group[3].commands


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
    assert [b"x"] == peer.commands


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
        assert ([1], 2) == (group.leaders(), group[1].status.term)
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

    assert ([1], 2) == (group.leaders(), group[1].status.term)


def test_m12_an_unreachable_member_can_be_removed() -> None:
    """Nothing is asked of it."""
    group = group_of(3)
    group.elect(1)
    group.isolate(3)
    change(group, 1, (REMOVE, 3))

    assert (1, 2) == group[1].status.config.voters
    assert [1, 2] == sorted(group[1].status.peers)
    group.propose(1, b"x")
    assert [[b"x"]] * 2 == [group[node].commands for node in (1, 2)]


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
    assert peer.status.role is Role.CANDIDATE
    peer.hear(granted(3, from_=2))
    assert peer.status.role is Role.LEADER
    peer.hear(ack(3, 10, from_=2))
    peer.tick()
    peer.hear(ack(3, 11, from_=2))

    assert ConfState((1, 2), (3,)) == peer.status.config


def test_m14_a_snapshot_of_no_possible_group_is_corrupt() -> None:
    """A learner that is also a voter, say."""
    with pytest.raises(CorruptState):
        solo(Stored(HardState(1, 0, 1), snapshot_at(1, 1, learners=[3])))


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


def test_m7_options_of_the_members_may_differ() -> None:
    """A group built peer by peer, as a driver does."""
    group = Group(*(Peer(Options(id=node, heartbeat_ticks=node), bootstrap([1, 2, 3])) for node in (1, 2, 3)))
    group.elect(2)
    change(group, 2, (REMOVE, 3), (LEARNER, 1))
    group.tick(5)

    assert ConfState((2,), (1,)) == group[2].status.config
