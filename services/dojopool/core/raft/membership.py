"""Changes of members: proposed by the leader one at a time, in force when applied. Rules M1 to M14.

In force when *applied* means that nodes can differ in who they think is a member, for as long as one entry is between
committed and applied. Four guards make that safe, and only together: one unapplied change at a time (M2); none before
the leader has committed in its own term (M3); no campaign by who has a committed change not applied (E15); and votes
tell each other what is committed (M8), so that nobody is stuck for want of knowing.
"""

from __future__ import annotations

from dojopool.core.raft import reading, replication, transfer
from dojopool.core.raft.confchange import AnyChange, Changed, Changer, ConfChangeV2, as_v2, encode, entry_type
from dojopool.core.raft.messages import NOBODY, ConfState, Entry, Role
from dojopool.core.raft.raft import Raft
from dojopool.errors import ConfChangeRefused


def check_proposal(raft: Raft, change: AnyChange) -> None:
    """Raise ConfChangeRefused when the leader may not propose `change` now (rules M2, M3, M4)."""
    if not raft.options.validate_conf_changes:
        return
    if raft.pending_conf_index > raft.log.applied:
        raise ConfChangeRefused(
            f"entry {raft.pending_conf_index} may change the members and is not applied (applied: {raft.log.applied}):"
            " wait for it"
        )
    if not raft.has_committed_in_term:
        raise ConfChangeRefused(
            f"nothing of term {raft.term} is committed yet: try again after the leader's first entry"
        )
    _changed(raft, as_v2(change))


def propose(raft: Raft, change: AnyChange) -> int:
    """As leader, append `change`; its index. The caller has checked it."""
    raft.pending_conf_index = replication.append(raft, (Entry(0, 0, entry_type(change), encode(change)),))
    replication.broadcast_append(raft)
    return raft.pending_conf_index


def apply(raft: Raft, change: AnyChange) -> ConfState:
    """`change` is committed and being applied: it is in force from now on."""
    raft.config, raft.progress = _changed(raft, as_v2(change))
    state = raft.config.conf_state()
    if raft.role is not Role.LEADER:
        return state
    mine = raft.progress.get(raft.id)
    if mine is None or mine.is_learner:
        if raft.options.step_down_on_removal:
            raft.become_follower(raft.term, NOBODY)  # rule M6
        return state
    if replication.maybe_commit(raft):  # a smaller quorum may hold more (rule M9)
        replication.broadcast_append(raft)
    else:
        for node in raft.progress:
            if node != raft.id:
                replication.send_append(raft, node, if_empty=False)
    reading.confirm(raft)  # and may have answered more
    if raft.transferee != NOBODY and transfer.why_not(raft, raft.transferee) is not None:
        transfer.abort(raft)  # rule X6
    return state


def maybe_leave_joint(raft: Raft) -> None:
    """As leader of a joint configuration that is to be left by itself, propose so, whoever proposed to enter (M7)."""
    if (
        raft.role is Role.LEADER
        and raft.config.auto_leave
        and raft.pending_conf_index <= raft.log.applied
        and raft.transferee == NOBODY
        and raft.has_committed_in_term
    ):
        propose(raft, ConfChangeV2())


def _changed(raft: Raft, change: ConfChangeV2) -> Changed:
    changer = Changer(
        raft.config,
        raft.progress,
        last_index=raft.log.last,
        inflight_max=raft.options.inflight_max,
        inflight_bytes_max=raft.options.inflight_bytes_max,
    )
    if change.leaves_joint:
        return changer.leave_joint()
    if change.enters_joint:
        return changer.enter_joint(change.auto_leave, change.changes)
    return changer.simple(change.changes)
