"""The leader's log becomes everybody's: appends, acknowledgements, commit.

A follower takes entries only behind one that it holds with the same term, so two logs that share (index, term) share
all before it. The leader counts who holds what; an entry *of its own term* that a quorum holds is committed, and with
it all before (an older term's entry could still be replaced, however many hold it: the paper's figure 8).

Refusals carry hints both ways, so that at most one message is spent per term in which two logs differ. Sources: the
Raft paper, 5.3 and 5.4.2; etcd/raft, raft.go. Rules L1 to L20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dojopool.core.raft import quorum, reading, snapshots, transfer
from dojopool.core.raft.messages import NOBODY, Entry, EntryType, Message, MessageType
from dojopool.core.raft.progress import Progress, ProgressState
from dojopool.core.raft.raft import Raft

EMPTY = Entry(0, 0)
"""An entry that means nothing, for a leader's first; term and index are given on appending."""


# ---- leader ---------------------------------------------------------------------------------------------------------


def fits(raft: Raft, entries: Sequence[Entry]) -> bool:
    """Whether `entries` keep what is uncommitted within the limit; empty ones and the first always do (rule L18)."""
    size, waiting = sum([len(entry.data) for entry in entries]), uncommitted_bytes(raft)
    return not size or not waiting or waiting + size <= raft.options.uncommitted_bytes_max


def uncommitted_bytes(raft: Raft) -> int:
    """Bytes of data that wait to be committed."""
    return raft.log.payload_bytes(raft.log.committed + 1, raft.log.last + 1)


def append(raft: Raft, entries: Sequence[Entry]) -> int:
    """Put `entries` (type and data count) at the end of the leader's log; index of the last. Sends nothing."""
    before, term = raft.log.last, raft.term
    raft.log.append([Entry(term, index, entry.type, entry.data) for index, entry in enumerate(entries, before + 1)])
    # The leader counts itself when this is durable: the answer to itself leaves then (rule L11).
    raft.send(Message(MessageType.APPEND_RESPONSE, raft.id, index=raft.log.last))
    return raft.log.last


def broadcast_append(raft: Raft) -> None:
    """Send every follower what it lacks, as far as its window allows."""
    for node in raft.progress:
        if node != raft.id:
            send_append(raft, node)


def send_append(raft: Raft, node: int, *, if_empty: bool = True) -> bool:
    """Send `node` its next entries, or the snapshot that it needs; False when nothing was sent.

    `if_empty`: also send when there are none, to tell the commit index or to probe.
    """
    one = raft.progress[node]
    if one.is_paused:
        return False
    before = one.next - 1
    before_term = raft.log.term(before)
    if before_term is None:
        return snapshots.send(raft, node, one)
    entries: tuple[Entry, ...] = ()
    if one.state is not ProgressState.REPLICATE or not one.inflights.is_full:
        entries = raft.log.slice(one.next, raft.log.last + 1, bytes_max=raft.options.message_bytes_max)
    if not entries and not if_empty:
        return False
    _send_entries(raft, node, one, entries, before_term)
    return True


def _send_entries(raft: Raft, node: int, one: Progress, entries: tuple[Entry, ...], before_term: int) -> None:
    raft.send(
        Message(
            MessageType.APPEND,
            node,
            index=one.next - 1,
            log_term=before_term,
            entries=entries,
            commit=raft.log.committed,
            context=one.session,
        )
    )
    one.sent(len(entries), raft.log.payload_bytes(one.next, one.next + len(entries)))
    one.sent_commit = raft.log.committed


def on_append_response(raft: Raft, message: Message) -> None:
    """A follower, or the leader's own disk, says how far it is (rules L7, L8, L13 to L17)."""
    one = raft.progress.get(message.from_)
    if one is None or (message.from_ != raft.id and message.context != one.session):
        return
    one.recently_active = True
    if message.reject:
        _on_refused(raft, message, one)
    else:
        _on_matched(raft, message, one)


def _on_refused(raft: Raft, message: Message, one: Progress) -> None:
    probe = message.reject_hint
    if message.log_term:
        probe, _ = raft.log.last_not_after(probe, message.log_term)
    if one.rejected(message.index, probe):
        if one.state is ProgressState.REPLICATE:
            one.become(ProgressState.PROBE)
        send_append(raft, message.from_)


def _on_matched(raft: Raft, message: Message, one: Progress) -> None:
    was_paused = one.is_paused
    assert message.index <= raft.log.last, "no follower holds more of this term than its leader sent"
    is_new = one.matched(message.index)
    if not (is_new or (one.match == message.index and one.state is ProgressState.PROBE)):
        return
    if one.state is ProgressState.PROBE or (one.state is ProgressState.SNAPSHOT and one.match >= raft.log.before):
        one.become(ProgressState.REPLICATE)  # any answer that joins it to the log frees it (rule S6)
    elif one.state is ProgressState.REPLICATE:
        one.inflights.free_up_to(message.index)
    if maybe_commit(raft):
        broadcast_append(raft)
    elif message.from_ != raft.id and (was_paused or one.sent_commit < min(raft.log.committed, one.next - 1)):
        send_append(raft, message.from_)
    if message.from_ != raft.id:
        while send_append(raft, message.from_, if_empty=False):
            pass
        transfer.on_progress(raft, message.from_)


def maybe_commit(raft: Raft) -> bool:
    """Commit what a quorum holds, if that is of this term (rule E16); False when nothing is new."""
    held = {node: one.match for node, one in raft.progress.items()}
    index = quorum.committed_index(held, raft.config.voters)
    if index <= raft.log.committed or raft.log.term(index) != raft.term:
        return False
    was_in_term = raft.has_committed_in_term
    raft.log.commit_to(index)
    if not was_in_term:
        reading.release(raft)
    return True


def broadcast_heartbeat(raft: Raft) -> None:
    """Begin a round: show everybody that this node leads. Carries no more commit than a follower is known to hold, for
    what it holds beyond that may not be the leader's (rule L5).
    """
    context = raft.reads.begin_round(raft.now_ms).to_bytes(8, "big")
    for node, one in raft.progress.items():
        if node != raft.id:
            commit = min(one.match, raft.log.committed)
            raft.send(Message(MessageType.HEARTBEAT, node, commit=commit, context=context))
            one.sent_commit = max(one.sent_commit, commit)


def on_heartbeat_response(raft: Raft, message: Message) -> None:
    """A follower is there: go on with it, and count the round that it answers (rules L13, L14, L16)."""
    one = raft.progress.get(message.from_)
    if one is None:
        return
    one.recently_active = True
    one.probe_sent = False
    if one.match < raft.log.last or one.state is ProgressState.PROBE:
        send_append(raft, message.from_)
    if len(message.context) == 8:
        reading.on_round_answered(raft, message.from_, int.from_bytes(message.context, "big"))


def on_unreachable(raft: Raft, node: int) -> None:
    """Messages to `node` were lost: probe instead of sending on (rule L16)."""
    one = raft.progress.get(node)
    if one is not None and one.state is ProgressState.REPLICATE:
        one.become(ProgressState.PROBE)


# ---- follower -------------------------------------------------------------------------------------------------------


def on_append(raft: Raft, message: Message) -> None:
    """Take entries behind one that this log shares, and say how far it matches now, or where it could (rule L15)."""
    answer = Message(MessageType.APPEND_RESPONSE, message.from_, context=message.context)
    log = raft.log
    if message.index <= log.committed:
        log.check_committed(message.index, message.log_term, message.entries)
    if message.index < log.committed:  # old news: everything up to the commit index matches any leader's log
        raft.send(replace(answer, index=log.committed))
        return
    last = log.merge(message.index, message.log_term, message.entries)
    if last is not None:
        log.commit_to(min(message.commit, last))  # never beyond this message (rule L4)
        raft.send(replace(answer, index=last))
        return
    hint, hint_term = log.last_not_after(min(message.index, log.last), message.log_term)
    raft.send(replace(answer, index=message.index, reject=True, reject_hint=hint, log_term=hint_term))


def on_heartbeat(raft: Raft, message: Message) -> None:
    """The leader is there."""
    raft.log.commit_to(message.commit)
    raft.send(Message(MessageType.HEARTBEAT_RESPONSE, message.from_, context=message.context))


def on_proposal(raft: Raft, message: Message) -> None:
    """As leader, take what a follower sent on, if it can be taken; nobody waits for an answer (rule L20)."""
    commands = tuple(entry for entry in message.entries if entry.type is EntryType.NORMAL)
    if commands and raft.transferee == NOBODY and raft.id in raft.progress and fits(raft, commands):
        append(raft, commands)
        broadcast_append(raft)
