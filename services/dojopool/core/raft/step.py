"""Which part of the protocol a message is for: first by its term, then by the role of this node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from dojopool.core.raft import elections, reading, replication, snapshots, transfer
from dojopool.core.raft.messages import NOBODY, Message, MessageType, Role
from dojopool.core.raft.raft import TERMLESS, Raft

Handler: TypeAlias = Callable[[Raft, Message], None]

VOTES = frozenset({MessageType.VOTE, MessageType.PRE_VOTE})
LEADERS = {
    MessageType.APPEND: replication.on_append,
    MessageType.HEARTBEAT: replication.on_heartbeat,
    MessageType.SNAPSHOT: snapshots.on_snapshot,
}
"""What only the leader of the message's term sends."""


def step(raft: Raft, message: Message) -> None:
    """Take one message. What is of no use is dropped. Raises LogConflict when this node's log contradicts the
    group's.
    """
    if message.term == 0 and message.type not in TERMLESS:
        return
    if message.term and not _settle_term(raft, message):
        return
    if message.type in VOTES:
        elections.on_vote_request(raft, message)
    elif message.type in LEADERS:
        _from_leader(raft, message)
    else:
        handler = HANDLERS[raft.role].get(message.type)
        if handler is not None:
            handler(raft, message)


def _settle_term(raft: Raft, message: Message) -> bool:
    """Bring this node to a higher term, answer a lower one; False when that was all there is to do."""
    if message.term < raft.term:
        _answer_old_term(raft, message)
        return False
    if message.type in VOTES and elections.ignores_campaigns(raft, message):
        return False
    if message.term > raft.term:
        _follow_term(raft, message)
    return True


def _follow_term(raft: Raft, message: Message) -> None:
    asks_ahead = message.type is MessageType.PRE_VOTE
    was_asked_ahead = message.type is MessageType.PRE_VOTE_RESPONSE and not message.reject
    if not asks_ahead and not was_asked_ahead:  # those two speak of a term that nobody began (rules E6, E10)
        raft.become_follower(message.term, message.from_ if message.type in LEADERS else NOBODY)
        if message.reject:
            elections.learn_commit(raft, message)


def _answer_old_term(raft: Raft, message: Message) -> None:
    options = raft.options
    if message.type in LEADERS and (options.check_quorum or options.pre_vote):
        # An old leader, which ours may be unable to depose: our term makes it follow (rule E7).
        raft.send(Message(MessageType.APPEND_RESPONSE, message.from_))
    elif message.type is MessageType.PRE_VOTE:
        elections.refuse(raft, message)  # silence would leave it asking for ever (rule E8)


def _from_leader(raft: Raft, message: Message) -> None:
    assert raft.role is not Role.LEADER, f"term {raft.term} has two leaders, {raft.id} and {message.from_}"
    if raft.role is not Role.FOLLOWER:
        raft.become_follower(message.term, message.from_)  # rule E4
    raft.hear_leader()
    raft.leader = message.from_
    LEADERS[message.type](raft, message)


def _on_read_index(raft: Raft, message: Message) -> None:
    reading.ask(raft, message.context, asked_by=message.from_)


def _on_transfer(raft: Raft, message: Message) -> None:
    transfer.begin(raft, message.index)


HANDLERS: dict[Role, dict[MessageType, Handler]] = {
    Role.FOLLOWER: {
        MessageType.TIMEOUT_NOW: transfer.obey,
        MessageType.READ_INDEX: _on_read_index,
        MessageType.READ_INDEX_RESPONSE: reading.on_response,
    },
    Role.PRE_CANDIDATE: {
        MessageType.PRE_VOTE_RESPONSE: elections.on_vote_response,
        MessageType.READ_INDEX: _on_read_index,
    },
    Role.CANDIDATE: {
        MessageType.VOTE_RESPONSE: elections.on_vote_response,
        MessageType.READ_INDEX: _on_read_index,
    },
    Role.LEADER: {
        MessageType.APPEND_RESPONSE: replication.on_append_response,
        MessageType.HEARTBEAT_RESPONSE: replication.on_heartbeat_response,
        MessageType.PROPOSE: replication.on_proposal,
        MessageType.READ_INDEX: _on_read_index,
        MessageType.TRANSFER_LEADER: _on_transfer,
    },
}
"""What is not in the table is dropped: it is old, or meant for another role."""


def tick(raft: Raft) -> None:
    """Time passes."""
    raft.election_elapsed += 1
    raft.leader_heard_ticks += 1
    if raft.role is Role.LEADER:
        _tick_leader(raft)
    elif raft.election_elapsed >= raft.randomized_election_timeout and raft.is_promotable:
        raft.election_elapsed = 0
        elections.campaign(raft)


def _tick_leader(raft: Raft) -> None:
    raft.heartbeat_elapsed += 1
    if raft.election_elapsed >= raft.options.election_ticks:
        raft.election_elapsed = 0
        if raft.options.check_quorum:
            elections.check_quorum(raft)
        if raft.role is Role.LEADER and raft.transferee != NOBODY:
            transfer.abort(raft)
    if raft.role is Role.LEADER and raft.heartbeat_elapsed >= raft.options.heartbeat_ticks:
        raft.heartbeat_elapsed = 0
        replication.broadcast_heartbeat(raft)
