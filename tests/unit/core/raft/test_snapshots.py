"""Snapshots and compaction: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange
from dojopool.core.raft.messages import ConfState, HardState, Message, MessageType, Role
from dojopool.core.raft.progress import ProgressState
from dojopool.errors import CallerError
from support.raft_net import Group, bootstrap, entries, group_of, holding, newcomer, snapshot_at, solo
from support.raft_words import START, ack, append, heartbeat, of_type, snapshot, vote

LEARNER = ChangeType.ADD_LEARNER


def left_behind(trailing: int = 0) -> Group:
    """Three members, of whom 3 missed ten commands that the leader then compacted but for `trailing`."""
    group = group_of(3)
    group.elect(1)
    group.isolate(3)
    group.propose(1, *(b"%d" % number for number in range(10)))
    group[1].compact(trailing=trailing)
    return group


@pytest.mark.parametrize("index", [2, 3])
def test_s1_an_old_snapshot_is_ignored(index: int) -> None:
    """It is answered with what is committed, so that the leader goes on from there."""
    peer = solo(holding(1, 1, 1, hard=HardState(1, 0, 3)))
    before = peer.disk.durable.entries
    (answer,) = peer.hear(snapshot(1, snapshot_at(index, 1)))

    assert (answer.type, answer.index, answer.reject) == (MessageType.APPEND_RESPONSE, 3, False)
    assert (before, 3) == (peer.disk.durable.entries, peer.status.commit)


@pytest.mark.parametrize("index", [5, 9], ids=["older", "the same"])
def test_s1_a_snapshot_that_is_behind_the_compacted_log_is_ignored(index: int) -> None:
    """The entries that could tell whether it matches are gone; that it is old is enough."""
    peer = solo()
    peer.hear(snapshot(2, snapshot_at(9, 2, data=b"a b")))
    (answer,) = peer.hear(snapshot(2, snapshot_at(index, 2, data=b"a")))

    assert (answer.index, peer.status.commit, peer.commands) == (9, 9, [b"a", b"b"])


def test_s2_a_snapshot_that_the_log_holds_moves_only_commit() -> None:
    """The suffix may have been acknowledged: it stays."""
    peer = solo(holding(1, 1, 2, 2))
    before = peer.disk.durable.entries
    seen: list[object] = []
    peer.watch = lambda _node, ready: seen.append(ready.snapshot)
    (answer,) = peer.hear(snapshot(2, snapshot_at(4, 2)))

    assert ([None], before) == (seen, peer.disk.durable.entries)
    assert (answer.index, peer.status.commit, peer.status.last) == (4, 4, 5)


@pytest.mark.parametrize("index", [3, 9], ids=["inside the log", "behind it"])
def test_s3_a_snapshot_that_differs_replaces_the_whole_log(index: int) -> None:
    """Also what stands above it belongs to a leader that lost."""
    peer = solo(holding(1, 1, 1, 1, 1))
    (answer,) = peer.hear(snapshot(2, snapshot_at(index, 2, data=b"a b")))

    assert ((), index) == (peer.disk.durable.entries, answer.index)
    assert (index, index, [b"a", b"b"]) == (peer.status.commit, peer.status.last, peer.commands)
    peer.hear(append(2, after=(index, 2), entries=entries(index + 1, 2)))
    assert index + 1 == peer.status.last


def test_s3_a_follower_with_a_foreign_tail_is_not_sent_snapshots_for_ever() -> None:
    """A long tail of a deposed leader, above the snapshot, does not keep it from catching up."""
    group = group_of(3)
    group.elect(3)
    group.isolate(3)
    for number in range(20):
        group[3].node.propose(b"lost%d" % number)
    group.post(group[3].pump())
    group.wire.clear()
    group[2].node.forget_leader()
    group.elect(1)
    group.propose(1, b"a", b"b", b"c")
    group[1].compact()
    group.heal()
    group.tick(5)

    assert group[3].commands == [b"a", b"b", b"c"]
    assert group[1].status.last == group[3].status.last
    assert len(of_type(group.sent, MessageType.SNAPSHOT)) == 1


def test_s4_the_members_are_the_snapshots() -> None:
    """A change that was in the replaced log, applied or not, is gone."""
    group = group_of(3)
    group.elect(3)
    group.isolate(3)
    group[3].node.propose_conf_change(ConfChange(ChangeType.ADD_VOTER, 9))
    group.post(group[3].pump())
    group.wire.clear()
    group[2].node.forget_leader()
    group.elect(1)
    group[1].node.propose_conf_change(ConfChange(LEARNER, 4))
    group.settle()
    group[1].compact()
    group.heal()
    group.tick(5)

    assert ConfState(voters=(1, 2, 3), learners=(4,)) == group[3].status.config
    assert {peer.status.config for peer in group.peers.values()} == {group[1].status.config}
    group[3].crash()
    assert ConfState(voters=(1, 2, 3), learners=(4,)) == group[3].status.config


def test_s5_nothing_is_applied_while_a_snapshot_is_pending() -> None:
    """Entries behind it wait until it is stored, and are applied then."""
    peer = solo()
    peer.holds_disk = True
    peer.hear(snapshot(1, snapshot_at(5, 1, data=b"a")))
    peer.hear(append(1, after=(5, 1), entries=entries(6, 1), commit=6))

    assert (peer.commands, peer.status.commit) == ([], 6)
    peer.flush()
    peer.pump()
    assert (peer.commands, peer.status.applied) == ([b"a", b"1.6"], 6)


def test_s5_two_snapshots_in_a_row_never_move_applied_back() -> None:
    """The first one's completion comes when the second is pending."""
    peer = solo()
    peer.holds_disk = True
    applied = [peer.status.applied]
    peer.hear(snapshot(1, snapshot_at(5, 1, data=b"a")))
    peer.hear(snapshot(1, snapshot_at(8, 1, data=b"a b")))
    while peer.disk.waiting:
        peer.flush(1)
        peer.pump()
        applied.append(peer.status.applied)

    assert sorted(applied) == applied
    assert (peer.status.applied, peer.commands) == (8, [b"a", b"b"])


def test_s6_any_acknowledgement_that_joins_it_to_the_log_frees_it() -> None:
    """The answer to the snapshot is lost; an older append's answer, or a later snapshot's, is as good."""
    group = left_behind(trailing=5)
    group.heal()
    group.loses = lambda message: message.type is MessageType.SNAPSHOT
    group.tick(2)
    one = group[1].status.peers[3]
    assert (one.state, one.pending_snapshot) == (ProgressState.SNAPSHOT, 12)
    group[1].hear(ack(2, 8, from_=3))

    assert group[1].status.peers[3].state is ProgressState.REPLICATE


def test_s6_an_acknowledgement_behind_the_log_frees_nobody() -> None:
    """Who still lacks forgotten entries still waits for the snapshot."""
    group = left_behind()
    group.heal()
    group.loses = lambda message: message.type is MessageType.SNAPSHOT
    group.tick(2)
    sent = group[1].hear(ack(2, 5, from_=3))

    assert of_type(sent, MessageType.SNAPSHOT) == []
    assert group[1].status.peers[3].state is ProgressState.SNAPSHOT


def test_s6_a_report_of_success_frees_it() -> None:
    """The transport's word is enough to probe behind the snapshot."""
    group = left_behind()
    group.heal()
    group.loses = lambda message: message.type is MessageType.APPEND_RESPONSE and not message.reject
    group.tick(2)
    group[1].node.report_snapshot(3, True)
    assert (group[1].status.peers[3].state, group[1].status.peers[3].next) == (ProgressState.PROBE, 13)
    group.heal()
    group.tick(2)

    assert group[1].status.peers[3].state is ProgressState.REPLICATE
    assert group[1].commands == group[3].commands


def test_s7_a_failed_transfer_waits_for_a_heartbeat() -> None:
    """Then it probes where the member was, and so finds that the snapshot is needed again."""
    group = left_behind()
    group.heal()
    group.loses = lambda message: message.type is MessageType.SNAPSHOT
    group.tick(2)
    group[1].node.report_snapshot(3, False)
    assert of_type(group[1].pump(), MessageType.SNAPSHOT, MessageType.APPEND, to=3) == []
    one = group[1].status.peers[3]
    assert (one.state, one.next, one.paused) == (ProgressState.PROBE, one.match + 1, True)
    group.heal()
    group.tick(2)

    assert group[1].commands == group[3].commands
    assert len(of_type(group.sent, MessageType.SNAPSHOT)) == 2


def test_s7_a_snapshot_of_another_term_is_dropped() -> None:
    """A deposed leader's snapshot changes nothing."""
    peer = solo(holding(1, 1, hard=HardState(4, 0, 1)))
    peer.hear(snapshot(3, snapshot_at(9, 3)))

    assert (peer.status.commit, peer.status.last) == (1, 3)


def test_s8_an_append_behind_index_0_is_nothing_special() -> None:
    """A log that was compacted does not begin again."""
    peer = solo()
    peer.hear(snapshot(2, snapshot_at(9, 2)))
    (answer,) = peer.hear(append(2, after=(0, 0), entries=entries(1, 1, 1)))

    assert (answer.index, answer.reject) == (9, False)
    assert (peer.status.last, peer.disk.durable.entries) == (9, ())


def test_s8_a_newcomer_is_sent_the_snapshot() -> None:
    """Whose log is empty gets the group's first state, which does not name it yet, and then the entry that adds it."""
    group = group_of(1)
    group.elect(1)
    group.propose(1, b"x")
    group.add(newcomer(2))
    group[1].node.propose_conf_change(ConfChange(LEARNER, 2))
    group.settle()
    group.tick(3)

    assert [message.snapshot.index for message in of_type(group.sent, MessageType.SNAPSHOT) if message.snapshot] == [1]
    assert ([b"x"], ConfState((1,), (2,))) == (group[2].commands, group[2].status.config)


def test_s9_compaction_stops_at_what_is_applied() -> None:
    """A snapshot holds what is applied, and a newer one never gives way to an older."""
    group = group_of(1)
    group.elect(1)
    group.propose(1, b"a", b"b")
    group[1].holds_apply = True
    index = group.propose(1, b"c")
    assert group[1].status.commit == index
    with pytest.raises(CallerError, match="applied"):
        group[1].node.compact(snapshot_at(index, 2, voters=[1]))
    group[1].compact()
    group[1].node.compact(snapshot_at(index - 2, 2, voters=[1]))

    assert (index, index - 1) == (group[1].status.first, group[1].status.applied)


def test_s9_trailing_entries_serve_a_follower_that_is_a_little_behind() -> None:
    """It gets entries; one that is further behind gets the snapshot."""
    group = left_behind(trailing=11)
    assert group[1].status.first == 2
    group.heal()
    group.tick(2)
    assert of_type(group.sent, MessageType.SNAPSHOT) == []

    group = left_behind(trailing=9)
    assert group[1].status.first == 4
    group.heal()
    group.tick(2)
    assert len(of_type(group.sent, MessageType.SNAPSHOT)) == 1
    assert group[1].commands == group[3].commands


def test_s10_a_learner_added_while_unreachable_catches_up() -> None:
    """The log is purged to its tip when it is first heard of."""
    group = group_of(3)
    group.elect(1)
    group.add(newcomer(4))
    group.isolate(4)
    group[1].node.propose_conf_change(ConfChange(LEARNER, 4))
    group.settle()
    group.propose(1, b"a", b"b")
    group.tick(30)
    group[1].compact()
    assert group[1].status.first == group[1].status.last + 1
    group.heal()
    group.tick(5)

    assert (group[4].commands, group[4].status.config.learners) == ([b"a", b"b"], (4,))
    assert group[1].status.peers[4].state is ProgressState.REPLICATE


def test_s11_a_snapshot_without_the_receiver_is_refused() -> None:
    """It would leave this node outside of the group that sent it."""
    peer = solo(holding(1, 1))
    (answer,) = peer.hear(snapshot(2, snapshot_at(9, 2, voters=[2, 3])))

    assert (peer.status.commit, peer.status.last, peer.status.config.voters) == (1, 3, (1, 2, 3))
    assert answer.index == 1


def test_s11_a_newcomer_that_is_not_named_never_campaigns() -> None:
    """It holds the state as a stranger until the entry that adds it is applied."""
    peer = newcomer(4)
    peer.hear(snapshot(2, snapshot_at(9, 2), to=4))
    peer.tick(100)

    assert (peer.status.commit, peer.status.role) == (9, Role.FOLLOWER)


def test_s10_a_silent_member_is_sent_no_snapshot() -> None:
    """It would be lost, and nobody might ever say so; when the member is heard again it gets one."""
    group = group_of(3)
    group.elect(1)
    group.isolate(3)
    group.propose(1, b"a")
    group[1].node.report_unreachable(3)
    group.tick(30)
    group[1].compact()
    group.propose(1, b"b")
    assert of_type(group.sent, MessageType.SNAPSHOT) == []
    group.heal()
    group.tick(3)

    assert group[3].commands == [b"a", b"b"]


@pytest.mark.parametrize(
    "config",
    [
        ConfState((2, 3), (1,)),
        ConfState((2, 3), (), (1, 2, 3)),
        ConfState((2, 3), (), (1, 2), learners_next=(1,)),
    ],
    ids=["learner", "in the old half", "learner to be"],
)
def test_s11_a_snapshot_that_names_the_receiver_in_any_part_is_taken(config: ConfState) -> None:
    """Voter of the old half and learner are members too."""
    peer = solo()
    peer.hear(snapshot(2, replace(snapshot_at(9, 2), config=config)))

    assert (9, config) == (peer.status.commit, peer.status.config)


def test_s1_a_snapshot_tells_of_a_leader() -> None:
    """It counts as a sign of life, like any message of a leader."""
    peer = solo(bootstrap([1, 2, 3]))
    peer.node.randomized_election_timeout = 10
    peer.tick(9)
    peer.hear(snapshot(1, snapshot_at(1, 1)))
    peer.tick(5)

    assert (peer.status.role, peer.status.leader) == (Role.FOLLOWER, 2)
    assert peer.hear(vote(2, (9, 9), from_=3)) == []
    assert [Message(MessageType.HEARTBEAT_RESPONSE, 2, 1, 1)] == peer.hear(heartbeat(1))
    assert (peer.status.last, 1) == START
