"""The words that members of a Raft group exchange, and what one of them must keep.

Everything here is a frozen value over numbers and bytes: nothing is shared between a node, its disk, the wire and
another node but by copy. The vocabulary is that of etcd/raft, so that its documents, papers and bug reports can be
read beside this code.

An index is the place of an entry in the log, from 1; a term numbers the time of one leader, from 1; 0 means none.
Node ids are 1 to 2**64 - 1 and are never used twice, for nobody could tell the new bearer from the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

NOBODY = 0
"""No node: no leader known, no vote given, no transfer under way."""


class EntryType(IntEnum):
    """What an entry's data is. The values are stored and sent: never renumber them."""

    NORMAL = 0
    """A command of the application; empty data is a leader's first entry and means nothing."""
    CONF_CHANGE = 1
    """One change of the members, `confchange.ConfChange` encoded."""
    CONF_CHANGE_V2 = 2
    """Any number of changes in one step, `confchange.ConfChangeV2` encoded."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of the log."""

    term: int
    index: int
    type: EntryType = EntryType.NORMAL
    data: bytes = b""


class MessageType(IntEnum):
    """What a message says. The values are sent: never renumber them."""

    APPEND = 1
    """Leader to follower: `entries` follow the entry (`index`, `log_term`); `commit` is how far is committed."""
    APPEND_RESPONSE = 2
    """`index` is the last one that matches; when `reject`, `index` is the one refused and (`reject_hint`, `log_term`)
    the greatest entry that could match.
    """
    HEARTBEAT = 3
    """`commit` is at most what the follower is known to hold; `context` names the round."""
    HEARTBEAT_RESPONSE = 4
    """Echoes `context`."""
    VOTE = 5
    """(`index`, `log_term`) is the candidate's last entry, (`commit`, `commit_term`) its last committed one."""
    VOTE_RESPONSE = 6
    """`reject`, or a vote; (`commit`, `commit_term`) as in the request, so that the asker learns of committed
    changes.
    """
    PRE_VOTE = 7
    """A vote asked for a term that is not begun yet."""
    PRE_VOTE_RESPONSE = 8
    """A granted one echoes the term asked for, a refusal carries the sender's own."""
    SNAPSHOT = 9
    """Leader to follower: the log that you need is gone, take `snapshot` instead."""
    TIMEOUT_NOW = 10
    """Leader to its successor: campaign now, in the term after `term`, if your last entry is (`index`, `log_term`)."""
    PROPOSE = 11
    """Follower to leader: append `entries`, of which only type and data count."""
    READ_INDEX = 12
    """Follower to leader: which index must a read that is asked for now wait for? `context` names the request."""
    READ_INDEX_RESPONSE = 13
    """`index` is what the read named by `context` waits for; `reject`: it cannot be answered, ask again."""
    TRANSFER_LEADER = 14
    """Follower to leader: the node with id `index` is to lead."""


@dataclass(frozen=True, slots=True)
class ConfState:
    """Who is a member. In a joint configuration `voters_outgoing` is not empty, and both halves must agree to
    everything.

    All tuples are sorted and without repeats.
    """

    voters: tuple[int, ...] = ()
    """The voters, in a joint configuration those of its new half."""
    learners: tuple[int, ...] = ()
    """They receive the log and have no voice."""
    voters_outgoing: tuple[int, ...] = ()
    """The voters of the old half."""
    learners_next: tuple[int, ...] = ()
    """Voters of the old half that become learners when the joint configuration is left."""
    auto_leave: bool = False
    """The leader proposes to leave the joint configuration as soon as it is applied."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the application after applying everything up to `index`, in place of that part of the log."""

    index: int
    term: int
    """Term of the entry at `index`."""
    config: ConfState
    """The members as of `index`."""
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Message:
    """One message between two nodes; which fields count is said at its type. Unused ones are zero, empty or None."""

    type: MessageType
    to: int
    from_: int = NOBODY
    term: int = 0
    """The sender's term, for PRE_VOTE and its granting response the one asked for; 0 only in PROPOSE and READ_INDEX."""
    log_term: int = 0
    index: int = 0
    commit: int = 0
    commit_term: int = 0
    reject: bool = False
    reject_hint: int = 0
    entries: tuple[Entry, ...] = ()
    snapshot: Snapshot | None = None
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class HardState:
    """What a node must not forget. `commit` may be behind; term and vote never."""

    term: int = 0
    vote: int = NOBODY
    commit: int = 0


class Role(IntEnum):
    """What a node is in its term."""

    FOLLOWER = 0
    PRE_CANDIDATE = 1
    CANDIDATE = 2
    LEADER = 3


@dataclass(frozen=True, slots=True)
class SoftState:
    """Who leads, as far as this node knows. Needs not be kept."""

    leader: int
    role: Role


@dataclass(frozen=True, slots=True)
class ReadState:
    """A read named by `context` may be answered once everything up to `index` is applied; index 0: refused, ask
    again.
    """

    index: int
    context: bytes


@dataclass(frozen=True, slots=True)
class Ready:
    """What a node wants done, in this order: (1) send `messages`; (2) store `snapshot`, then `entries`, then
    `hard_state`, as one ordered stream; (3) apply `committed`; (4) once stored durably: call `persisted(number)` and
    send `messages_after`.

    (3) needs not wait for (2) or (4): what is committed is durable at a majority already.
    """

    number: int
    """Counts from 1 without holes; `persisted(n)` says that all of 1 to n are durable."""
    soft_state: SoftState | None
    """Set when it changed."""
    hard_state: HardState | None
    """Set when it changed."""
    entries: tuple[Entry, ...]
    """Contiguous; whatever is stored at or above the first one's index is overwritten."""
    snapshot: Snapshot | None
    """Replaces the whole log; `entries` follow it."""
    messages: tuple[Message, ...]
    """Ordered per receiver. May be sent before anything is stored."""
    messages_after: tuple[Message, ...]
    """Votes and acknowledgements: a promise about what is stored. Ordered per receiver."""
    committed: tuple[Entry, ...]
    """To be applied, in order; then `applied(index of the last)`. Entries that change the members are told by
    `apply_conf_change` first.
    """
    read_states: tuple[ReadState, ...]
    must_sync: bool
    """False when only `commit` moved: then nothing is lost if it never reaches the disk."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a node finds on its disk when it starts. All empty: it never ran."""

    hard_state: HardState = HardState()
    snapshot: Snapshot | None = None
    entries: tuple[Entry, ...] = ()
    """Contiguous; the first follows the snapshot (index 1 without one)."""
