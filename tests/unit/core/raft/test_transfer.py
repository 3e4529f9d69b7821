"""Handing over the lead: each test is named after its rule in docs/raft.md."""

from __future__ import annotations

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange
from dojopool.core.raft.elections import TRANSFER
from dojopool.core.raft.messages import Message, MessageType, Role
from dojopool.errors import CallerError, ProposalDropped
from support.raft_net import Group, group_of, holding, solo
from support.raft_words import START, heartbeat, of_type

T = 10
ORDER = MessageType.TIMEOUT_NOW


def group_led_by_1(count: int = 3) -> Group:
    """A group whose leader is 1."""
    group = group_of(count)
    group.elect(1)
    return group


def transfer(group: Group, node: int, to: int) -> None:
    """Ask `node` to hand over, and run until quiet."""
    group[node].node.transfer_leader(to)
    group.settle()


def order(term: int, last: tuple[int, int], *, from_: int = 2, to: int = 1) -> Message:
    """A leader's request to campaign."""
    return Message(ORDER, to, from_, term, index=last[0], log_term=last[1])


def test_x1_a_transfer_is_refused_to_whom_it_cannot_go() -> None:
    """Itself, a learner, a stranger: the caller is told, and nothing begins."""
    group = group_of(3, learners=[4])
    group.elect(1)
    for node in (1, 4, 9):
        with pytest.raises(CallerError, match=str(node)):
            group[1].node.transfer_leader(node)

    assert (group[1].status.transferee, group[1].node.has_ready()) == (0, False)


def test_x1_who_follows_nobody_cannot_ask() -> None:
    """No leader is known that could hand over."""
    peer = solo()
    with pytest.raises(ProposalDropped):
        peer.node.transfer_leader(1)
    peer.node.campaign()
    peer.pump()
    with pytest.raises(ProposalDropped):
        peer.node.transfer_leader(1)


def test_x1_a_follower_asks_its_leader() -> None:
    """The request reaches the leader, which judges it; a stranger's is dropped."""
    group = group_led_by_1()
    group[1].hear(Message(MessageType.TRANSFER_LEADER, 1, 9, 2, index=9))
    assert group[1].status.transferee == 0
    transfer(group, 2, 2)

    assert group.leaders() == [2]


def test_x2_proposals_fail_during_a_transfer() -> None:
    """The caller is told that it may try again; changes of members are refused alike."""
    group = group_led_by_1()
    group.loses = lambda message: message.type is ORDER
    transfer(group, 1, 2)
    last = group[1].status.last
    with pytest.raises(ProposalDropped, match="2"):
        group[1].node.propose(b"x")
    with pytest.raises(ProposalDropped):
        group[1].node.propose_conf_change(ConfChange(ChangeType.ADD_LEARNER, 4))

    assert last == group[1].status.last


def test_x2_a_transfer_is_aborted_after_the_election_timeout() -> None:
    """The old leader serves again."""
    group = group_led_by_1()
    group.loses = lambda message: message.type is ORDER
    transfer(group, 1, 2)
    group.tick(T - 1)
    assert group[1].status.transferee == 2
    group.tick()

    assert (group[1].status.transferee, group[1].status.role) == (0, Role.LEADER)
    group.propose(1, b"x")
    assert [peer.commands for peer in group.peers.values()] == [[b"x"]] * 3


def test_x2_a_transfer_to_a_dead_member_does_not_last() -> None:
    """The group serves after T."""
    group = group_led_by_1()
    group.isolate(2)
    transfer(group, 1, 2)

    assert group.serves_within(T + 1)


def test_x3_the_successor_is_told_when_it_holds_everything() -> None:
    """First it catches up, then it is asked to campaign."""
    group = group_led_by_1()
    group.isolate(3)
    group.propose(1, b"a", b"b")
    group.heal()
    group.loses = lambda message: message.type is MessageType.APPEND and message.to == 3
    transfer(group, 1, 3)
    assert of_type(group.sent, ORDER) == []
    group.heal()
    group.tick(3)

    assert group.leaders() == [3]
    assert group[3].commands == [b"a", b"b"]


@pytest.mark.parametrize(
    "message",
    [order(1, (3, 1)), order(2, (2, 1)), order(2, (4, 1)), order(2, (3, 2))],
    ids=["older term", "shorter log", "longer log", "other log"],
)
def test_x3_a_request_that_does_not_fit_is_not_obeyed(message: Message) -> None:
    """Only a follower of that term whose log ends there campaigns."""
    peer = solo(holding(1, 1))
    peer.hear(heartbeat(2))
    peer.hear(message)

    assert (peer.status.role, peer.status.term) == (Role.FOLLOWER, 2)
    peer.hear(order(2, (3, 1)))
    assert (peer.status.role, peer.status.term) == (Role.CANDIDATE, 3)


def test_x3_only_a_follower_obeys() -> None:
    """A candidate goes on with its own election."""
    peer = solo(pre_vote=False)
    peer.node.campaign()
    peer.pump()
    peer.hear(order(2, START))

    assert (peer.status.role, peer.status.term) == (Role.CANDIDATE, 2)


def test_x3_a_learner_does_not_obey() -> None:
    """Nor does anyone else who may not campaign."""
    group = group_of(3, learners=[4])
    group.elect(1)
    last = group[4].status.last
    group[4].hear(order(2, (last, 2), from_=1, to=4))

    assert group[4].is_a(Role.FOLLOWER)


def test_x4_a_second_request_to_the_same_member_changes_nothing() -> None:
    """Its time is not begun anew."""
    group = group_led_by_1()
    group.loses = lambda message: message.type is ORDER
    transfer(group, 1, 2)
    group.tick(T - 2)
    transfer(group, 1, 2)
    assert group[1].status.transferee == 2
    group.tick(2)

    assert group[1].status.transferee == 0
    assert len(of_type(group.sent, ORDER)) == 1


def test_x4_a_request_to_another_member_replaces_the_first() -> None:
    """It has the full time, and leads in the end."""
    group = group_led_by_1()
    group.isolate(2)
    transfer(group, 1, 2)
    transfer(group, 1, 3)

    assert [node for node in group.leaders() if group[node].status.term > 2] == [3]


def test_x5_a_transfer_needs_no_pre_vote_and_overrides_loyalty() -> None:
    """The followers heard the old leader just now, and vote all the same, in one round."""
    group = group_led_by_1(5)
    group.tick(3)
    group.sent.clear()
    transfer(group, 1, 2)

    assert (group.leaders(), group[2].status.term) == ([2], 3)
    assert of_type(group.sent, MessageType.PRE_VOTE) == []
    assert {TRANSFER} == {message.context for message in of_type(group.sent, MessageType.VOTE)}


def test_x5_the_flag_dies_with_the_campaign() -> None:
    """If it fails, the next campaign of that member is like any other."""
    group = group_led_by_1()
    group.loses = lambda message: message.type in {MessageType.VOTE, MessageType.VOTE_RESPONSE}
    transfer(group, 1, 2)
    assert group[2].is_a(Role.CANDIDATE)
    group.sent.clear()
    group.isolate(2)
    group.tick(3 * T, only=[2])

    asked = of_type(group.sent, MessageType.PRE_VOTE, MessageType.VOTE)
    assert asked
    assert {(MessageType.PRE_VOTE, b"")} == {(message.type, message.context) for message in asked}


@pytest.mark.parametrize("kind", [ChangeType.REMOVE, ChangeType.ADD_LEARNER], ids=["removed", "demoted"])
def test_x6_a_successor_that_is_no_voter_any_more_is_none(kind: ChangeType) -> None:
    """The transfer is aborted when that is applied, and the leader serves on."""
    group = group_led_by_1()
    group[1].holds_apply = True
    group[1].node.propose_conf_change(ConfChange(kind, 2))
    group.settle()
    group.loses = lambda message: message.type is ORDER
    transfer(group, 1, 2)
    assert group[1].status.transferee == 2
    group[1].holds_apply = False
    group[1].apply()
    group.settle()

    assert (group[1].status.transferee, group[1].status.role) == (0, Role.LEADER)
    group.propose(1, b"x")
    assert group[3].commands == [b"x"]


def test_x2_a_change_of_leader_ends_the_transfer() -> None:
    """The old leader remembers nothing of it when it leads again."""
    group = group_led_by_1()
    transfer(group, 1, 2)
    assert group.leaders() == [2]
    transfer(group, 2, 1)
    group.propose(1, b"x")

    assert (group.leaders(), group[1].status.transferee) == ([1], 0)
    assert group[2].commands == [b"x"]
