"""One member of a group, without a clock, a disk or links: the node, the state machine, and whoever waits for them.

It decides; whoever drives it only carries: bytes to the disk, messages to the links, ticks from a clock. The simulator
drives the same object as the program does. The driver's turn:

    receive(...) tick(...) propose(...) read(...)      whatever came, in any order, but messages before ticks
    while (work := ready()) is not None:               send work.messages, submit work.write, keep work.snapshot
    persisted(n)                                       when the disk says so; send what it returns

Duties of `core.raft` that are kept here: 4 and 5 (what waits for the disk), 6 (applying), 7 (how many ticks), 10.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from dojopool.core.raft import confchange
from dojopool.core.raft.confchange import AnyChange, Transition
from dojopool.core.raft.messages import (
    NOBODY,
    ConfState,
    Entry,
    EntryType,
    Message,
    MessageType,
    Ready,
    Role,
    Snapshot,
    Stored,
)
from dojopool.core.raft.node import RawNode
from dojopool.core.raft.options import Options
from dojopool.core.raft.sessions import Command, encode
from dojopool.errors import ConfChangeRefused, ConfigError, ProposalDropped
from dojopool.raft_ports import DiskWrite
from dojopool.raft_runtime.config import Plan
from dojopool.raft_runtime.policy import PreferredLeader, too_early
from dojopool.raft_runtime.reads import ReadQueue, Refused
from dojopool.raft_runtime.replicated import Replicated, StateMachine
from dojopool.raft_runtime.results import Done, Outcome, Result, Waiters

T = TypeVar("T")

WRITES_MAX: Final = 64
"""Writes not durable at once. Beyond it no Ready is taken: what a stalled disk is owed stays in one place, the log of
the node, whose own limits bound it."""

COMMAND_BYTES_MAX: Final = 16 << 20
"""Greatest command. The links carry no message of more than 32 MiB: a larger one in the log would stop the group."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done now, in no particular order; `write`s in the order they come."""

    messages: tuple[Message, ...]
    write: DiskWrite | None
    snapshot: Snapshot | None
    """Of the application: make it durable, then call `compacted`. At most one is under way."""


@dataclass(frozen=True, slots=True)
class _Undurable:
    """A Ready whose promises wait for the disk."""

    number: int
    messages: tuple[Message, ...]
    has_write: bool
    """Whether it waits for a flush of its own, or only for those before it."""


class Member:
    """See the module. Call it from one thread; callbacks are called from within, and may call it again."""

    def __init__(
        self,
        options: Options,
        *,
        stored: Stored,
        machine: StateMachine,
        draw: Callable[[int], int],
        now_ms: Callable[[], int] | None = None,
        plan: Plan | None = None,
    ) -> None:
        """`draw(n)` is a random integer in [0, n). `now_ms` is a clock that never goes back and counts suspension, for
        leases; without it there are none. Raises CorruptState when what is stored contradicts itself, ConfigError
        for `forward_proposals`: of a proposal sent on nobody would learn the outcome.
        """
        if options.forward_proposals:
            raise ConfigError("Raft option forward_proposals must be off for a member: it says what became of each")
        self.node = RawNode(options, stored=stored, draw=draw)
        """For what needs no waiting: `status`, `campaign`, `transfer_leader`, `report_unreachable` and so on."""
        self.is_silent = False
        """Set it while the disk stalls for longer than an election timeout. This member then sends nothing: if it
        leads, it gets no answers, finds itself without a quorum and steps down; the others elect another (rule D12).
        """
        self._options, self._now_ms = options, now_ms
        self._plan = plan or Plan()
        self._replicated = Replicated(machine, self._plan)
        self._successor = PreferredLeader(self._plan.preference)
        self._role, self._leader = Role.FOLLOWER, NOBODY
        self._ticks = 0
        self._proposals: list[tuple[bytes, Done]] = []
        """Of this turn."""
        self._waiters = Waiters()
        self._reads = ReadQueue(ask=self.node.read_index, holds_lease=self.holds_lease, first_context=draw(1 << 120))
        self._undurable: deque[_Undurable] = deque()
        self._writes = 0
        self._config = ConfState()
        self._applied = self._applied_term = 0
        self._since_entries = self._since_bytes = 0
        self._is_snapshotting = False
        if stored.snapshot is not None:
            self._restore(stored.snapshot)

    @property
    def leader(self) -> int:
        """Who leads as far as this member knows, or NOBODY."""
        return self._leader

    @property
    def is_leader(self) -> bool:
        """Whether this member leads, as far as it knows."""
        return self._role is Role.LEADER

    @property
    def applied(self) -> int:
        """Index of the last entry in the state machine."""
        return self._applied

    def holds_lease(self) -> bool:
        """Whether nobody else can lead now. The node is told the time too: a read that is put next must not be answered
        by a lease that it saw earlier and that ended since (rule R9).
        """
        if self._now_ms is None:
            return False
        now_ms = self._now_ms()
        self.node.observe_time(now_ms)
        return self.node.holds_lease(now_ms)

    # ---- what comes in -------------------------------------------------------------------------------------------

    def tick(self, count: int) -> None:
        """So many ticks have passed since the last call. Call `receive` with all that has arrived first.

        Fewer than an election timeout are counted at once: after a longer stall what was just received is newer than
        the ticks, and this member must not forget that it heard it (rule C6).
        """
        self._observe_time()
        for _ in range(min(count, self._options.election_ticks - 1)):
            self.node.tick()
            self._ticks += 1
        self._reads.expire(tick=self._ticks)
        if self._plan.preference.ranks and not self.is_silent:
            successor = self._successor.successor(self.node.status(), tick=self._ticks)
            if successor != NOBODY:
                self.node.transfer_leader(successor)

    def receive(self, messages: Sequence[Message]) -> None:
        """Messages of members that proved who they are. Raises LogConflict when this member must stop."""
        self._observe_time()
        for message in messages:
            self.node.step(message)

    def propose(self, command: Command, done: Done) -> None:
        """Get a command into the log; `done` is told the outcome, once, if this member lives so long. Only a command of
        a session may be proposed again when the outcome is unknown.
        """
        if len(self._proposals) + len(self._waiters) >= self._plan.proposals_max:
            done(Result(Outcome.REJECTED, why=f"{self._plan.proposals_max} proposals wait already"))
        elif len(command.payload) > COMMAND_BYTES_MAX:
            why = f"the command has {len(command.payload)} bytes, at most {COMMAND_BYTES_MAX} are taken"
            done(Result(Outcome.REJECTED, why=why))
        else:
            self._proposals.append((encode(command), done))

    def change_members(self, change: AnyChange, done: Done, *, transition: Transition = Transition.AUTO) -> None:
        """Propose a change of members. `done` hears COMMITTED once it is in force here; that a joint configuration was
        left again is seen in `status`.
        """
        self._submit_proposals()
        status = self.node.status()
        lagging = too_early(change, status, lag_entries_max=self._plan.promotion_lag_entries_max)
        if status.role is Role.LEADER and lagging != NOBODY:
            done(Result(Outcome.REJECTED, why=f"member {lagging} has not caught up yet; ask again when it has"))
            return
        try:
            index = self.node.propose_conf_change(change, transition)
        except ProposalDropped as error:
            done(Result(Outcome.REJECTED, why=str(error), leader=error.leader))
        except ConfChangeRefused as error:
            done(Result(Outcome.REJECTED, why=str(error)))
        else:
            self._waiters.add(index=index, term=self.node.hard_state().term, done=done)

    def read(self, query: Callable[[], T], done: Callable[[T], None], refused: Refused) -> None:
        """Run `query` on the state once it shows everything that was committed before this call, and tell `done` what
        it returned; or tell `refused` why not, and nothing has happened. `query` may run more than once.
        """
        self._reads.add(query, done, refused)

    # ---- what goes out -------------------------------------------------------------------------------------------

    def ready(self) -> Work | None:
        """What to do now; None when there is nothing, or while too many writes are on their way to the disk."""
        self._reads.put_questions(until=self._ticks + self._options.election_ticks)
        if self._writes >= WRITES_MAX:
            if self.node.status().role is not Role.LEADER:
                self._waiters.give_up("this member leads no longer", NOBODY)
            return None
        self._submit_proposals()
        if not self.node.has_ready():
            return None
        ready = self.node.ready()
        if ready.soft_state is not None:
            self._role, self._leader = ready.soft_state.role, ready.soft_state.leader
        if ready.snapshot is not None:
            self._restore(ready.snapshot)
        self._apply(ready.committed)
        if self._role is not Role.LEADER:
            self._waiters.give_up("this member leads no longer", self._leader)
        self._reads.hear(ready.read_states)
        self._reads.run(applied=self._applied)
        now = (*ready.messages, *self._hold_back(ready))
        write = DiskWrite(ready.number, ready.hard_state, ready.entries, ready.snapshot, ready.must_sync)
        has_write = ready.must_sync or ready.hard_state is not None
        return Work(self._unless_silent(now), write if has_write else None, self._snapshot_if_due())

    def persisted(self, number: int) -> tuple[Message, ...]:
        """The writes up to `number` are durable; returns what may be sent now."""
        released: list[Message] = []
        while self._undurable and (self._undurable[0].number <= number or not self._undurable[0].has_write):
            done = self._undurable.popleft()
            self._writes -= done.has_write
            released += done.messages
            self.node.persisted(done.number)
        return self._unless_silent(tuple(released))

    def compacted(self, snapshot: Snapshot) -> None:
        """A snapshot that `ready` asked for is durable: the log before it is forgotten."""
        self._is_snapshotting = False
        self.node.compact(snapshot, trailing=self._plan.snapshots.trailing_entries)

    def stop(self, why: str) -> None:
        """Tell everybody who waits that this member ends."""
        proposals, self._proposals = self._proposals, []
        for _, done in proposals:
            done(Result(Outcome.REJECTED, why=why, leader=self._leader))
        self._waiters.give_up(why, self._leader)
        self._reads.refuse_all(why)

    # ---- helpers -------------------------------------------------------------------------------------------------

    def _observe_time(self) -> None:
        if self._now_ms is not None:
            self.node.observe_time(self._now_ms())

    def _submit_proposals(self) -> None:
        """All commands that came in one turn go into the log together."""
        proposals, self._proposals = self._proposals, []
        if proposals and not self._submitted(proposals) and len(proposals) > 1:
            for each in proposals:  # together they were too much, or this member does not lead
                self._submitted([each])

    def _submitted(self, proposals: list[tuple[bytes, Done]]) -> bool:
        try:
            last = self.node.propose_batch(tuple(command for command, _ in proposals))
        except ProposalDropped as error:
            if len(proposals) == 1:
                proposals[0][1](Result(Outcome.REJECTED, why=str(error), leader=error.leader))
            return False
        term = self.node.hard_state().term
        for index, (_, done) in enumerate(proposals, last - len(proposals) + 1):
            self._waiters.add(index=index, term=term, done=done)
        return True

    def _apply(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            answer = None
            if entry.type is not EntryType.NORMAL:
                self._config = self.node.apply_conf_change(confchange.decode(entry.type, entry.data))
            elif entry.data:
                answer = self._replicated.apply(entry.index, entry.data)
            self._applied, self._applied_term = entry.index, entry.term
            self._since_entries += 1
            self._since_bytes += len(entry.data)
            self._waiters.applied(entry.index, entry.term, answer)
        if entries:
            self.node.applied(self._applied)

    def _restore(self, snapshot: Snapshot) -> None:
        self._replicated.restore(snapshot.data)
        self._config = snapshot.config
        self._applied, self._applied_term = snapshot.index, snapshot.term
        self._since_entries = self._since_bytes = 0

    def _hold_back(self, ready: Ready) -> tuple[Message, ...]:
        """Keep promises until they are durable; returns those that are so already."""
        self._undurable.append(_Undurable(ready.number, ready.messages_after, ready.must_sync))
        self._writes += ready.must_sync
        if self._writes:
            return ()
        return self.persisted(0)

    def _snapshot_if_due(self) -> Snapshot | None:
        policy = self._plan.snapshots
        if self._is_snapshotting or (self._since_entries < policy.entries and self._since_bytes < policy.payload_bytes):
            return None
        self._is_snapshotting = True
        self._since_entries = self._since_bytes = 0
        return Snapshot(self._applied, self._applied_term, self._config, self._replicated.snapshot())

    def _unless_silent(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        if not self.is_silent:
            return messages
        for message in messages:
            if message.type is MessageType.SNAPSHOT:
                self.node.report_snapshot(message.to, ok=False)
        return ()
