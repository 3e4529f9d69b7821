"""Who leads: campaigns, votes, and leaders that notice that they lead nobody.

At most one leader per term, because a majority is needed and a node votes once per term. The leader's log holds
everything committed, because a voter refuses a candidate whose log is behind its own. Pre-vote asks first whether the
election could be won, so that a node cut off does not come back with a high term and depose a leader that everybody
else hears.

Sources: the Raft paper, sections 5.2 and 5.4.1; Ongaro's thesis, 4.2.3, 6.2, 9.6. Rules E1 to E21 and M8.
"""

from __future__ import annotations

from dataclasses import replace

from dojopool.core.raft import quorum, replication
from dojopool.core.raft.messages import NOBODY, Message, MessageType, Role
from dojopool.core.raft.options import ReadMode
from dojopool.core.raft.raft import Raft

TRANSFER = b"transfer"
"""Marks the campaign of a leader's chosen successor, which followers must not ignore (rule X5)."""


def campaign(raft: Raft, *, is_transfer: bool = False) -> None:
    """Begin an election if this node may: not as leader, nor with members in doubt (rule E15)."""
    if raft.role is Role.LEADER or not raft.is_promotable or (raft.has_promised and not is_transfer):
        return
    _ask(raft, MessageType.PRE_VOTE if raft.options.pre_vote and not is_transfer else MessageType.VOTE, is_transfer)


def _ask(raft: Raft, kind: MessageType, is_transfer: bool = False) -> None:
    if kind is MessageType.PRE_VOTE:
        raft.become_pre_candidate()
        term = raft.term + 1
    else:
        raft.become_candidate()
        term = raft.term
    commit = raft.log.committed
    request = Message(
        kind,
        NOBODY,
        term=term,
        index=raft.log.last,
        log_term=raft.log.last_term,
        commit=commit,
        commit_term=raft.log.term(commit) or 0,
        context=TRANSFER if is_transfer else b"",
    )
    for voter in sorted(raft.config.voters.ids()):
        if voter == raft.id:  # its own vote counts when it is durable (rule E19)
            raft.send(Message(_RESPONSE[kind], raft.id, term=term))
        else:
            raft.send(replace(request, to=voter))


def on_vote_request(raft: Raft, message: Message) -> None:
    """Answer a request of this term or, for PRE_VOTE, of a later one."""
    is_vote = message.type is MessageType.VOTE
    can_vote = (
        raft.vote == message.from_
        or (raft.vote == NOBODY and raft.leader == NOBODY)
        or (not is_vote and message.term > raft.term)
    )
    if can_vote and raft.log.is_up_to_date(message.index, message.log_term):
        raft.send(Message(_RESPONSE[message.type], message.from_, term=message.term))
        if is_vote:
            raft.election_elapsed = 0
            raft.vote = message.from_
    else:
        refuse(raft, message)
        learn_commit(raft, message)


def refuse(raft: Raft, request: Message) -> None:
    """Refuse a vote, with this node's term and what it knows to be committed (rules E8, E9, M8)."""
    commit = raft.log.committed
    raft.send(
        Message(
            _RESPONSE[request.type],
            request.from_,
            reject=True,
            commit=commit,
            commit_term=raft.log.term(commit) or 0,
        )
    )


def learn_commit(raft: Raft, message: Message) -> None:
    """Take from election traffic what is committed, if this log holds that very entry (rule M8).

    A node that lacks the knowledge, not the entries, could otherwise never learn that the members changed.
    """
    if raft.role is Role.LEADER or message.commit <= raft.log.committed:
        return
    if message.commit_term and raft.log.matches(message.commit, message.commit_term):
        raft.log.commit_to(message.commit)
        if raft.role is not Role.FOLLOWER and not raft.is_promotable:
            raft.become_follower(raft.term, NOBODY)


def on_vote_response(raft: Raft, message: Message) -> None:
    """Count a vote of the round that is under way, once per voter (rule E2). `step` brings no other kind of vote
    here.
    """
    if message.reject:
        learn_commit(raft, message)
        if raft.role is Role.FOLLOWER:
            return
    elif message.type is MessageType.PRE_VOTE_RESPONSE and message.term != raft.term + 1:
        return  # granted for an earlier round
    raft.votes.setdefault(message.from_, not message.reject)
    result = quorum.vote_result(raft.votes, raft.config.voters)
    if result is quorum.VoteResult.LOST:  # rule E17
        raft.become_follower(raft.term, NOBODY)
    elif result is quorum.VoteResult.WON:
        if raft.role is Role.PRE_CANDIDATE:
            _ask(raft, MessageType.VOTE)
        else:
            lead(raft)


def lead(raft: Raft) -> None:
    """Take up the lead: an empty entry of this term, whose commit commits all before it (rule E16)."""
    raft.become_leader()
    replication.append(raft, (replication.EMPTY,))
    replication.broadcast_append(raft)


def ignores_campaigns(raft: Raft, message: Message) -> bool:
    """Whether this node just heard its leader, and hence helps depose nobody (rules E13, M11), or has promised a
    leader, maybe of an earlier term, not to.
    """
    if message.context == TRANSFER:
        return False
    hears_leader = raft.leader != NOBODY and raft.election_elapsed < raft.options.election_ticks
    return raft.has_promised or (raft.options.check_quorum and hears_leader and message.term > raft.term)


def check_quorum(raft: Raft) -> None:
    """Step down as leader when no quorum was heard since the last check (rule E18)."""
    heard = {node: one.recently_active for node, one in raft.progress.items() if not one.is_learner}
    heard[raft.id] = True
    if quorum.vote_result(heard, raft.config.voters) is not quorum.VoteResult.WON:
        raft.become_follower(raft.term, NOBODY)
        return
    for node, one in raft.progress.items():
        one.recently_active = node == raft.id


def forget_leader(raft: Raft) -> None:
    """As follower, be ready to vote before T has passed. Refused with leases on, which are that promise (rule R10)."""
    if raft.role is Role.FOLLOWER and raft.options.read_mode is not ReadMode.LEASE:
        raft.leader = NOBODY


_RESPONSE = {
    MessageType.VOTE: MessageType.VOTE_RESPONSE,
    MessageType.PRE_VOTE: MessageType.PRE_VOTE_RESPONSE,
}
