"""One member as a process: the core, its log on a simulated disk and its state machine, pumped as in production.

Everything that reaches it becomes a step, and so does each part of a Ready, so that it can die or stop between any two.
While it stops, what arrives waits; the ticks that it missed are counted, and come after the messages (rule C6).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from dojopool.adapters.raft_wal import Wal
from dojopool.core.raft.messages import NOBODY, Entry, EntryType, Message, ReadState, Ready, Role, Snapshot
from dojopool.core.raft.node import RawNode
from dojopool.core.raft.options import Options, ReadMode
from dojopool.errors import CallerError, CorruptState, LogConflict, ProposalDropped, Unavailable
from dojopool.raft_ports import DiskWrite
from dojopool.simulation.application import Answer, Application, ReadAnswer
from dojopool.simulation.disk import PowerLost, SimulatedFiles
from dojopool.simulation.invariants import Judge, Violation
from dojopool.simulation.options import TICK_MS
from dojopool.simulation.world import MS, World

STEPS_WAITING_MAX: Final = 2_000
"""Messages that wait for a process that stopped; more are lost, as on a full queue."""
SEGMENT_BYTES: Final = 2_048
"""Small, so that segments are changed and removed all the time."""


class Surroundings(Protocol):
    """What a process asks of the world it runs in."""

    def send(self, messages: tuple[Message, ...]) -> None:
        """Put messages on the links."""

    def ended(self, node: int) -> None:
        """A process died by itself."""

    def flush_delay(self, node: int) -> int:
        """How long the next flush takes."""

    def ack_delay(self, node: int) -> int:
        """How long what became durable takes to be told."""

    def apply_delay(self, node: int) -> int:
        """How long applying takes."""


@dataclass(slots=True)
class _Stores:
    """A job of the disk: what a Ready wants stored, or a snapshot of the state machine."""

    write: DiskWrite | None
    after: tuple[Message, ...] = ()
    snapshot: Snapshot | None = None


class Process:
    """A member, over all its lives on one disk."""

    def __init__(
        self,
        options: Options,
        *,
        world: World,
        judge: Judge,
        around: Surroundings,
        random: Random,
        snapshot_every: int,
        trailing: int,
    ) -> None:
        self.id = options.id
        self.options = options
        self.files = SimulatedFiles()
        self.is_up = self.is_paused = False
        self.rate = 1.0
        self.lives = 0
        self.steps_left: int | None = None
        """So many steps are still made before `ending`."""
        self.ending: Callable[[], None] | None = None
        self._world, self._judge, self._around, self._random = world, judge, around, random
        self._snapshot_every, self._trailing = snapshot_every, trailing
        self._clock_from, self._clock_ms = 0, 0.0
        self.snapshot_index = 0
        """Of the newest snapshot on the disk."""

    # ---- life and death --------------------------------------------------------------------------------------------

    def found(self, first: Snapshot) -> None:
        """Make the disk of a member of a new group."""
        wal = self._open()
        wal.recover()
        wal.append(DiskWrite(number=1, snapshot=first))
        wal.sync()

    def start(self) -> None:
        """Begin a life with what the disk holds."""
        assert not self.is_up
        self.is_up, self.is_paused = True, False
        self.lives += 1
        self._wal = self._open()
        try:
            stored = self._wal.recover()
        except CorruptState as error:
            raise Violation("recovery", f"node {self.id} takes what a crash left for damage: {error}") from error
        self._judge.started(self.id, stored)
        self.application = Application(self.id, self._judge, stored.snapshot)
        self.snapshot_index = self.application.applied
        self.node = RawNode(self.options, stored=stored, draw=self._random.randrange)
        self._todo: deque[Callable[[], None]] = deque()
        self._jobs: list[_Stores] = []
        self._flushing: list[_Stores] = []
        self._applying: deque[Entry] = deque()
        self._apply_waits = False
        self._told_at = 0
        self._missed_ticks = 0
        self.role, self.leader = Role.FOLLOWER, NOBODY
        self._term, self._commit = stored.hard_state.term, stored.hard_state.commit
        self.steps_left = self.ending = None
        self._schedule_tick(self.lives)
        self._run()

    def crash(self, *, torn: bool) -> None:
        """Die now. If a flush is under way, any number of its steps were made."""
        if self.is_up and self._flushing:
            self.files.calls_left = self._random.randint(0, 4)
            with suppress(PowerLost, Unavailable):
                self._flush(self._flushing)
        self.is_up = False
        self.files.crash(self._random, torn=torn)
        self._judge.crashed(self.id)

    def pause(self) -> None:
        """Stop until `resume`."""
        self.is_paused = True

    def resume(self) -> None:
        """Go on: first with what has arrived, then with the time that has passed."""
        if self.is_up and self.is_paused:
            self.is_paused = False
            missed, self._missed_ticks = self._missed_ticks, 0
            self._todo.append(lambda: self._tick(missed))
            self._run()

    def set_rate(self, rate: float) -> None:
        """Let this process's clock run `rate` times as fast."""
        self._clock_ms = self.local_ms()
        self._clock_from, self.rate = self._world.now, rate

    def local_ms(self) -> float:
        """This process's clock, which a pause does not stop."""
        return self._clock_ms + (self._world.now - self._clock_from) * self.rate / MS

    # ---- what reaches it -------------------------------------------------------------------------------------------

    def deliver(self, message: Message) -> None:
        """A message arrives."""
        if self.is_up and len(self._todo) < STEPS_WAITING_MAX:
            self._do(lambda: self.node.step(message))

    def write(self, command: bytes, answer: Answer, refused: Callable[[int], None]) -> None:
        """A client wants a command applied. `refused` names the member to ask instead, or 0."""

        def propose() -> None:
            try:
                index = self.node.propose(command)
            except ProposalDropped as error:
                refused(error.leader)
                return
            self.application.wait_for(index=index, term=self.node.hard_state().term, answer=answer)

        if self.is_up:
            self._do(propose)

    def read(self, context: bytes, key: int, answer: ReadAnswer) -> None:
        """A client reads a key."""
        if self.is_up:
            now_ms = int(self.local_ms())
            self.application.read(context, key, answer)

            def ask() -> None:
                self.node.observe_time(now_ms)
                self.node.read_index(context)

            self._do(ask)

    def do(self, act: Callable[[RawNode], None]) -> None:
        """Someone who looks after the group, or a link, does something here."""
        if self.is_up:
            self._do(lambda: act(self.node))

    # ---- the pump --------------------------------------------------------------------------------------------------

    def _do(self, step: Callable[[], None]) -> None:
        self._todo.append(step)
        if not self.is_paused:
            self._run()

    def _run(self) -> None:
        todo = self._todo
        try:
            while self.is_up and not self.is_paused:
                if not todo:
                    if not self.node.has_ready():
                        return
                    self._take(self.node.ready())
                if self.steps_left is not None:
                    if self.steps_left == 0:
                        self.steps_left = None
                        assert self.ending is not None
                        self.ending()
                        continue
                    self.steps_left -= 1
                todo.popleft()()
                self._note_commit()
        except (PowerLost, Unavailable):
            self._flushing = []  # so much of it as was made is made
            self._around.ended(self.id)
        except LogConflict as error:
            raise Violation("log-conflict", f"node {self.id} must stop: {error}") from error
        except Violation:
            raise
        except (AssertionError, CallerError, CorruptState) as error:
            raise Violation("assertion", f"node {self.id}: {error}") from error

    def _note_commit(self) -> None:
        """Note the members that counted when this node moved the commit index as leader: they may change before it is
        told.
        """
        state = self.node.hard_state()
        if state.commit != self._commit:
            self._commit = state.commit
            if self.role is Role.LEADER and state.term == self._term:
                self._judge.counted(self.id, state.commit, self.application.config)

    def _take(self, ready: Ready) -> None:
        self._judge.told(self.id, ready)
        if ready.hard_state is not None:
            self._term = ready.hard_state.term
        if ready.soft_state is not None:
            self.role, self.leader = ready.soft_state.role, ready.soft_state.leader
        todo = self._todo
        if ready.messages:
            todo.append(lambda: self._send(ready.messages))
        todo.append(lambda: self._store(ready))
        if ready.committed:
            todo.append(lambda: self._begin_apply(ready.committed))
        if ready.read_states:
            todo.append(lambda: self._note_reads(ready.read_states))

    def _send(self, messages: tuple[Message, ...]) -> None:
        self._judge.sends(self.id, messages)
        self._around.send(messages)

    def _tick(self, count: int) -> None:
        self.node.observe_time(int(self.local_ms()))
        for _ in range(count):
            self.node.tick()

    def _schedule_tick(self, life: int) -> None:
        def tick() -> None:
            if self.lives != life or not self.is_up:
                return
            self._schedule_tick(life)
            if self.is_paused:
                self._missed_ticks += 1
            else:
                self._do(lambda: self._tick(1))

        self._world.after(int(TICK_MS * MS / self.rate), tick)

    # ---- the disk --------------------------------------------------------------------------------------------------

    def _open(self) -> Wal:
        return Wal(
            self.files,
            cluster="simulated",
            node=self.id,
            draw_id=lambda: self._random.randbytes(16),
            segment_bytes=SEGMENT_BYTES,
        )

    def _store(self, ready: Ready) -> None:
        write = DiskWrite(ready.number, ready.hard_state, ready.entries, ready.snapshot, ready.must_sync)
        self._judge.given(self.id, write)
        self._jobs.append(_Stores(write, ready.messages_after))
        self._begin_flush()

    def _begin_flush(self) -> None:
        if self._flushing or not self._jobs:
            return
        self._flushing, self._jobs = self._jobs, []
        needs_disk = any(job.write is None or job.write.must_sync for job in self._flushing)
        if not needs_disk:
            self._flushed()
            return
        life = self.lives

        def done() -> None:
            if self.is_up and self.lives == life:
                self._do(self._flushed)

        self._world.after(self._around.flush_delay(self.id), done)

    def _flush(self, jobs: list[_Stores]) -> None:
        for job in jobs:
            if job.write is not None:
                self._wal.append(job.write)
        self._wal.sync()
        for job in jobs:
            if job.snapshot is not None and job.snapshot.index >= self.snapshot_index:
                self._wal.compact(job.snapshot, keep_from=job.snapshot.index + 1 - self._trailing)

    def _flushed(self) -> None:
        """What was under way is durable: say so, and send what waited for it."""
        jobs = self._flushing
        self._flush(jobs)
        self._flushing = []
        last = max((job.write.number for job in jobs if job.write), default=0)
        if last:
            self._judge.durable(self.id, last)
        delay = max(self._around.ack_delay(self.id), self._told_at - self._world.now)
        if delay > 0:
            self._told_at = self._world.now + delay  # they are told in their order
            life = self.lives
            self._world.after(delay, lambda: self._later(life, lambda: self._told_durable(jobs, last)))
        else:
            self._told_durable(jobs, last)
        self._begin_flush()

    def _told_durable(self, jobs: list[_Stores], last: int) -> None:
        for job in jobs:
            if job.write is not None and job.write.snapshot is not None:
                self._applying.clear()
                self.application.restore(job.write.snapshot)
                self.snapshot_index = job.write.snapshot.index
        if last:
            self.node.persisted(last)
        for job in jobs:
            if job.after:
                self._send(job.after)
            snapshot = job.snapshot
            if snapshot is not None and snapshot.index >= self.snapshot_index:
                self.snapshot_index = snapshot.index
                self.node.compact(snapshot, trailing=self._trailing)

    def _later(self, life: int, step: Callable[[], None]) -> None:
        if self.is_up and self.lives == life:
            self._do(step)

    # ---- the state machine -----------------------------------------------------------------------------------------

    def _begin_apply(self, entries: tuple[Entry, ...]) -> None:
        self._applying.extend(entries)
        if self._apply_waits:
            return
        delay = self._around.apply_delay(self.id)
        if not delay:
            self._apply()
            return
        self._apply_waits = True
        life = self.lives
        self._world.after(delay, lambda: self._later(life, self._apply))

    def _apply(self) -> None:
        self._apply_waits = False
        application, changed = self.application, False
        while self._applying:
            entry = self._applying.popleft()
            if entry.index > application.applied:
                application.apply(entry, self.node)
                if entry.type is not EntryType.NORMAL:
                    changed = True
                    self._note_commit()
        self.node.applied(application.applied)
        application.answer_reads(self._is_sure)
        # After a change of the members too, so that newcomers begin close to the end of the log.
        if changed or application.applied - self.snapshot_index >= self._snapshot_every:
            self._jobs.append(_Stores(None, (), application.snapshot()))
            self._begin_flush()

    def _note_reads(self, states: tuple[ReadState, ...]) -> None:
        self.application.note(states)
        self.application.answer_reads(self._is_sure)

    def _is_sure(self) -> bool:
        """Whether a read that was just made may be answered: a leader's lease may have ended since it was looked at."""
        if self.options.read_mode is ReadMode.SAFE or self.role is not Role.LEADER:
            return True
        return self.node.holds_lease(int(self.local_ms()))
