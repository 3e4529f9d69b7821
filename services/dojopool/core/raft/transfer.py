"""Handing the lead to a chosen voter without waiting for a timeout. Rules X1 to X6 and R7.

The leader takes no proposals, brings its successor up to date, and tells it to campaign at once, in a campaign that
nobody ignores. The order names the last entry of the leader's log and its term: it is obeyed by a follower of that
term whose log ends there. After T the leader gives up and appends an empty entry: once that is committed, an order
that arrives late can no longer elect anybody, and the leader's lease may begin again.

Source: Ongaro's thesis, section 3.10.
"""

from __future__ import annotations

from dojopool.core.raft import elections, replication
from dojopool.core.raft.messages import NOBODY, Message, MessageType, Role
from dojopool.core.raft.raft import Raft


def why_not(raft: Raft, node: int) -> str | None:
    """Why the lead cannot be handed to `node` by this leader; None when it can."""
    one = raft.progress.get(node)
    if node == raft.id:
        return "it leads already"
    if one is None or node not in raft.config.voters.incoming:
        return "it is no voter"
    return None


def begin(raft: Raft, node: int) -> None:
    """As leader, hand the lead to `node`. Asked again for the same node, nothing changes; for another, that one is
    it.
    """
    if why_not(raft, node) is not None or raft.transferee == node:
        return
    if raft.transferee != NOBODY:
        abort(raft)
    raft.election_elapsed = 0
    raft.transferee = node
    if raft.progress[node].match == raft.log.last:
        _order(raft)
    else:
        replication.send_append(raft, node)


def on_progress(raft: Raft, node: int) -> None:
    """`node` acknowledged something: if it is the successor and has all, order it to campaign (rule X3)."""
    if node == raft.transferee and raft.progress[node].match == raft.log.last:
        _order(raft)


def _order(raft: Raft) -> None:
    last, term = raft.log.last, raft.log.last_term
    raft.send(Message(MessageType.TIMEOUT_NOW, raft.transferee, index=last, log_term=term))


def abort(raft: Raft) -> None:
    """Lead on. The entry appended makes a late order worthless, once it is committed (rule R7)."""
    raft.transferee = NOBODY
    raft.lease_after_index = replication.append(raft, (replication.EMPTY,))
    replication.broadcast_append(raft)


def obey(raft: Raft, message: Message) -> None:
    """As follower of that leader's term, campaign if the log ends where the order says."""
    if raft.role is Role.FOLLOWER and (message.index, message.log_term) == (raft.log.last, raft.log.last_term):
        elections.campaign(raft, is_transfer=True)
