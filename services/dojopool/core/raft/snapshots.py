"""A follower that is behind the compacted end of the log gets the application's state instead.

Rules S1 to S12. Source: the Raft paper, section 7.
"""

from __future__ import annotations

from dojopool.core.raft.messages import Message, MessageType, Role, Snapshot
from dojopool.core.raft.progress import Progress, ProgressState
from dojopool.core.raft.raft import Raft
from dojopool.errors import CallerError


def send(raft: Raft, node: int, one: Progress) -> bool:
    """Send the newest snapshot; False when `node` was not heard of lately, so that it would be in vain."""
    snapshot = raft.snapshot
    assert snapshot is not None, "the log is compacted only below a snapshot"
    if not one.recently_active:
        return False
    one.become_snapshot(snapshot.index)
    raft.send(Message(MessageType.SNAPSHOT, node, snapshot=snapshot, context=one.session))
    return True


def on_snapshot(raft: Raft, message: Message) -> None:
    """Take the snapshot if it brings something, and say how far this node is then."""
    snapshot = message.snapshot
    if snapshot is None:  # no member sends that; it must not count as one that arrived (rule L6)
        return
    index = raft.log.last if _restore(raft, snapshot) else raft.log.committed
    raft.send(Message(MessageType.APPEND_RESPONSE, message.from_, index=index, context=message.context))


def _restore(raft: Raft, snapshot: Snapshot) -> bool:
    log, config = raft.log, snapshot.config
    if snapshot.index <= log.committed:
        return False  # old (rule S1)
    names_me = raft.id in (*config.voters, *config.learners, *config.voters_outgoing)
    if raft.id in raft.progress and not names_me:
        # It would put a member out of its group (rule S11). A newcomer takes it: the entry that adds it comes later.
        return False
    if log.matches(snapshot.index, snapshot.term):
        log.commit_to(snapshot.index)  # the log holds it all: its suffix stays (rule S2)
        return False
    log.restore(snapshot)
    raft.snapshot = snapshot
    # Its members are in force once it is installed: entries handed out before may still be being applied, and what
    # they make of the members must be what it was when they were committed.
    return True


def on_status(raft: Raft, node: int, *, arrived: bool) -> None:
    """The transfer to `node` ended: probe behind it, or what the node had, when it next answers a heartbeat (rule
    S7).
    """
    one = raft.progress.get(node)
    if raft.role is not Role.LEADER or one is None or one.state is not ProgressState.SNAPSHOT:
        return
    if not arrived:
        one.pending_snapshot = 0
    one.become(ProgressState.PROBE)
    one.probe_sent = True


def compact(raft: Raft, snapshot: Snapshot, *, trailing: int) -> None:
    """Use the application's `snapshot`, and forget entries but the `trailing` ones before its index (rule S9).

    A leader's newer one may have arrived while this one was made: then this one is of no use.
    """
    log = raft.log
    if raft.snapshot is not None and snapshot.index < raft.snapshot.index:
        return
    if snapshot.index > log.applied:
        raise CallerError(
            f"a snapshot at {snapshot.index} was given, while {log.applied} is applied: it holds what is applied"
        )
    raft.snapshot = snapshot
    log.compact_to(max(snapshot.index - trailing, log.before))
