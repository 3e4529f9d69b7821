"""Reads and leases: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange, ConfChangeV2, Transition
from dojopool.core.raft.messages import HardState, Message, MessageType, Role
from dojopool.core.raft.options import ReadMode
from support.raft_net import Group, Peer, bootstrap, group_of, holding, solo
from support.raft_words import START, ack, granted, heartbeat, of_type, pre_vote, vote

T = 10
BEAT, BEAT_ANSWER = MessageType.HEARTBEAT, MessageType.HEARTBEAT_RESPONSE
LEASES: dict[str, Any] = {"read_mode": ReadMode.LEASE, "lease_ms": 500}


def leader(count: int = 3, *, commits: bool = True, **options: Any) -> Peer:
    """Member 1 of `count` leads term 2; with `commits`, its empty entry at index 2 is committed."""
    members = range(1, count + 1)
    peer = solo(bootstrap(members), pre_vote=False, draw=lambda bound: bound - 1, **options)
    peer.tick(T)  # What it may have promised before it started is over.
    peer.node.campaign()
    peer.pump()
    for node in range(2, count // 2 + 2):
        peer.hear(granted(2, from_=node))
    if commits:
        for node in range(2, count + 1):
            peer.hear(ack(2, 2, from_=node))
    assert peer.status.role is Role.LEADER
    return peer


def answers(beat: Message) -> Message:
    """What a follower says to a heartbeat."""
    return Message(BEAT_ANSWER, beat.from_, beat.to, beat.term, context=beat.context)


def beats(messages: list[Message]) -> dict[int, Message]:
    """Receiver -> heartbeat."""
    return {message.to: message for message in of_type(messages, BEAT)}


def at(peer: Peer, now_ms: int) -> None:
    """Tell the time."""
    peer.node.observe_time(now_ms)


def test_r1_a_read_waits_for_an_entry_of_the_leaders_term() -> None:
    """Before, the leader does not know what is committed; the read is kept, and answered after."""
    peer = leader(commits=False)
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
    assert ((1, 4, 5), (1, 2, 3)) == (group[1].status.config.voters, group[1].status.config.voters_outgoing)
    return group


def test_r3_an_earlier_heartbeats_answer_confirms_nothing() -> None:
    """It says that this node led before the read, not after."""
    peer = leader()
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
    peer = leader()
    peer.node.read_index(b"a")
    first = beats(peer.pump())
    second = beats(peer.tick())
    assert len({beat.context for beat in (*first.values(), *second.values())}) == 2
    peer.hear(answers(second[3]))

    assert peer.answered(b"a") == 2


def test_r3_a_heartbeat_without_a_round_confirms_nothing() -> None:
    """Nor does one with a number that was never given, or of an older term."""
    peer = leader()
    peer.node.read_index(b"r")
    (beat, _) = beats(peer.pump()).values()
    for context in (b"", b"x", bytes(8)):
        peer.hear(replace(answers(beat), context=context))
    peer.hear(replace(answers(beat), term=1))
    peer.hear(replace(answers(beat), from_=9))

    assert peer.answered(b"r") is None


def test_r3_a_change_of_role_fails_all_that_wait() -> None:
    """Who asked is told to ask again, at the leader and at a follower; nobody waits for ever."""
    peer = leader(5, commits=False)
    peer.node.read_index(b"early")
    peer.hear(Message(MessageType.READ_INDEX, 1, 3, context=b"from 3"))
    sent = peer.hear(heartbeat(3, from_=2))

    assert peer.answered(b"early") == 0
    assert [(3, b"from 3", True)] == [
        (message.to, message.context, message.reject) for message in of_type(sent, MessageType.READ_INDEX_RESPONSE)
    ]
    peer = leader(5)
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


def test_r5_a_lease_counts_from_the_sending() -> None:
    """However late the answer comes, the followers' promise began no earlier than the heartbeat was sent."""
    peer = leader(**LEASES)
    at(peer, 1000)
    sent = beats(peer.tick())
    at(peer, 1400)
    peer.hear(answers(sent[2]))

    assert peer.node.holds_lease(1499)
    assert not peer.node.holds_lease(1500)
    assert not peer.node.holds_lease(999)


def test_r5_a_lease_needs_a_quorum() -> None:
    """One answer of four followers is not enough, and the lease counts from the quorum's oldest answer."""
    peer = leader(5, **LEASES)
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
    peer = leader(**LEASES)
    at(peer, 1000)
    sent = beats(peer.tick())
    peer.hear(answers(sent[2]))
    peer.node.read_index(b"quick")
    assert {} == beats(peer.pump())
    assert peer.answered(b"quick") == 2
    at(peer, 1500)
    peer.node.read_index(b"slow")

    (two, _) = beats(peer.pump()).values()
    assert peer.answered(b"slow") is None
    peer.hear(answers(two))
    assert peer.answered(b"slow") == 2


def test_r6_no_lease_before_a_quorum_answered_in_this_term() -> None:
    """Winning an election is no promise of anybody."""
    peer = leader(**LEASES)
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
    peer = leader(commits=False, **LEASES)
    at(peer, 1000)
    peer.hear(answers(beats(peer.tick())[2]))
    assert not peer.node.holds_lease(1000)
    peer.hear(ack(2, 2, from_=2))

    assert peer.node.holds_lease(1000)


def with_lease() -> Peer:
    """A leader of three with a lease from 1000 to 1500 ms."""
    peer = leader(**LEASES)
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
    assert (2, 2, 2) == (order.term, order.index, order.log_term)
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
    assert (Role.LEADER, 0) == (group[1].status.role, group[1].status.transferee)
    group.heal()
    group.post(group[2].hear(order))
    group.settle()

    assert group[2].status.role is not Role.LEADER


def test_r8_a_restarted_voter_gives_no_vote_for_a_while() -> None:
    """It may have promised a leader what it has forgotten since."""
    peer = solo(holding(hard=HardState(2, 0, 1)), draw=lambda bound: bound - 1, **LEASES)
    for request in (vote(3, (9, 9)), pre_vote(3, (9, 9))):
        assert [] == peer.hear(request)
    assert peer.status.term == 2
    peer.tick(T - 1)
    assert [] == peer.hear(vote(3, (9, 9)))
    peer.node.campaign()
    assert peer.status.role is Role.FOLLOWER
    peer.tick()

    assert [False] == [answer.reject for answer in peer.hear(vote(3, (9, 9)))]


def test_r8_without_leases_a_restarted_voter_votes_at_once() -> None:
    """It has promised nothing."""
    peer = solo(holding(hard=HardState(2, 0, 1)))

    assert [False] == [answer.reject for answer in peer.hear(vote(3, (9, 9)))]


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
    peer = leader(**LEASES)
    at(peer, 1000)
    at(peer, 500)
    sent = beats(peer.tick())
    peer.hear(answers(sent[2]))

    assert peer.node.holds_lease(1499)
    assert not peer.node.holds_lease(1500)


def test_r9_no_lease_for_who_is_never_told_the_time() -> None:
    """Ticks are no clock."""
    peer = leader(**LEASES)
    peer.hear(answers(beats(peer.tick())[2]))

    assert not peer.node.holds_lease(0)


@pytest.mark.parametrize(("options", "forgets"), [(LEASES, False), ({}, True)], ids=["leases", "no leases"])
def test_r10_forgetting_the_leader_is_refused_with_leases(options: dict[str, Any], forgets: bool) -> None:
    """The lease is a promise of the followers."""
    peer = solo(bootstrap([1, 2, 3]), **options)
    peer.hear(heartbeat(1))
    peer.node.forget_leader()

    assert (peer.status.leader == 0) is forgets
    assert ([] == peer.hear(pre_vote(2, START, from_=3))) is not forgets


def test_r10_a_leader_does_not_forget_itself() -> None:
    """Only followers have a leader to forget."""
    peer = leader()
    peer.node.forget_leader()

    assert (Role.LEADER, 1) == (peer.status.role, peer.status.leader)


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
