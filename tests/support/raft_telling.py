"""How scenario scripts tell messages, Readies and members: one line a fact, nothing that says nothing.

An entry is told as INDEX/TERM and its data or the change that it makes.
"""

from __future__ import annotations

from collections.abc import Iterator

from dojopool.core.raft.confchange import AnyChange, ChangeType, Transition, as_v2, decode
from dojopool.core.raft.elections import TRANSFER
from dojopool.core.raft.messages import ConfState, Entry, EntryType, HardState, Message, MessageType, Ready, Snapshot
from dojopool.core.raft.status import Status

SIGNS = {ChangeType.ADD_VOTER: "+", ChangeType.ADD_LEARNER: "~", ChangeType.REMOVE: "-"}
"""Change -> its sign before a member's number."""

PROBES = {MessageType.APPEND, MessageType.VOTE, MessageType.PRE_VOTE, MessageType.TIMEOUT_NOW}
"""Types whose (index, log_term) names an entry of the sender."""


def of_message(message: Message) -> str:
    """A message, as `FROM>TO TYPE` and the fields that count."""
    words = [f"{message.from_}>{message.to} {message.type.name}"]
    if message.term:
        words.append(f"term {message.term}")
    if message.type in PROBES:
        words.append(f"{'after' if message.type is MessageType.APPEND else 'last'} {message.index}/{message.log_term}")
    elif message.reject and message.type is MessageType.APPEND_RESPONSE:
        words.append(f"refuses {message.index}, try {message.reject_hint}/{message.log_term}")
    elif message.reject:
        words.append("refused")
    elif message.index:
        words.append(f"index {message.index}")
    if message.commit:
        words.append(f"commit {message.commit}" + (f"/{message.commit_term}" if message.commit_term else ""))
    if message.context == TRANSFER:
        words.append("by order of the leader")
    elif len(message.context) == 8:
        words.append(f"mark {int.from_bytes(message.context, 'big')}")
    elif message.context:
        words.append(message.context.decode())
    words += [f"[{of_entry(entry)}]" for entry in message.entries]
    if message.snapshot:
        words.append(f"({of_snapshot(message.snapshot)})")
    return " ".join(words)


def of_entry(entry: Entry) -> str:
    """An entry."""
    if entry.type is EntryType.NORMAL:
        what = entry.data.decode() or "empty"
    else:
        what = of_change(decode(entry.type, entry.data))
    return f"{entry.index}/{entry.term} {what}"


def of_change(change: AnyChange) -> str:
    """A change of members."""
    change = as_v2(change)
    parts = [SIGNS[part.type] + str(part.node) for part in change.changes]
    transition = [] if change.transition is Transition.AUTO else [change.transition.name.lower()]
    return " ".join(["members", *parts, *transition]) if parts or transition else "leave"


def of_config(config: ConfState) -> str:
    """Who is a member."""
    parts = {
        "voters": config.voters,
        "of old": config.voters_outgoing,
        "learners": config.learners,
        "learners then": config.learners_next,
    }
    told = [f"{name} {' '.join(map(str, ids))}" for name, ids in parts.items() if ids]
    return ", ".join([*told, *(["leaves by itself"] if config.auto_leave else [])]) or "no members"


def of_snapshot(snapshot: Snapshot) -> str:
    """A snapshot."""
    return f"snapshot {snapshot.index}/{snapshot.term}: {of_config(snapshot.config)}"


def of_hard_state(hard: HardState) -> str:
    """Term, vote and commit."""
    return f"term {hard.term}, vote {hard.vote or 'none'}, commit {hard.commit}"


def of_ready(node: int, ready: Ready) -> Iterator[str]:
    """What a member wants done, in the order in which it may be done."""
    yield f"{node} ready {ready.number}" + ("" if ready.must_sync else ", needs no flush")
    if ready.soft_state:
        yield f"  is {ready.soft_state.role.name} of leader {ready.soft_state.leader or 'none'}"
    yield from (f"  send {of_message(message)}" for message in ready.messages)
    if ready.snapshot:
        yield f"  store {of_snapshot(ready.snapshot)}"
    yield from (f"  store {of_entry(entry)}" for entry in ready.entries)
    if ready.hard_state:
        yield f"  store {of_hard_state(ready.hard_state)}"
    yield from (f"  then send {of_message(message)}" for message in ready.messages_after)
    yield from (f"  apply {of_entry(entry)}" for entry in ready.committed)
    for read in ready.read_states:
        yield f"  read {read.context.decode()}: " + (f"at {read.index}" if read.index else "refused")


def of_status(status: Status) -> Iterator[str]:
    """A member, and if it leads how it sees the others."""
    log = f"log {status.first} to {status.last}" if status.first <= status.last else f"log empty behind {status.last}"
    yield (
        f"{status.id} {status.role.name} term {status.term}, vote {status.vote or 'none'},"
        f" leader {status.leader or 'none'}, {log}, commit {status.commit},"
        f" applied {status.applied}" + (f", hands over to {status.transferee}" if status.transferee else "")
    )
    yield f"  {of_config(status.config)}"
    for node, peer in status.peers.items():
        marks = {
            "paused": peer.paused,
            f"in flight {peer.inflight}": peer.inflight,
            f"snapshot {peer.pending_snapshot}": peer.pending_snapshot,
            "silent": not peer.active,
            "learner": peer.is_learner,
        }
        told = "".join(f", {mark}" for mark, holds in marks.items() if holds)
        yield f"  {node}: {peer.state.name}, match {peer.match}, next {peer.next}{told}"
