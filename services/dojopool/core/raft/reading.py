"""How a node comes by a read index: as leader from itself, as follower from its leader. Rules R1 to R11."""

from __future__ import annotations

from dojopool.core.raft import replication
from dojopool.core.raft.messages import NOBODY, Message, MessageType, ReadState, Role
from dojopool.core.raft.options import ReadMode
from dojopool.core.raft.raft import Raft
from dojopool.core.raft.reads import READS_MAX, Answer, refused


def ask(raft: Raft, context: bytes, *, asked_by: int = NOBODY) -> None:
    """Find out what a read must wait for. The answer comes as a ReadState with `context`, index 0 when refused."""
    if raft.role is Role.LEADER:
        _ask_here(raft, asked_by, context)
    elif raft.leader != NOBODY and asked_by == NOBODY:
        raft.send(Message(MessageType.READ_INDEX, raft.leader, context=context))
    else:
        raft.answer_read(refused(asked_by, context))


def _ask_here(raft: Raft, asked_by: int, context: bytes) -> None:
    if len(raft.reads) >= READS_MAX:
        raft.answer_read(refused(asked_by, context))
    elif not raft.has_committed_in_term:
        raft.reads.hold_back(asked_by, context)
    else:
        _register(raft, asked_by, context)


def _register(raft: Raft, asked_by: int, context: bytes) -> None:
    if raft.now_ms is not None and holds_lease(raft, raft.now_ms):
        raft.answer_read(Answer(asked_by, ReadState(raft.log.committed, context)))
        return
    if not raft.reads.round_open:
        replication.broadcast_heartbeat(raft)
    raft.reads.register(asked_by, context, index=raft.log.committed)
    confirm(raft)


def release(raft: Raft) -> None:
    """An entry of this term is committed: reads that came before can be registered."""
    for asked_by, context in raft.reads.held_back():
        _register(raft, asked_by, context)


def on_round_answered(raft: Raft, node: int, round_: int) -> None:
    """`node` answered a round of heartbeats."""
    raft.reads.acked(node, round_)
    confirm(raft)


def confirm(raft: Raft) -> None:
    """Answer the reads that the rounds answered so far confirm."""
    for answer in raft.reads.confirmed(raft.id, raft.config.voters):
        raft.answer_read(answer)


def on_response(raft: Raft, message: Message) -> None:
    """The leader answers a read of this node."""
    raft.read_states.append(ReadState(0 if message.reject else message.index, message.context))


def holds_lease(raft: Raft, now_ms: int) -> bool:
    """Whether nobody else can lead at `now_ms`, by the promises of a quorum (rules R5 to R7)."""
    if raft.options.read_mode is not ReadMode.LEASE or raft.role is not Role.LEADER or raft.transferee != NOBODY:
        return False
    if not raft.has_committed_in_term or raft.log.committed < raft.lease_after_index:
        return False
    begin = raft.reads.lease_from_ms(raft.id, raft.config.voters)
    return begin is not None and begin <= now_ms < begin + raft.options.lease_ms
