"""The state of one node, and the acts that all parts of the protocol share.

The parts decide: `elections.py`, `replication.py`, `snapshots.py`, `reading.py`, `membership.py`, `transfer.py`.
`step.py` picks the one that a message is for, `node.py` is what callers see. Each part is functions over this state,
so that every change to it stands where its rule is.
"""

from __future__ import annotations

from collections.abc import Callable

from dojopool.core.raft import confchange, transitions
from dojopool.core.raft.log import RaftLog
from dojopool.core.raft.messages import (
    NOBODY,
    ConfState,
    HardState,
    Message,
    MessageType,
    ReadState,
    Role,
    SoftState,
    Stored,
)
from dojopool.core.raft.options import Options, ReadMode
from dojopool.core.raft.progress import Inflights, Progress, ProgressState
from dojopool.core.raft.reads import Answer, Reads, asked_here

_PROMISES = {
    MessageType.APPEND_RESPONSE,
    MessageType.VOTE,
    MessageType.VOTE_RESPONSE,
    MessageType.PRE_VOTE_RESPONSE,
}
"""They say what this node stored or whom it voted for, so they leave after it is durable (rules E1, D2).

A request for votes says which term was begun and where the log ends: after a crash that forgot either, votes for it
could still arrive in a second campaign of the same term, with a shorter log than they were given for.
"""
TERMLESS = {MessageType.PROPOSE, MessageType.READ_INDEX}
"""They are for whoever leads when they arrive."""


class Raft:
    """One node. Only the parts of the protocol and `RawNode` touch it."""

    def __init__(self, options: Options, *, stored: Stored, applied: int, draw: Callable[[int], int]) -> None:
        self.options = options
        self.id = options.id
        self.draw = draw
        self.log = RaftLog(stored, applied=applied)
        self.snapshot = stored.snapshot
        """What a follower gets whose next entry is compacted away."""
        self.term = max(stored.hard_state.term, self.log.last_term)  # a new group's first snapshot has a term already
        self.vote = stored.hard_state.vote if self.term == stored.hard_state.term else NOBODY
        self.role, self.leader = Role.FOLLOWER, NOBODY
        self.votes: dict[int, bool] = {}
        self.config = confchange.Configuration()
        self.progress: dict[int, Progress] = {}
        self.use_conf_state(stored.snapshot.config if stored.snapshot else ConfState())
        self.reads = Reads()
        self.now_ms: int | None = None
        self.lease_after_index = 0
        """No lease before this entry is committed (rule R7)."""
        self.transferee = NOBODY
        self.pending_conf_index = 0
        """The last entry of the log that may change members and may not be applied (rule M2)."""
        self.election_elapsed = self.heartbeat_elapsed = 0
        self.leader_heard_ticks = 0  # it may have heard one just before it stopped, even in its first term (rule R8)
        """Ticks since any leader, of whatever term, was heard."""
        self.leader_heard_ms: int | None = None
        self.randomized_election_timeout = 0
        self.messages: list[Message] = []
        self.messages_after: list[Message] = []
        self.read_states: list[ReadState] = []
        self.become_follower(self.term, NOBODY)

    # ---- time ------------------------------------------------------------------------------------------------------

    def observe_time(self, now_ms: int) -> None:
        """It is `now_ms`, or later than was said before."""
        if self.now_ms is None and self.leader_heard_ticks < self.options.election_ticks:
            self.leader_heard_ms = now_ms
        self.now_ms = max(now_ms, self.now_ms or 0)

    def hear_leader(self) -> None:
        """The leader of this term said something."""
        self.election_elapsed = self.leader_heard_ticks = 0
        self.leader_heard_ms = self.now_ms

    @property
    def has_promised(self) -> bool:
        """Whether a leader's lease may rest on this node, which then helps elect nobody (rules R5, R8).

        Whatever happens to its own term and role in the meantime; and by the clock, for ticks can be counted late.
        """
        if self.options.read_mode is not ReadMode.LEASE:
            return False
        if self.leader_heard_ticks < self.options.election_ticks:
            return True
        if self.leader_heard_ms is None or self.now_ms is None:
            return False
        return self.now_ms - self.leader_heard_ms <= self.options.promise_ms

    # ---- roles -----------------------------------------------------------------------------------------------------

    def become_follower(self, term: int, leader: int) -> None:
        """Follow `leader` (NOBODY: whoever wins) in `term`."""
        self._enter(Role.FOLLOWER)
        self.reset(term)
        self.leader = leader

    def become_pre_candidate(self) -> None:
        """Ask whether an election could be won; term and vote stay (rule E10)."""
        self._enter(Role.PRE_CANDIDATE)
        self.votes = {}
        self.leader = NOBODY
        self.draw_election_timeout()

    def become_candidate(self) -> None:
        """Stand for election in the next term, voting for oneself."""
        self._enter(Role.CANDIDATE)
        self.reset(self.term + 1)
        self.vote = self.id

    def become_leader(self) -> None:
        """Lead the present term. The first entry is the caller's to append (rule E16)."""
        self._enter(Role.LEADER)
        self.reset(self.term)
        self.leader = self.id
        mine = self.progress[self.id]
        mine.become(ProgressState.REPLICATE)
        mine.recently_active = True
        # Every entry that is not applied may change the members, for all that a fresh leader knows (rule M2).
        self.pending_conf_index = self.log.last

    def _enter(self, role: Role) -> None:
        transitions.check(self.role, role)
        self.role = role

    def reset(self, term: int) -> None:
        """Forget what belongs to the time of the last role."""
        if term != self.term:
            self.term, self.vote = term, NOBODY
        self.leader = self.transferee = NOBODY
        self.votes = {}
        self.election_elapsed = self.heartbeat_elapsed = 0
        self.draw_election_timeout()
        for answer in self.reads.refuse_all():
            self.answer_read(answer)
        self.reads = Reads()
        self.pending_conf_index = self.lease_after_index = 0
        for node, old in self.progress.items():
            fresh = self.new_progress(is_learner=old.is_learner, session=old.session)
            if node == self.id:
                fresh.match = self.log.stored  # what is not stored is not counted (rule L11)
                fresh.next = self.log.last + 1
            self.progress[node] = fresh

    def draw_election_timeout(self) -> None:
        """Uniform in [T, 2T), drawn again on every change of role (rule E12)."""
        self.randomized_election_timeout = self.options.election_ticks + self.draw(self.options.election_ticks)

    # ---- members ---------------------------------------------------------------------------------------------------

    def new_progress(self, *, is_learner: bool, session: bytes) -> Progress:
        return Progress(
            next_index=self.log.last + 1,
            inflights=Inflights(count_max=self.options.inflight_max, bytes_max=self.options.inflight_bytes_max),
            is_learner=is_learner,
            session=session,
        )

    def use_conf_state(self, state: ConfState) -> None:
        """Be a member of the group that `state` names."""
        self.config, self.progress = confchange.restore(
            state,
            last_index=self.log.last,
            inflight_max=self.options.inflight_max,
            inflight_bytes_max=self.options.inflight_bytes_max,
        )

    @property
    def is_learner(self) -> bool:
        """A learner by the configuration that this node knows; it may have been promoted since."""
        mine = self.progress.get(self.id)
        return mine is not None and mine.is_learner

    @property
    def is_promotable(self) -> bool:
        """Whether it may campaign: a voter by what it knows, with its state in order (rules E14, E15)."""
        return (
            self.id in self.progress
            and not self.is_learner
            and self.log.pending_snapshot is None
            and not self.log.has_conf_change(self.log.applied + 1, self.log.committed + 1)
        )

    @property
    def has_committed_in_term(self) -> bool:
        """Whether an entry of this term is committed: only then the commit index is known to be the group's."""
        return self.log.term(self.log.committed) == self.term

    # ---- sending ---------------------------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Queue a message in this node's name, in its term unless it bears one. Those to this node itself are delivered
        when what they promise is durable.
        """
        stamped = Message(  # field by field: `replace` takes five times as long, and this is done for every message
            message.type,
            message.to,
            self.id,
            message.term or self._term_of(message),
            message.log_term,
            message.index,
            message.commit,
            message.commit_term,
            message.reject,
            message.reject_hint,
            message.entries,
            message.snapshot,
            message.context,
        )
        if stamped.type in _PROMISES:
            self.messages_after.append(stamped)
        else:
            assert stamped.to != self.id, "only promises are sent to oneself"
            self.messages.append(stamped)

    def _term_of(self, message: Message) -> int:
        return 0 if message.type in TERMLESS else self.term

    def answer_read(self, answer: Answer) -> None:
        """Give a read's answer to whom it belongs."""
        state = answer.state
        if asked_here(answer):
            self.read_states.append(state)
        else:
            kind = MessageType.READ_INDEX_RESPONSE
            self.send(Message(kind, answer.asked_by, index=state.index, reject=not state.index, context=state.context))

    # ---- what it shows -----------------------------------------------------------------------------------------------

    def hard_state(self) -> HardState:
        return HardState(self.term, self.vote, self.log.committed)

    def soft_state(self) -> SoftState:
        return SoftState(self.leader, self.role)
