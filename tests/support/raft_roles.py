"""Raft members in the role that a test begins with, and what is often asked of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from dojopool.core.raft.confchange import ChangeType, ConfChange, ConfChangeV2, Transition
from dojopool.core.raft.messages import ConfState, HardState, Message, MessageType, Role, Snapshot, Stored
from support.raft_net import Group, Peer, bootstrap, holding, solo
from support.raft_words import ack, granted, of_type

T = 10
"""Election ticks of every member here."""


def candidate(count: int = 3) -> Peer:
    """Member 1 of `count`, standing for election in term 2; its own vote is durable."""
    peer = solo(bootstrap(range(1, count + 1)), pre_vote=False)
    peer.node.campaign()
    peer.pump()
    assert (peer.status.role, peer.status.term) == (Role.CANDIDATE, 2)
    return peer


def leader(count: int = 3, *terms: int, commits: bool = False, **options: Any) -> Peer:
    """Member 1 of `count` leads; its log has `terms` and then its empty entry. With `commits`, all hold that; else
    nobody has answered anything.
    """
    peer = solo(holding(*terms, members=range(1, count + 1)), pre_vote=False, draw=lambda bound: bound - 1, **options)
    peer.tick(T)  # What it may have promised before it started is over.
    peer.node.campaign()
    peer.pump()
    for node in range(2, count // 2 + 2):
        peer.hear(granted(peer.status.term, from_=node))
    assert peer.is_a(Role.LEADER)
    if commits:
        for node in range(2, count + 1):
            acked(peer, node, peer.status.last)
    return peer


def acked(peer: Peer, node: int, index: int) -> list[Message]:
    """What the leader sends after `node` acknowledged up to `index`."""
    return peer.hear(ack(peer.status.term, index, from_=node))


def beats(messages: Iterable[Message]) -> dict[int, Message]:
    """Receiver -> heartbeat."""
    return {message.to: message for message in of_type(messages, MessageType.HEARTBEAT)}


def answers(beat: Message) -> Message:
    """What a follower says to a heartbeat."""
    return Message(MessageType.HEARTBEAT_RESPONSE, beat.from_, beat.to, beat.term, context=beat.context)


def change(group: Group, node: int, *parts: tuple[ChangeType, int], transition: Transition = Transition.AUTO) -> None:
    """Propose changes of members at a leader and run until quiet."""
    made = ConfChangeV2(tuple(ConfChange(kind, who) for kind, who in parts), transition)
    group[node].node.propose_conf_change(made)
    group.settle()


def joint_peer(incoming: tuple[int, ...], outgoing: tuple[int, ...]) -> Peer:
    """Member 1, alone at hand, of a group in a joint configuration."""
    config = ConfState(voters=incoming, voters_outgoing=outgoing)
    return solo(Stored(HardState(1, 0, 1), Snapshot(1, 1, config)), pre_vote=False)


HALVES = pytest.mark.parametrize(
    ("incoming", "outgoing"), [((1, 2, 3), (1, 4, 5)), ((1, 4, 5), (1, 2, 3))], ids=["one way", "swapped"]
)
"""A joint configuration, and the same with its halves exchanged: nothing may depend on which is which."""
