"""Members of a Raft group joined in memory, with disks and a network that do what a test says and nothing else.

A `Peer` is one node, its disk and its application; it needs no network: `hear` hands it a message and returns what it
sends. A `Group` joins peers by a wire that delivers in order, unless it is cut. Nothing here is random or timed: the
same story gives the same messages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any

from dojopool.core.raft.confchange import decode
from dojopool.core.raft.messages import (
    ConfState,
    Entry,
    EntryType,
    HardState,
    Message,
    ReadState,
    Ready,
    Role,
    Snapshot,
    Stored,
)
from dojopool.core.raft.node import RawNode
from dojopool.core.raft.options import Options
from dojopool.core.raft.status import Status

Watch = Callable[[int, Ready], None]


class Disk:
    """What one peer stored, and what it only asked to store."""

    def __init__(self, stored: Stored) -> None:
        self.durable = stored
        self.waiting: deque[Ready] = deque()
        """Writes that a crash loses."""

    def sync(self) -> Ready:
        """The oldest write becomes durable."""
        write = self.waiting.popleft()
        entries = () if write.snapshot else self.durable.entries
        if write.entries:
            entries = tuple(entry for entry in entries if entry.index < write.entries[0].index) + write.entries
        self.durable = Stored(
            hard_state=write.hard_state or self.durable.hard_state,
            snapshot=write.snapshot or self.durable.snapshot,
            entries=entries,
        )
        return write

    def compact(self, snapshot: Snapshot) -> None:
        """Put a snapshot in place of the entries that it covers: what is started from begins behind it."""
        entries = tuple(entry for entry in self.durable.entries if entry.index > snapshot.index)
        self.durable = replace(self.durable, snapshot=snapshot, entries=entries)


class Peer:
    """One member: its node, its disk, and an application that remembers every command."""

    def __init__(self, options: Options, stored: Stored, *, draw: Callable[[int], int] | None = None) -> None:
        self.options = options
        self.disk = Disk(stored)
        self.draw = draw or Random(options.id).randrange
        self.holds_disk = False
        """Whether writes wait for `flush`."""
        self.holds_apply = False
        """Whether committed entries wait for `apply`."""
        self.watch: Watch = lambda _node, _ready: None
        self._start()

    def _start(self) -> None:
        snapshot = self.disk.durable.snapshot
        self.to_apply: deque[Entry] = deque()
        self.reads: list[ReadState] = []
        self.applied_index = snapshot.index if snapshot else 0
        self.commands = snapshot.data.split() if snapshot else []
        """What the application has seen, in order."""
        self.node = RawNode(self.options, stored=self.disk.durable, applied=self.applied_index, draw=self.draw)

    @property
    def id(self) -> int:
        """Its number."""
        return self.options.id

    @property
    def status(self) -> Status:
        """What its node says of itself."""
        return self.node.status()

    def is_a(self, role: Role) -> bool:
        """Whether that is its role now."""
        return self.status.role is role

    def hear(self, message: Message) -> list[Message]:
        """Take one message and do what follows; gives what leaves now."""
        self.node.step(message)
        return self.pump()

    def tick(self, count: int = 1) -> list[Message]:
        """Let time pass; gives what leaves."""
        sent = []
        for _ in range(count):
            self.node.tick()
            sent += self.pump()
        return sent

    def pump(self) -> list[Message]:
        """Carry out everything that the node wants done; gives what leaves now."""
        sent: list[Message] = []
        while self.node.has_ready():
            sent += self.carry_out(self.node.ready())
        return sent

    def carry_out(self, ready: Ready) -> list[Message]:
        """Do one Ready, as far as disk and application are not held; gives what leaves now."""
        self.watch(self.id, ready)
        sent = list(ready.messages)
        self.reads += ready.read_states
        self.disk.waiting.append(ready)
        self.to_apply += ready.committed
        if not self.holds_disk:
            sent += self.flush()
        if not self.holds_apply:
            self.apply()
        return sent

    def flush(self, count: int | None = None) -> list[Message]:
        """Make the oldest `count` writes durable (all of them without); gives what may leave now."""
        sent: list[Message] = []
        for _ in range(len(self.disk.waiting) if count is None else count):
            write = self.disk.sync()
            if write.snapshot:
                self._restore(write.snapshot)
            self.node.persisted(write.number)
            sent += write.messages_after
        return sent

    def apply(self) -> None:
        """Apply what is committed and waits."""
        while self.to_apply:
            entry = self.to_apply.popleft()
            if entry.type is not EntryType.NORMAL:
                self.node.apply_conf_change(decode(entry.type, entry.data))
            elif entry.data:
                self.commands.append(entry.data)
            self.applied_index = entry.index
            self.node.applied(entry.index)

    def _restore(self, snapshot: Snapshot) -> None:
        self.commands = snapshot.data.split()
        self.applied_index = snapshot.index
        self.to_apply.clear()

    def snapshot(self) -> Snapshot:
        """The application as of now."""
        entries = {entry.index: entry.term for entry in self.disk.durable.entries}
        base = self.disk.durable.snapshot
        term = base.term if base and base.index == self.applied_index else entries[self.applied_index]
        return Snapshot(self.applied_index, term, self.status.config, b" ".join(self.commands))

    def compact(self, *, trailing: int = 0) -> Snapshot:
        """Make a snapshot, durably, and forget the entries before it but for the last `trailing`."""
        snapshot = self.snapshot()
        self.disk.compact(snapshot)
        self.node.compact(snapshot, trailing=trailing)
        return snapshot

    def crash(self) -> None:
        """Lose what is not durable and start again."""
        self.disk.waiting.clear()
        self._start()

    def answered(self, context: bytes) -> int | None:
        """The index of the answer to a read, 0 when it was refused, None while there is none."""
        return next((read.index for read in self.reads if read.context == context), None)


class Group:
    """Peers and the wire between them."""

    def __init__(self, *peers: Peer) -> None:
        self.peers = {peer.id: peer for peer in peers}
        self.wire: deque[Message] = deque()
        """Messages on their way, oldest first."""
        self.sent: list[Message] = []
        """Every message that was put on the wire, delivered or not."""
        self.cuts: set[tuple[int, int]] = set()
        """Pairs (from, to) that no message passes."""
        self.loses: Callable[[Message], bool] = lambda _message: False
        """Which further messages are lost."""

    def __getitem__(self, node: int) -> Peer:
        return self.peers[node]

    def add(self, peer: Peer) -> Peer:
        """Let one more peer take part."""
        self.peers[peer.id] = peer
        return peer

    def cut(self, one: Iterable[int], other: Iterable[int], *, both_ways: bool = True) -> None:
        """No message passes from `one` to `other` any more, nor back."""
        others = list(other)
        for a in one:
            for b in others:
                self.cuts |= {(a, b), (b, a)} if both_ways else {(a, b)}

    def isolate(self, node: int) -> None:
        """Nobody hears `node`, and it hears nobody."""
        self.cut([node], [other for other in self.peers if other != node])

    def heal(self) -> None:
        """Every message passes again."""
        self.cuts.clear()
        self.loses = lambda _message: False

    def post(self, messages: Iterable[Message]) -> None:
        """Put messages on the wire."""
        for message in messages:
            self.sent.append(message)
            self.wire.append(message)

    def deliver(self) -> None:
        """The oldest message arrives, or is lost; what follows from it goes on the wire."""
        message = self.wire.popleft()
        is_cut = (message.from_, message.to) in self.cuts or self.loses(message)
        if message.to in self.peers and not is_cut:
            self.post(self.peers[message.to].hear(message))

    def settle(self) -> None:
        """Run until nobody has anything to say."""
        for _ in range(100_000):
            for node in sorted(self.peers):
                self.post(self.peers[node].pump())
            if not self.wire:
                return
            while self.wire:
                self.deliver()
        raise AssertionError("the group does not come to rest")

    def tick(self, count: int = 1, *, only: Iterable[int] | None = None) -> None:
        """Let time pass for all peers, or for some, and run until quiet after each tick."""
        ids = sorted(self.peers if only is None else only)
        for _ in range(count):
            for node in ids:
                self.peers[node].node.tick()
            self.settle()

    def campaign(self, node: int) -> None:
        """Let `node` ask for votes; they may be refused."""
        self[node].node.campaign()
        self.settle()

    def elect(self, node: int) -> None:
        """Make `node` the leader."""
        self.campaign(node)
        assert self[node].status.role is Role.LEADER, f"{node} was not elected: {self[node].status}"

    def propose(self, node: int, *commands: bytes) -> int:
        """Propose commands at the leader and run until quiet; gives the last one's index."""
        index = 0
        for command in commands:
            index = self[node].node.propose(command)
        self.settle()
        return index

    def leaders(self) -> list[int]:
        """Who leads in the newest term that has a leader at all, and whoever thinks so in older ones."""
        return [node for node, peer in sorted(self.peers.items()) if peer.status.role is Role.LEADER]

    def serves_within(self, ticks: int, command: bytes = b"fresh") -> bool:
        """Whether within so many ticks some leader commits a new command."""
        for _ in range(ticks):
            self.tick()
            for node in self.leaders():
                before = len(self[node].commands)
                if not self[node].status.transferee:
                    self.propose(node, command)
                if command in self[node].commands[before:]:
                    return True
        return False


def bootstrap(voters: Iterable[int], learners: Iterable[int] = ()) -> Stored:
    """What a first member of a new group finds on its disk; its log begins behind index 1, term 1."""
    return Stored(HardState(term=1, commit=1), snapshot_at(1, 1, voters=voters, learners=learners))


def snapshot_at(
    index: int, term: int, *, voters: Iterable[int] = (1, 2, 3), learners: Iterable[int] = (), data: bytes = b""
) -> Snapshot:
    """A snapshot of a group with these members."""
    return Snapshot(index, term, ConfState(tuple(sorted(voters)), tuple(sorted(learners))), data)


def group_of(count: int, *, learners: Iterable[int] = (), **options: Any) -> Group:
    """A new group of voters 1 to `count`."""
    learners = tuple(learners)
    stored = bootstrap(range(1, count + 1), learners)
    return Group(*(Peer(Options(id=node, **options), stored) for node in (*range(1, count + 1), *learners)))


def newcomer(node: int, **options: Any) -> Peer:
    """A peer that never ran and knows nobody."""
    return Peer(Options(id=node, **options), Stored())


def holding(*terms: int, members: Iterable[int] = (1, 2, 3), hard: HardState | None = None) -> Stored:
    """A disk whose log has entries of these terms from index 2 on; without `hard`, of the last term and nothing
    committed.
    """
    start = bootstrap(members)
    return replace(start, hard_state=hard or HardState(term=(1, *terms)[-1], commit=1), entries=entries(2, *terms))


def solo(stored: Stored | None = None, *, draw: Callable[[int], int] | None = None, **options: Any) -> Peer:
    """Peer 1 of voters 1 to 3, or of what is stored, without a network."""
    return Peer(Options(id=1, **options), stored or holding(), draw=draw)


def entries(first: int, *terms: int) -> tuple[Entry, ...]:
    """Entries from index `first` on, of these terms; each names itself."""
    return tuple(Entry(term, index, data=b"%d.%d" % (term, index)) for index, term in enumerate(terms, start=first))
