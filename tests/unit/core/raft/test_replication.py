"""What is accepted, known and committed: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from random import Random

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange
from dojopool.core.raft.messages import Entry, HardState, Message, MessageType
from dojopool.errors import LogConflict
from support.raft_net import Peer, bootstrap, entries, group_of, holding, snapshot_at, solo
from support.raft_roles import acked, leader
from support.raft_words import START, ack, append, heartbeat, of_type, snapshot

APPEND = MessageType.APPEND


def terms(peer: Peer) -> list[int]:
    """The terms of what is stored, from index 2 on."""
    return [entry.term for entry in peer.disk.durable.entries]


@pytest.mark.parametrize("after", [(9, 3), (4, 2), (3, 3)], ids=["not there", "older term", "newer term"])
def test_l1_an_append_must_follow_a_matching_entry(after: tuple[int, int]) -> None:
    """What does not match is refused, and the log stays."""
    peer = solo(holding(1, 2, 3))
    (answer,) = peer.hear(append(4, after=after, entries=entries(after[0] + 1, 4), commit=9))

    assert (answer.type, answer.reject, answer.index) == (MessageType.APPEND_RESPONSE, True, after[0])
    assert (terms(peer), peer.status.commit) == ([1, 2, 3], 1)


@pytest.mark.parametrize(
    "sent", [entries(2, 2) + entries(4, 2), entries(3, 2), entries(2, 2, 2)[::-1], entries(2, 2) * 2]
)
def test_l1_entries_with_holes_are_refused_whole(sent: tuple[Entry, ...]) -> None:
    """Not even the part before the hole is taken."""
    peer = solo()
    with pytest.raises(LogConflict, match="behind 1"):
        peer.node.step(append(2, entries=sent, commit=9))
    peer.pump()

    assert (terms(peer), peer.status.commit) == ([], 1)


def test_l2_an_older_append_cuts_nothing() -> None:
    """What was acknowledged stays, whatever arrives late."""
    peer = solo()
    peer.hear(append(2, entries=entries(2, 2, 2, 2, 2)))
    (answer,) = peer.hear(append(2, entries=entries(2, 2)))

    assert terms(peer) == [2, 2, 2, 2]
    assert (answer.index, answer.reject) == (2, False)
    peer.hear(append(2))
    assert terms(peer) == [2, 2, 2, 2]


def test_l2_only_what_follows_the_conflict_goes() -> None:
    """The log is cut at the first entry of another term, not before."""
    peer = solo(holding(1, 1, 2, 2))
    first, second = peer.disk.durable.entries[:2]
    peer.hear(append(3, entries=entries(2, 1, 1, 3)))

    assert terms(peer) == [1, 1, 3]
    assert (first, second) == peer.disk.durable.entries[:2]


def test_l2_appends_in_any_order_leave_the_same_log() -> None:
    """Every order and repetition of a leader's appends ends with its whole log."""
    sent = [append(2, entries=entries(2, 2)), append(2, after=(2, 2), entries=entries(3, 2)), append(2, after=(3, 2))]
    for order in product(sent, repeat=4):
        peer = solo()
        longest = 1
        for message in order:
            peer.hear(message)
            assert peer.status.last >= longest
            longest = peer.status.last


@pytest.mark.parametrize(
    "message",
    [
        append(2, after=START, entries=entries(2, 1, 2)),
        append(2, after=START, entries=entries(2, 1, 2, 2, 2, 2)),
        append(2, after=(2, 2), entries=entries(3, 2)),
        append(2, after=(3, 2)),
    ],
    ids=["entry", "entry among many", "entry before", "nothing but the entry before"],
)
def test_l3_a_conflict_below_commit_stops_the_node(message: Message) -> None:
    """Two leaders disagree about what is committed: nothing is repaired in silence."""
    peer = solo(holding(1, 1, 1, hard=HardState(1, 0, 3)))
    with pytest.raises(LogConflict, match="committed"):
        peer.node.step(message)
    peer.pump()

    assert terms(peer) == [1, 1, 1]


def test_l4_commit_ends_with_the_message() -> None:
    """What the message does not cover may be another leader's."""
    peer = solo(holding(1, 1, 1))
    peer.hear(append(2, entries=entries(2, 1), commit=4))

    assert peer.status.commit == 2
    peer.hear(append(2, after=(3, 1), commit=4))
    assert peer.status.commit == 3


def test_l4_commit_never_decreases() -> None:
    """A late message knows less."""
    peer = solo()
    peer.hear(append(2, entries=entries(2, 2, 2), commit=3))
    peer.hear(append(2, entries=entries(2, 2), commit=2))
    peer.hear(heartbeat(2, commit=1))

    assert peer.status.commit == 3


def test_l5_heartbeats_carry_what_the_follower_holds() -> None:
    """A follower whose tail is unknown is told no more than is known of it."""
    peer = leader()
    acked(peer, 2, 2)
    assert peer.status.commit == 2
    beats = {message.to: message.commit for message in of_type(peer.tick(), MessageType.HEARTBEAT)}

    assert beats == {2: 2, 3: 0}


def test_l5_an_unverified_tail_is_not_committed() -> None:
    """A member with the tail of a deposed leader commits none of it by heartbeats."""
    group = group_of(3)
    group.elect(1)
    group.isolate(1)
    group[1].node.propose(b"never")
    group.post(group[1].pump())
    group.wire.clear()
    group[3].node.forget_leader()
    group.elect(2)
    group.propose(2, b"kept")
    group.heal()
    group.loses = lambda message: message.type is APPEND
    group.tick(3)

    assert group[1].commands == []
    group.heal()
    group.tick(3)
    assert [peer.commands for peer in group.peers.values()] == [[b"kept"]] * 3


def test_l6_a_snapshot_without_content_commits_nothing() -> None:
    """Only an installed snapshot moves the commit index."""
    peer = solo(holding(1, 1, 1, 1))
    peer.hear(replace(snapshot(2, None), commit=5, index=5))

    assert (peer.status.commit, peer.status.last) == (1, 5)


def test_l6_a_snapshot_commits_when_it_is_stored() -> None:
    """Before, the disk keeps the old log, and a crash goes back to it."""
    peer = solo(holding(1, 1))
    peer.holds_disk = True
    assert peer.hear(snapshot(2, snapshot_at(9, 2, data=b"a b"))) == []

    assert (peer.disk.durable.hard_state.commit, peer.commands) == (1, [])
    peer.crash()
    assert (peer.status.commit, peer.status.last) == (1, 3)


def test_l7_what_is_known_never_decreases() -> None:
    """A late acknowledgement takes nothing back."""
    peer = leader(3, 1, 1)
    acked(peer, 2, 4)
    acked(peer, 2, 2)

    assert (peer.status.peers[2].match, peer.status.peers[2].next) == (4, 5)


def test_l7_an_acknowledgement_of_an_older_term_counts_nothing() -> None:
    """It speaks of another leader's entries."""
    peer = leader(3, 1, 1)
    peer.hear(ack(1, 4, from_=2))

    assert (peer.status.peers[2].match, peer.status.commit) == (0, 1)


def test_l8_an_acknowledgement_of_a_former_life_counts_nothing() -> None:
    """A member removed and added again starts with nothing, whatever its former self had said."""
    group = group_of(4)
    group.elect(1)
    group.propose(1, b"x")
    late = ack(2, group[1].status.last, from_=4)
    for change in (ChangeType.REMOVE, ChangeType.ADD_LEARNER):
        group[1].node.propose_conf_change(ConfChange(change, 4))
        group.cut([1], [4])
        group.settle()
    group[1].hear(late)

    assert group[1].status.peers[4].match == 0


def test_l9_a_stale_refusal_lowers_nothing() -> None:
    """What was acknowledged since stays known, and is not sent again."""
    peer = leader(3, 1, 1)
    acked(peer, 2, 4)
    peer.hear(Message(MessageType.APPEND_RESPONSE, 1, 2, 2, index=3, reject=True, reject_hint=1, log_term=1))

    assert (peer.status.peers[2].match, peer.status.peers[2].next) == (4, 5)


def test_l9_known_is_below_next_whatever_arrives() -> None:
    """A thousand acknowledgements and refusals in any order keep the law."""
    chance = Random(9)
    peer = leader(3, 1, 1, 1, 1)
    known = 0
    for _ in range(1000):
        index, hint = chance.randrange(7), chance.randrange(7)
        peer.hear(
            Message(
                MessageType.APPEND_RESPONSE,
                1,
                2,
                2,
                index=index,
                reject=chance.random() < 0.7,
                reject_hint=hint,
                log_term=chance.randrange(3),
            )
        )
        one = peer.status.peers[2]
        assert known <= one.match < one.next
        known = one.match


def test_l10_the_commit_index_is_that_of_brute_force() -> None:
    """Whatever five members acknowledge in whatever order, the leader commits what some three of them hold."""
    chance = Random(10)
    for _ in range(100):
        peer = leader(5, *[1] * 6)
        held = dict.fromkeys(range(2, 6), 0) | {1: peer.status.last}
        for _ in range(12):
            node, index = chance.randrange(2, 6), chance.randrange(1, peer.status.last + 1)
            acked(peer, node, index)
            held[node] = max(held[node], index)
            counted = max(min(held[node] for node in three) for three in combinations(held, 3))
            # Only the last entry is of the leader's term.
            assert (counted if counted == peer.status.last else 1) == peer.status.commit


def test_l11_a_leader_counts_itself_when_its_disk_has_it() -> None:
    """One follower and an unflushed disk are one of three."""
    peer = leader()
    acked(peer, 2, 2)
    peer.holds_disk = True
    index = peer.node.propose(b"x")
    peer.pump()
    acked(peer, 2, index)

    assert peer.status.commit == index - 1
    peer.flush()
    assert peer.status.commit == index


def test_l11_two_followers_need_no_disk_of_the_leader() -> None:
    """A majority holds it, and the leader may apply what it has not stored."""
    peer = leader()
    acked(peer, 2, 2)
    peer.holds_disk = True
    index = peer.node.propose(b"x")
    peer.pump()
    acked(peer, 2, index)
    acked(peer, 3, index)

    assert peer.commands == [b"x"]
    assert index > peer.disk.durable.entries[-1].index


def test_l11_a_group_of_one_commits_what_is_durable() -> None:
    """Nothing is applied before the only disk has it."""
    peer = solo(bootstrap([1]))
    peer.node.campaign()
    peer.pump()
    peer.holds_disk = True
    peer.node.propose(b"x")
    peer.pump()

    assert peer.commands == []
    peer.flush()
    peer.pump()
    assert peer.commands == [b"x"]


def test_l12_a_leader_never_rewrites_its_log() -> None:
    """Whatever it hears of older terms, what it stores only grows while it leads."""
    group = group_of(3)
    group.elect(1)
    group.propose(1, b"a", b"b")
    before = group[1].disk.durable.entries
    group[1].hear(append(1, entries=entries(2, 1), from_=3))
    group[1].hear(snapshot(1, snapshot_at(99, 1), from_=3))
    group.propose(1, b"c")

    assert before == group[1].disk.durable.entries[: len(before)]
    assert len(before) + 1 == len(group[1].disk.durable.entries)
