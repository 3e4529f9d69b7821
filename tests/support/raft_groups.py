"""Several members of a group in one process, over a memory link that can be cut, with disks that are flushed at once
or on demand.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random

from dojopool.core.raft.messages import Entry, HardState, Message, MessageType, Snapshot, Stored
from dojopool.core.raft.options import Options
from dojopool.core.raft.sessions import Answer, Command, CommandKind
from dojopool.raft_ports import DiskWrite
from dojopool.raft_runtime.config import Plan
from dojopool.raft_runtime.member import Member
from dojopool.raft_runtime.replicated import founding
from dojopool.raft_runtime.results import Outcome, Result


class Ledger:
    """A state machine that remembers all commands; the answer to one is its place."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []

    def apply(self, index: int, command: bytes) -> bytes:
        """Remember."""
        self.commands.append(command)
        return str(len(self.commands)).encode()

    def snapshot(self) -> bytes:
        """All commands."""
        return b"\n".join(self.commands)

    def restore(self, data: bytes) -> None:
        """Undo `snapshot`."""
        self.commands = data.split(b"\n") if data else []


@dataclass
class Disk:
    """What one member stored; `held` keeps writes from becoming durable."""

    stored: Stored = field(default_factory=Stored)
    waiting: deque[DiskWrite | Snapshot] = field(default_factory=deque)
    held: bool = False

    def flush(self) -> int:
        """Make all durable; the number of the last write, 0 without one."""
        number = 0
        while self.waiting:
            write = self.waiting.popleft()
            if isinstance(write, DiskWrite):
                self.stored, number = _written(self.stored, write), write.number
            else:
                self.stored = _compacted(self.stored, write)
        return number


class Group:
    """Members 1 to n, pumped until nothing moves."""

    def __init__(self, count: int, *, plan: Plan | None = None, seed: int = 1, founders: int | None = None) -> None:
        self.dice = Random(seed)
        self.plan = plan
        self.voters = tuple(range(1, (founders or count) + 1))
        self.disks = {node: Disk() for node in range(1, count + 1)}
        self.machines: dict[int, Ledger] = {}
        self.members: dict[int, Member] = {}
        self.cut: set[int] = set()
        """Members that nobody hears and that hear nobody."""
        self.sent: list[Message] = []
        self.mail: deque[Message] = deque()
        for node, disk in self.disks.items():
            if node in self.voters:
                disk.stored = Stored(HardState(1, 0, 1), founding(Ledger(), voters=self.voters, plan=plan))
            self.start(node)

    def start(self, node: int) -> Member:
        """Start a member on what its disk holds, as after a crash."""
        self.machines[node] = Ledger()
        self.disks[node].waiting.clear()
        self.members[node] = Member(
            Options(id=node),
            stored=self.disks[node].stored,
            machine=self.machines[node],
            draw=self.dice.randrange,
            plan=self.plan,
        )
        return self.members[node]

    def elect(self, node: int = 1) -> Member:
        """Let a member stand for election and win."""
        self.members[node].node.campaign()
        self.settle()
        assert self.members[node].is_leader
        return self.members[node]

    def settle(self) -> None:
        """Carry everything until nothing moves."""
        while self.turn():
            pass

    def turn(self) -> bool:
        """One turn of every member; whether anything moved."""
        moved = False
        mail, self.mail = self.mail, deque()
        for message in mail:
            self.report(message, arrived=message.to not in self.cut)
        for node, member in self.members.items():
            member.receive([message for message in mail if message.to == node and node not in self.cut])
            moved |= self._pump(node, member)
        return moved or bool(self.mail)

    def report(self, message: Message, *, arrived: bool) -> None:
        """What links tell the sender."""
        if message.type is MessageType.SNAPSHOT:
            self.members[message.from_].node.report_snapshot(message.to, arrived)
        elif not arrived:
            self.members[message.from_].node.report_unreachable(message.to)

    def _pump(self, node: int, member: Member) -> bool:
        disk, moved = self.disks[node], False
        while (work := member.ready()) is not None:
            moved = True
            self._post(node, work.messages)
            if work.write is not None:
                disk.waiting.append(work.write)
            if work.snapshot is not None:
                disk.waiting.append(work.snapshot)
        if disk.held or not disk.waiting:
            return moved
        snapshots = [each for each in disk.waiting if isinstance(each, Snapshot)]
        self._post(node, member.persisted(disk.flush()))
        for each in snapshots:
            member.compacted(each)
        return True

    def _post(self, node: int, messages: tuple[Message, ...]) -> None:
        self.sent += messages
        for message in messages:
            if node not in self.cut and message.to in self.members:
                self.mail.append(message)
            else:
                self.report(message, arrived=False)

    def tick(self, count: int = 1) -> None:
        """Time passes for all, one tick after the other."""
        for _ in range(count):
            for member in self.members.values():
                member.tick(1)
            self.settle()

    def leader(self) -> Member:
        """The one that leads in the highest term, after waiting for one."""
        for _ in range(200):
            leading = [each for node, each in self.members.items() if each.is_leader and node not in self.cut]
            if leading:
                return max(leading, key=lambda each: each.node.status().term)
            self.tick()
        raise AssertionError("no leader after 200 ticks")


@dataclass
class Inbox:
    """Collects what `done` is told."""

    results: list[Result] = field(default_factory=list)

    def __call__(self, result: Result) -> None:
        self.results.append(result)

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, None so far."""
        assert len(self.results) <= 1, "nobody is told twice"
        return self.results[0].outcome if self.results else None

    @property
    def answer(self) -> Answer:
        """What was answered to the committed command."""
        (result,) = self.results
        assert result.answer is not None
        return result.answer


def plain(payload: bytes) -> Command:
    """A command outside of sessions."""
    return Command(CommandKind.PLAIN, payload=payload)


def asked(member: Member, command: Command) -> Inbox:
    """Propose, and collect what is told."""
    inbox = Inbox()
    member.propose(command, inbox)
    return inbox


def _written(stored: Stored, write: DiskWrite) -> Stored:
    snapshot, entries = stored.snapshot, stored.entries
    if write.snapshot is not None:
        snapshot, entries = write.snapshot, ()
    if write.entries:
        entries = (*(each for each in entries if each.index < write.entries[0].index), *write.entries)
    return Stored(write.hard_state or stored.hard_state, snapshot, entries)


def _compacted(stored: Stored, snapshot: Snapshot) -> Stored:
    if stored.snapshot is not None and stored.snapshot.index > snapshot.index:
        return stored
    entries: tuple[Entry, ...] = tuple(each for each in stored.entries if each.index > snapshot.index)
    return Stored(stored.hard_state, snapshot, entries)
