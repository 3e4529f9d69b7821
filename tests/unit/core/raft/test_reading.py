"""Reads that ask a quorum: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange, ConfChangeV2, Transition
from dojopool.core.raft.messages import Message, MessageType
from support.raft_net import Group, group_of, solo
from support.raft_roles import T, answers, beats, leader
from support.raft_words import ack, heartbeat, of_type

BEAT, BEAT_ANSWER = MessageType.HEARTBEAT, MessageType.HEARTBEAT_RESPONSE


def test_r1_a_read_waits_for_an_entry_of_the_leaders_term() -> None:
    """Before, the leader does not know what is committed; the read is kept, and answered after."""
    peer = leader()
    peer.node.read_index(b"r")
    sent = peer.pump()
    for beat in beats([*sent, *peer.tick()]).values():
        peer.hear(answers(beat))
    assert peer.answered(b"r") is None
    sent = peer.hear(ack(2, 2, from_=2))
    peer.hear(answers(beats(sent)[2]))

    assert peer.answered(b"r") == 2


def test_r1_an_answer_covers_every_acknowledged_write() -> None:
    """The index of a read is at least that of every write committed before it was asked for."""
    group = group_of(3)
    group.elect(1)
    index = group.propose(1, b"x")
    for node in (1, 2, 3):
        group[node].node.read_index(b"r")
    group.settle()

    assert [index] * 3 == [peer.answered(b"r") for peer in group.peers.values()]


def test_r2_learners_confirm_nothing() -> None:
    """Only voters can say that nobody else leads."""
    group = group_of(3, learners=[4, 5])
    group.elect(1)
    group.cut([1], [2, 3])
    group[1].node.read_index(b"r")
    group.settle()

    assert group[1].answered(b"r") is None
    group.heal()
    group.tick()
    assert group[1].answered(b"r") == 2


@pytest.mark.parametrize("missing", [(2, 3), (4, 5)], ids=["old half", "new half"])
def test_r2_both_halves_confirm(missing: tuple[int, ...]) -> None:
    """In a joint configuration one majority is not enough."""
    group = joint_group()
    group.cut([1], missing)
    group[1].node.read_index(b"r")
    group.settle()

    assert group[1].answered(b"r") is None
    group.heal()
    group.tick()
    assert group[1].answered(b"r") == group[1].status.commit


def joint_group() -> Group:
    """Voters 1 to 3 and 1, 4, 5, under leader 1; every member knows it."""
    group = group_of(3, learners=[4, 5])
    group.elect(1)
    parts = [(ChangeType.REMOVE, 2), (ChangeType.REMOVE, 3), (ChangeType.ADD_VOTER, 4), (ChangeType.ADD_VOTER, 5)]
    change = ConfChangeV2(tuple(ConfChange(kind, node) for kind, node in parts), Transition.EXPLICIT)
    group[1].node.propose_conf_change(change)
    group.settle()
    assert (group[1].status.config.voters, group[1].status.config.voters_outgoing) == ((1, 4, 5), (1, 2, 3))
    return group


def test_r3_an_earlier_heartbeats_answer_confirms_nothing() -> None:
    """It says that this node led before the read, not after."""
    peer = leader(commits=True)
    early = beats(peer.tick())
    peer.node.read_index(b"r")
    late = beats(peer.pump())
    for beat in early.values():
        peer.hear(answers(beat))

    assert peer.answered(b"r") is None
    peer.hear(answers(late[2]))
    assert peer.answered(b"r") == 2


def test_r3_a_later_rounds_answer_confirms_earlier_reads() -> None:
    """The heartbeats of a lost round need no repeating: the next ones carry a number of their own."""
    peer = leader(commits=True)
    peer.node.read_index(b"a")
    first = beats(peer.pump())
    second = beats(peer.tick())
    assert len({beat.context for beat in (*first.values(), *second.values())}) == 2
    peer.hear(answers(second[3]))

    assert peer.answered(b"a") == 2


def test_r3_a_heartbeat_without_a_round_confirms_nothing() -> None:
    """Nor does one with a number that was never given, or of an older term."""
    peer = leader(commits=True)
    peer.node.read_index(b"r")
    (beat, _) = beats(peer.pump()).values()
    for context in (b"", b"x", bytes(8)):
        peer.hear(replace(answers(beat), context=context))
    peer.hear(replace(answers(beat), term=1))
    peer.hear(replace(answers(beat), from_=9))

    assert peer.answered(b"r") is None


def test_r3_a_change_of_role_fails_all_that_wait() -> None:
    """Who asked is told to ask again, at the leader and at a follower; nobody waits for ever."""
    peer = leader(5)
    peer.node.read_index(b"early")
    peer.hear(Message(MessageType.READ_INDEX, 1, 3, context=b"from 3"))
    sent = peer.hear(heartbeat(3, from_=2))

    assert peer.answered(b"early") == 0
    assert [
        (message.to, message.context, message.reject) for message in of_type(sent, MessageType.READ_INDEX_RESPONSE)
    ] == [(3, b"from 3", True)]
    peer = leader(5, commits=True)
    peer.node.read_index(b"late")
    peer.pump()
    peer.hear(heartbeat(3, from_=2))
    assert peer.answered(b"late") == 0


def test_r3_a_read_without_a_leader_is_refused() -> None:
    """There is nobody to ask."""
    peer = solo()
    peer.node.read_index(b"r")
    peer.pump()

    assert peer.answered(b"r") == 0


def test_r3_a_deposed_leader_answers_no_read() -> None:
    """It cannot know what its successor has committed."""
    group = group_of(3)
    group.elect(1)
    group.isolate(1)
    group[3].node.forget_leader()
    group.elect(2)
    group.propose(2, b"new")
    group[1].node.read_index(b"r")
    group.tick(5 * T)

    assert group[1].answered(b"r") == 0


def test_r4_a_read_is_answered_from_what_is_applied() -> None:
    """The index of the answer is what to wait for; a slow application makes the read wait, not lie."""
    group = group_of(3)
    group.elect(1)
    group[2].holds_apply = True
    index = group.propose(1, b"x")
    group[2].node.read_index(b"r")
    group.settle()
    assert (index, []) == (group[2].answered(b"r"), group[2].commands)

    assert group[2].status.applied < index
    group[2].apply()
    assert ([b"x"], index) == (group[2].commands, group[2].status.applied)


def test_r11_reads_at_a_follower_do_not_keep_it_from_electing() -> None:
    """While the leader is dead, also in the middle of a transfer, asking it for reads is no sign of its life."""
    group = group_of(3)
    group.elect(1)
    group.loses = lambda message: message.type is MessageType.TIMEOUT_NOW
    group[1].node.transfer_leader(2)
    group.settle()
    group.heal()
    group.isolate(1)
    for number in range(5 * T):
        for node in (2, 3):
            group[node].node.read_index(b"%d" % number)
        group.tick(only=[2, 3])

    assert set(group.leaders()) & {2, 3}
