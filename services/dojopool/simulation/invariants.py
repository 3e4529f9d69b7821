"""What must hold after every step of a group, whatever broke; each rule has a name, and a breach ends the run.

The judge hears what every member does as it does it: what it gives to be stored, what became durable, what it sends,
what it applies. From that it keeps a shadow of every log, what is on every disk, and the one history of what was
committed. Each rule looks only at what a step changed, so a step costs the same late in a run as early.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn
from zlib import crc32

from dojopool.core.raft.messages import (
    ConfState,
    Entry,
    EntryType,
    HardState,
    Message,
    MessageType,
    Ready,
    Role,
    Snapshot,
    Stored,
)
from dojopool.raft_ports import DiskWrite
from dojopool.simulation import naive_config
from dojopool.simulation.shadow import Shadow, shadow_of


class Violation(AssertionError):
    """A rule was broken: a bug in what is simulated, or in the simulator."""

    def __init__(self, rule: str, found: str) -> None:
        super().__init__(f"{rule}: {found}")
        self.rule, self.found = rule, found


@dataclass(slots=True)
class Seen:
    """What is known of one member, over all its lives."""

    log: Shadow = field(default_factory=Shadow)
    """As it told it."""
    durable: Shadow = field(default_factory=Shadow)
    """As its disk holds it for sure."""
    unsure: list[DiskWrite] = field(default_factory=list)
    """Given to be stored, in order, and not yet durable."""
    role: Role = Role.FOLLOWER
    commit: int = 0
    handed: int = 0
    """Up to where it was given entries to apply, in this life."""
    chain: int = 0
    """Checksum over all answers of its state machine."""
    is_up: bool = False
    is_wiped: bool = False


class Judge:
    """Hears everything and keeps the history. Every method raises Violation."""

    def __init__(self) -> None:
        self.members: dict[int, Seen] = {}
        self.commit = 0
        """Highest index that any leader committed."""
        self.terms: dict[int, int] = {}
        """Term of every committed index, but of those below the first snapshot."""
        self.entries: dict[int, Entry] = {}
        self.leaders: dict[int, int] = {}
        """Who led a term."""
        self.votes: dict[tuple[int, int], int] = {}
        """Term and voter -> whom it voted for."""
        self._known: dict[tuple[int, int], tuple[int | None, Entry]] = {}
        """Index and term -> term of the entry before, and the entry: the same wherever the entry is."""
        self._commits: dict[int, int] = {}
        """Term -> the highest index that its leader committed."""
        self._chains: dict[int, int] = {}
        self._states: dict[int, bytes] = {}
        self.config = ConfState()
        """The members, by everything committed."""
        self._configs: dict[int, ConfState] = {}
        """The members after each committed change."""
        self.checked = 0
        """How often a member was heard."""

    def begin(self, first: Snapshot) -> None:
        """A new group begins with this snapshot on every disk."""
        self.commit, self.terms[first.index], self.config = first.index, first.term, first.config
        self._configs[first.index] = first.config
        self._commits = {0: first.index}
        state = HardState(term=first.term, commit=first.index)
        for node in first.config.voters:
            self.members[node] = Seen(durable=Shadow(first.index, first.term, hard_state=state))

    def started(self, node: int, stored: Stored) -> None:
        """A member begins a life with what it found on its disk."""
        seen = self.members.setdefault(node, Seen())
        if not self._is_possible(seen, stored):
            _broken("durable", f"node {node} found on its disk what no crash can leave: {_told(stored)}; {_sure(seen)}")
        self.members[node] = after = Seen(shadow_of(stored), shadow_of(stored), is_up=True)
        snapshot = stored.snapshot.index if stored.snapshot else 0
        after.commit = max(snapshot, stored.hard_state.commit)
        after.handed = snapshot
        after.chain = self._chains.get(snapshot, 0)
        if after.commit > max(self.commit, snapshot):
            _broken("commit", f"node {node} recovered commit {after.commit}, nobody committed beyond {self.commit}")

    def crashed(self, node: int) -> None:
        """A member's life ends."""
        self.members[node].is_up = False
        self.members[node].role = Role.FOLLOWER

    def wiped(self, node: int) -> None:
        """A member's disk is gone, and so is the member: as if it were down for ever. What it acknowledged counts."""
        self.members[node].is_wiped = True

    def told(self, node: int, ready: Ready) -> None:
        """A member says what it wants done."""
        self.checked += 1
        seen = self.members[node]
        was_leader = seen.role is Role.LEADER
        if ready.soft_state is not None:
            seen.role = ready.soft_state.role
        if ready.snapshot is not None:
            self._install(node, seen, ready)
        if ready.entries:
            self._append(node, seen, ready.entries, was_leader and seen.role is Role.LEADER)
        if ready.hard_state is not None:
            self._remember(node, seen, ready)
        if seen.role is Role.LEADER and not was_leader:
            self._elected(node, seen)
        self._hand(node, seen, ready.committed)

    def counted(self, node: int, commit: int, config: ConfState) -> None:
        """A leader committed up to `commit`, by counting in `config`."""
        seen = self.members[node]
        if commit > self.commit:
            self._advance(node, seen, commit, config)

    def given(self, node: int, write: DiskWrite) -> None:
        """A member's disk is given a write."""
        self.members[node].unsure.append(write)

    def durable(self, node: int, number: int) -> None:
        """A member's disk says that all writes up to `number` are durable."""
        seen = self.members[node]
        while seen.unsure and seen.unsure[0].number <= number:
            seen.durable.store(seen.unsure.pop(0))

    def sends(self, node: int, messages: Iterable[Message]) -> None:
        """A member sends messages: what they promise is on its disk."""
        seen = self.members[node]
        disk = seen.durable
        for message in messages:
            if message.type is MessageType.VOTE_RESPONSE and not message.reject:
                self._vote(message.term, node, message.to)
                kept = disk.hard_state
                if kept.term < message.term or (kept.term == message.term and kept.vote != message.to):
                    _broken(
                        "vote-durable",
                        f"node {node} tells its vote for {message.to} in term {message.term} with {kept} on its disk",
                    )
            elif message.type is MessageType.APPEND_RESPONSE:
                if message.term > disk.hard_state.term:
                    _broken("term-durable", f"node {node} answers in term {message.term}, its disk: {disk.hard_state}")
                # A later term may have cut off since what was acknowledged in this one.
                if not message.reject and message.index > disk.last and message.term == disk.hard_state.term:
                    _broken("ack-durable", f"node {node} acknowledges {message.index}, its disk ends at {disk.last}")

    def applied(self, node: int, entry: Entry, answer: bytes) -> None:
        """A member applied an entry."""
        seen = self.members[node]
        seen.chain = crc32(answer, crc32(b"%d" % entry.index, seen.chain))
        if self._chains.setdefault(entry.index, seen.chain) != seen.chain:
            _broken("state-machine", f"node {node} is in another state than others after applying {entry.index}")

    def configured(self, node: int, index: int, config: ConfState) -> None:
        """A member applied a change of the members."""
        if self._configs[index] != config:
            _broken("membership", f"node {node} makes {config} of change {index}, not {self._configs[index]}")

    def members_at(self, index: int) -> ConfState:
        """The members after everything up to `index`."""
        return self._configs[max(change for change in self._configs if change <= index)]

    def entry(self, index: int, log: Shadow) -> Entry:
        """An entry of a member's log."""
        term = log.term(index)
        assert term is not None
        return self._known[index, term][1]

    def snapshotted(self, node: int, index: int, state: bytes) -> None:
        """A member took a snapshot of its state machine, or restored one."""
        if self._states.setdefault(index, state) != state:
            _broken("state-machine", f"node {node} has another snapshot of {index} than others")

    def restored(self, node: int, index: int, state: bytes) -> None:
        """A member's state machine begins with a snapshot."""
        self.snapshotted(node, index, state)
        self.members[node].chain = self._chains.get(index, 0)

    def _is_possible(self, seen: Seen, stored: Stored) -> bool:
        """Whether a crash leaves this: all that was durable, and any beginning of what was not."""
        state = seen.durable.copy()
        if state.is_told_by(stored):
            return True
        for write in seen.unsure:
            state.store(write)
            if state.is_told_by(stored):
                return True
        return False

    def _install(self, node: int, seen: Seen, ready: Ready) -> None:
        snapshot = ready.snapshot
        assert snapshot is not None
        if snapshot.index <= seen.commit:
            _broken("monotonic", f"node {node} installs snapshot {snapshot.index} below its commit {seen.commit}")
        if self.terms.get(snapshot.index) != snapshot.term:
            _broken("committed", f"node {node} installs a snapshot of ({snapshot.index}, {snapshot.term})")
        seen.log.restore(snapshot)
        seen.commit = seen.handed = snapshot.index
        if self.members_at(snapshot.index) != snapshot.config:
            _broken("membership", f"node {node} installs a snapshot of {snapshot.index} with {snapshot.config}")

    def _append(self, node: int, seen: Seen, entries: tuple[Entry, ...], leads: bool) -> None:
        log, first = seen.log, entries[0].index
        if not log.base < first <= log.last + 1:
            _broken("contiguous", f"node {node} stores {first} behind {log.last}, its snapshot is {log.base}")
        if first <= seen.commit:
            _broken("committed", f"node {node} overwrites {first}, it has committed {seen.commit}")
        if leads and first <= log.last:
            _broken("leader-append-only", f"node {node} overwrites {first} of {log.last} while it leads")
        before = log.term(first - 1)
        for place, entry in enumerate(entries):
            if entry.index != first + place:
                _broken("contiguous", f"node {node} stores {entry.index} at {first + place}")
            known = self._known.setdefault((entry.index, entry.term), (before, entry))
            if known != (before, entry):
                _broken("log-matching", f"node {node} has ({before}, {entry}) where others have {known}")
            before = entry.term
        log.append(entries)
        if leads:
            self._count_changes(node, seen, entries)

    def _count_changes(self, node: int, seen: Seen, entries: tuple[Entry, ...]) -> None:
        """A leader appends a change of the members only when none before it waits to be applied."""
        if all(entry.type is EntryType.NORMAL for entry in entries):
            return
        last = entries[-1].index
        waiting = [at for at in range(max(seen.handed, seen.log.base) + 1, last + 1) if self._is_change(at, seen)]
        if len(waiting) > 1:
            _broken("one-change", f"node {node} appends a change while those at {waiting} are not applied")

    def _is_change(self, index: int, seen: Seen) -> bool:
        return self.entry(index, seen.log).type is not EntryType.NORMAL

    def _remember(self, node: int, seen: Seen, ready: Ready) -> None:
        before, after = seen.log.hard_state, ready.hard_state
        assert after is not None
        if after.term < before.term:
            _broken("monotonic", f"node {node} goes from term {before.term} back to {after.term}")
        if after.term == before.term and before.vote not in (0, after.vote):
            _broken("vote-once", f"node {node} votes for {before.vote}, then {after.vote} in term {after.term}")
        if after.commit < before.commit or after.commit < seen.commit:
            _broken("monotonic", f"node {node} goes from commit {max(before.commit, seen.commit)} to {after.commit}")
        if after.commit > seen.log.last:
            _broken("commit", f"node {node} commits {after.commit}, its log ends at {seen.log.last}")
        seen.log.hard_state = after
        seen.commit = after.commit
        if after.commit > self.commit:
            _broken("commit", f"node {node} commits {after.commit}, leaders committed {self.commit}")
        if after.commit in self.terms and not seen.log.holds(after.commit, self.terms[after.commit]):
            _broken("committed", f"node {node} commits {after.commit} of term {seen.log.term(after.commit)}")

    def _elected(self, node: int, seen: Seen) -> None:
        term = seen.log.hard_state.term
        if self.leaders.setdefault(term, node) != node:
            _broken("election-safety", f"nodes {self.leaders[term]} and {node} both lead term {term}")
        self._vote(term, node, node)
        # A late leader of an old term needs not have what a later term committed; it cannot commit anything itself.
        commit = max(index for of, index in self._commits.items() if of < term)
        if not seen.log.holds(commit, self.terms[commit]):
            _broken("leader-completeness", f"node {node} leads term {term} without entry {commit}")

    def _vote(self, term: int, voter: int, candidate: int) -> None:
        if self.votes.setdefault((term, voter), candidate) != candidate:
            given = self.votes[term, voter]
            _broken("vote-once", f"node {voter} voted for {given} and for {candidate} in term {term}")

    def _advance(self, node: int, seen: Seen, commit: int, config: ConfState) -> None:
        """A leader commits beyond what anyone had: a quorum must have it on its disks."""
        term = seen.log.term(commit)
        if term is None or term != seen.log.hard_state.term:
            _broken("own-term", f"node {node} commits {commit} of term {term} in term {seen.log.hard_state.term}")
        holders = {other for other, one in self.members.items() if one.durable.holds(commit, term)}
        if not is_quorum(holders, config):
            _broken("durable-quorum", f"node {node} commits {commit}, on disk of {sorted(holders)}, in {config}")
        for index in range(self.commit + 1, commit + 1):
            found = seen.log.term(index)
            assert found is not None
            self.terms[index] = found
            self.entries[index] = entry = self._known[index, found][1]
            if entry.type is not EntryType.NORMAL:
                self.config = self._configs[index] = naive_config.after(self.config, entry)
        self.commit = self._commits[seen.log.hard_state.term] = commit

    def _hand(self, node: int, seen: Seen, committed: Sequence[Entry]) -> None:
        for entry in committed:
            if entry.index != seen.handed + 1:
                _broken("monotonic", f"node {node} is to apply {entry.index} after {seen.handed}")
            if entry.index > seen.commit:
                _broken("commit", f"node {node} is to apply {entry.index}, it committed {seen.commit}")
            if self.entries.get(entry.index) != entry:
                _broken("state-machine", f"node {node} is to apply {entry}, not {self.entries.get(entry.index)}")
            seen.handed = entry.index


def is_quorum(nodes: set[int], config: ConfState) -> bool:
    """Whether these nodes are a majority of both halves, by counting."""
    halves = [half for half in (config.voters, config.voters_outgoing) if half]
    return bool(halves) and all(2 * sum(node in nodes for node in half) > len(half) for half in halves)


def _broken(rule: str, found: str) -> NoReturn:
    raise Violation(rule, found)


def _told(stored: Stored) -> str:
    snapshot = stored.snapshot.index if stored.snapshot else 0
    return f"snapshot {snapshot}, terms {[entry.term for entry in stored.entries]}, {stored.hard_state}"


def _sure(seen: Seen) -> str:
    disk = seen.durable
    return (
        f"durable were snapshot {disk.base}, terms {disk.terms}, {disk.hard_state}, and {len(seen.unsure)} writes were"
        " under way"
    )
