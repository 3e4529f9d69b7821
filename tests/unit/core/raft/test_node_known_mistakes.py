"""Five mistakes that were found in PySyncObj 0.3.14 and 0.3.17 by playing the same messages; none is made here."""

from __future__ import annotations

from dojopool.core.raft.messages import HardState, Message, MessageType, Role
from support.raft_net import entries, group_of, holding, snapshot_at, solo
from support.raft_roles import candidate, leader
from support.raft_words import START, ack, append, granted, snapshot, vote


def test_the_same_vote_twice_makes_no_leader() -> None:
    """Of five members three have to vote; one that is heard twice is still one."""
    peer = candidate(5)
    peer.hear(granted(2, from_=4))
    peer.hear(granted(2, from_=4))

    assert not peer.is_a(Role.LEADER)


def test_a_repeated_append_takes_back_nothing_acknowledged() -> None:
    """The follower has acknowledged index 6; then the append with index 2 arrives once more."""
    peer = solo()
    early = append(2, entries=entries(2, 2))
    peer.hear(early)
    acknowledged = peer.hear(append(2, after=(2, 2), entries=entries(3, 2, 2, 2, 2)))
    peer.hear(early)

    assert [message.index for message in acknowledged] == [6]
    assert peer.disk.durable.entries[-1].index == 6


def test_a_snapshot_message_commits_no_tail_of_a_deposed_leader() -> None:
    """Neither one without content nor one that is older than what is committed moves the commit index."""
    tail = holding(1, 1, 1, 1)
    for message in (Message(MessageType.SNAPSHOT, 1, 2, 2, index=5, commit=5), snapshot(2, snapshot_at(1, 1))):
        peer = solo(tail)
        peer.hear(message)

        assert (peer.status.commit, peer.disk.durable.hard_state.commit) == (1, 1)


def test_an_acknowledgement_counts_for_its_own_term_only() -> None:
    """A follower acknowledged an entry to the last leader; the one of now has another entry at that index."""
    peer = leader(3, 1, 1)
    peer.hear(ack(1, peer.status.last, from_=2))
    peer.hear(ack(1, peer.status.last, from_=3))

    assert peer.status.commit == 1


def test_term_and_vote_survive_a_restart() -> None:
    """Whoever voted before a crash refuses every other candidate of that term after it, at any moment of the crash."""
    peer = solo()
    first = peer.hear(vote(7, START, from_=2))
    peer.crash()
    second = peer.hear(vote(7, START, from_=3))

    assert [(message.to, message.reject) for message in (*first, *second)] == [(2, False), (3, True)]
    assert HardState(term=7, vote=2, commit=1) == peer.disk.durable.hard_state


def test_every_message_twice_and_the_older_ones_again_harm_nobody() -> None:
    """The network may repeat: a group whose every message arrives twice, and once more much later, agrees as before."""
    group = group_of(5)
    group.elect(1)
    for number in range(5):
        group[1].node.propose(b"%d" % number)
        sent = group[1].pump()
        group.post([*sent, *sent])
        group.settle()
    late = list(group.sent)
    group.post(late)
    group.settle()

    assert group.leaders() == [1]
    assert {tuple(peer.commands) for peer in group.peers.values()} == {(b"0", b"1", b"2", b"3", b"4")}
