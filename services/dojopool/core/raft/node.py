"""One node of a Raft group, as its caller drives it.

See the package for the picture and for the caller's duties. Verbs take facts in; `ready()` says what to do about them.
Nothing here does I/O, reads a clock or draws chance of its own: the same calls give the same bytes (rule C9).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from dojopool.core.raft import elections, membership, reading, replication, snapshots, transfer
from dojopool.core.raft.confchange import AnyChange, ConfChange, ConfChangeV2, Transition, as_v2
from dojopool.core.raft.messages import (
    NOBODY,
    ConfState,
    Entry,
    EntryType,
    HardState,
    Message,
    MessageType,
    Ready,
    Role,
    Snapshot,
    SoftState,
    Stored,
)
from dojopool.core.raft.options import Options
from dojopool.core.raft.raft import Raft
from dojopool.core.raft.status import PeerStatus, Status
from dojopool.core.raft.step import step, tick
from dojopool.errors import CallerError, ProposalDropped


@dataclass(frozen=True, slots=True)
class _Outstanding:
    """A Ready that is not known to be durable, and what this node tells itself when it is."""

    number: int
    to_self: tuple[Message, ...]


class RawNode:
    """See the module."""

    def __init__(
        self, options: Options, *, stored: Stored | None = None, applied: int = 0, draw: Callable[[int], int]
    ) -> None:
        """A node that finds `stored` on its disk; its members are those of the snapshot there, so a new
        group begins with a snapshot at index 1 or above that names them, the same on each, and a newcomer with nothing.

        `applied`: what the application has applied already (a snapshot's index counts without being named). `draw(n)`
        gives a random integer in [0, n). Raises CorruptState when `stored` contradicts itself.
        """
        stored = stored or Stored()
        self._raft = Raft(options, stored=stored, applied=applied, draw=draw)
        self._told_hard, self._told_soft = stored.hard_state, SoftState(NOBODY, Role.FOLLOWER)
        self._number = 0
        self._outstanding: deque[_Outstanding] = deque()

    # ---- time and messages ---------------------------------------------------------------------------------------

    def tick(self) -> None:
        """One tick of time has passed."""
        tick(self._raft)
        membership.maybe_leave_joint(self._raft)

    def observe_time(self, now_ms: int) -> None:
        """Say what time it is, by a clock that never goes back and counts suspension too. For leases only: a node
        that is never told has none. With leases on, say so on every member and before what arrived is taken in.
        """
        self._raft.observe_time(now_ms)

    def step(self, message: Message) -> None:
        """A message has arrived. Raises LogConflict when this node must stop: see `errors`."""
        if message.from_ != self._raft.id and message.from_ != NOBODY:
            step(self._raft, message)

    # ---- what the application wants ------------------------------------------------------------------------------

    def campaign(self) -> None:
        """Stand for election now, if this node may."""
        elections.campaign(self._raft)

    def propose(self, data: bytes) -> int:
        """Append a command; its index in the log if it is ever committed, 0 if it was sent on to the leader.

        Raises ProposalDropped, with the leader to ask instead; the command is then in no log.
        """
        return self.propose_batch((data,))

    def propose_batch(self, commands: tuple[bytes, ...]) -> int:
        """As `propose`, for commands that follow each other; the index of the last."""
        raft = self._raft
        entries = tuple(Entry(0, 0, EntryType.NORMAL, data) for data in commands)
        if raft.role is not Role.LEADER and raft.options.forward_proposals and raft.leader != NOBODY:
            raft.send(Message(MessageType.PROPOSE, raft.leader, entries=entries))
            return 0
        self._check_can_propose()
        if not replication.fits(raft, entries):
            waiting = replication.uncommitted_bytes(raft)
            raise ProposalDropped(f"{waiting} bytes wait to be committed", leader=NOBODY)
        last = replication.append(raft, entries)
        replication.broadcast_append(raft)
        return last

    def propose_conf_change(self, change: AnyChange, transition: Transition = Transition.AUTO) -> int:
        """Append a change of members; its index. `transition` counts for a ConfChange and for a ConfChangeV2 that
        leaves it open; no changes at all leave a joint configuration.

        Raises ProposalDropped, or ConfChangeRefused when the present members or another change forbid it.
        """
        if transition is not Transition.AUTO:
            change = ConfChangeV2(as_v2(change).changes, transition)
        self._check_can_propose()
        membership.check_proposal(self._raft, change)
        return membership.propose(self._raft, change)

    def _check_can_propose(self) -> None:
        raft = self._raft
        if raft.role is not Role.LEADER:
            raise ProposalDropped(f"member {raft.id} does not lead", leader=raft.leader)
        if raft.transferee != NOBODY:
            raise ProposalDropped(f"the lead is being handed to {raft.transferee}", leader=NOBODY)
        if raft.id not in raft.progress:
            raise ProposalDropped(f"member {raft.id} was removed", leader=NOBODY)

    def apply_conf_change(self, change: ConfChange | ConfChangeV2) -> ConfState:
        """A committed change is being applied; who is a member from now on. Call it before `applied` for that entry."""
        return membership.apply(self._raft, change)

    def transfer_leader(self, node: int) -> None:
        """Hand the lead to `node`, a voter; a follower asks its leader to. Raises CallerError when `node` cannot take
        it, ProposalDropped when nobody leads.
        """
        raft = self._raft
        if raft.role is Role.LEADER:
            why = transfer.why_not(raft, node)
            if why is not None:
                raise CallerError(f"the lead cannot be handed to member {node}: {why}")
            transfer.begin(raft, node)
        elif raft.leader == NOBODY:
            raise ProposalDropped("no leader is known that could hand the lead over", leader=NOBODY)
        else:
            raft.send(Message(MessageType.TRANSFER_LEADER, raft.leader, index=node))

    def forget_leader(self) -> None:
        """As follower, stop protecting the leader: vote for another at once. Nothing happens with leases on."""
        elections.forget_leader(self._raft)

    def read_index(self, context: bytes) -> None:
        """Ask what a read that begins now must wait for; `Ready.read_states` answers with `context`."""
        reading.ask(self._raft, context)

    def holds_lease(self, now_ms: int) -> bool:
        """Whether nobody else can have led up to `now_ms`. Ask again after the read (rule R9)."""
        return reading.holds_lease(self._raft, now_ms)

    def report_unreachable(self, node: int) -> None:
        """Messages to `node` were lost."""
        if self._raft.role is Role.LEADER:
            replication.on_unreachable(self._raft, node)

    def report_snapshot(self, node: int, ok: bool) -> None:
        """The snapshot sent to `node` arrived, or not."""
        snapshots.on_status(self._raft, node, arrived=ok)

    def compact(self, snapshot: Snapshot, *, trailing: int = 0) -> None:
        """The application's `snapshot` is durable: use it for followers that are far behind, and forget the log up to
        `trailing` entries before it. One older than the last is dropped; CallerError for one newer than applied.
        """
        snapshots.compact(self._raft, snapshot, trailing=trailing)

    # ---- what is to be done --------------------------------------------------------------------------------------

    def has_ready(self) -> bool:
        """Whether `ready` would return anything to do."""
        raft = self._raft
        return bool(
            raft.messages
            or raft.messages_after
            or raft.read_states
            or raft.log.has_unhanded
            or raft.log.has_appliable
            or raft.hard_state() != self._told_hard
            or raft.soft_state() != self._told_soft
        )

    def ready(self) -> Ready:
        """What is to be done about everything since the last one. It counts as handed over."""
        raft, log = self._raft, self._raft.log
        hard, soft = raft.hard_state(), raft.soft_state()
        self._number += 1
        entries, snapshot = log.unhanded(), log.unhanded_snapshot()
        old = self._told_hard
        must_sync = bool(entries or snapshot) or (hard.term, hard.vote) != (old.term, old.vote)
        to_self = tuple([message for message in raft.messages_after if message.to == raft.id])
        ready = Ready(
            number=self._number,
            soft_state=soft if soft != self._told_soft else None,
            hard_state=hard if hard != old else None,
            entries=entries,
            snapshot=snapshot,
            messages=tuple(raft.messages),
            messages_after=tuple([message for message in raft.messages_after if message.to != raft.id]),
            committed=log.appliable(bytes_max=self._appliable_bytes()),
            read_states=tuple(raft.read_states),
            must_sync=must_sync,
        )
        self._told_hard, self._told_soft = hard, soft
        self._outstanding.append(_Outstanding(self._number, to_self))
        log.hand_out(self._number)
        if ready.committed:
            log.applying = ready.committed[-1].index
        raft.messages, raft.messages_after, raft.read_states = [], [], []
        raft.reads.round_open = False
        return ready

    def _appliable_bytes(self) -> int:
        log = self._raft.log
        under_way = log.payload_bytes(log.applied + 1, log.applying + 1)
        return max(0, self._raft.options.committed_bytes_max - under_way)

    def persisted(self, number: int) -> None:
        """Everything that Readies 1 to `number` wanted stored is durable, and a snapshot among it is applied."""
        assert number <= self._number, f"Ready {number} was never handed out"
        raft = self._raft
        while self._outstanding and self._outstanding[0].number <= number:
            done = self._outstanding.popleft()
            if raft.log.written(done.number):
                assert raft.snapshot is not None
                raft.use_conf_state(raft.snapshot.config)  # uncommitted changes of the old log went with it (rule S4)
            for message in done.to_self:
                step(raft, message)

    def applied(self, index: int) -> None:
        """The application has applied everything up to `index`."""
        raft = self._raft
        if index > raft.log.applied:
            raft.log.applied_to(index)
        membership.maybe_leave_joint(raft)

    def advance(self) -> None:
        """All that the last Ready wanted is done: stored, sent and applied. For callers that do one at a time."""
        self.persisted(self._number)
        self.applied(self._raft.log.applying)

    # ---- what it shows -------------------------------------------------------------------------------------------

    @property
    def randomized_election_timeout(self) -> int:
        """Ticks without a leader after which this node campaigns; drawn again on every change of role."""
        return self._raft.randomized_election_timeout

    @randomized_election_timeout.setter
    def randomized_election_timeout(self, ticks: int) -> None:
        self._raft.randomized_election_timeout = ticks

    def hard_state(self) -> HardState:
        """Term, vote and commit index now, told or not."""
        return self._raft.hard_state()

    def status(self) -> Status:
        """What this node is now. Costs a walk over the members."""
        raft = self._raft
        leads = raft.role is Role.LEADER
        return Status(
            id=raft.id,
            role=raft.role,
            term=raft.term,
            vote=raft.vote,
            leader=raft.leader,
            commit=raft.log.committed,
            applied=raft.log.applied,
            first=raft.log.first,
            last=raft.log.last,
            config=raft.config.conf_state(),
            transferee=raft.transferee,
            peers={node: PeerStatus.of(one) for node, one in raft.progress.items()} if leads else {},
        )
