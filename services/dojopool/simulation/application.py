"""What stands on a simulated node: its state machine, and the clients who wait for writes and reads there."""

from __future__ import annotations

from collections.abc import Callable

from dojopool.core.raft import confchange
from dojopool.core.raft.messages import ConfState, Entry, EntryType, ReadState, Snapshot
from dojopool.core.raft.node import RawNode
from dojopool.simulation.invariants import Judge
from dojopool.simulation.machine import Register

Answer = Callable[[bytes | None], None]
"""The answer to a command; None: the entry there is another one, so nobody knows."""
ReadAnswer = Callable[[tuple[int, int] | None], None]
"""What a key held; None: refused, ask again."""


class Application:
    """One life of it. The node is told of what is applied by whoever pumps."""

    def __init__(self, node: int, judge: Judge, snapshot: Snapshot | None) -> None:
        self._id, self._judge = node, judge
        self.machine = Register()
        self.config = ConfState()
        self.applied = self._applied_term = 0
        self._writes: dict[int, tuple[int, Answer]] = {}
        self._reads: dict[bytes, tuple[int, ReadAnswer]] = {}
        self._due: list[tuple[int, bytes]] = []
        """Reads that the node confirmed, and the index that each waits for."""
        if snapshot is not None:
            self.restore(snapshot)

    def restore(self, snapshot: Snapshot) -> None:
        """Begin with a snapshot; who waits for an entry below it is told that nobody knows (rule S12)."""
        self.machine.restore(snapshot.data)
        self.applied, self._applied_term, self.config = snapshot.index, snapshot.term, snapshot.config
        self._judge.restored(self._id, snapshot.index, self.machine.snapshot())
        for index in [index for index in self._writes if index <= snapshot.index]:
            self._writes.pop(index)[1](None)

    def wait_for(self, *, index: int, term: int, answer: Answer) -> None:
        """A client waits for the entry that was proposed at `index` in `term`."""
        self._writes[index] = (term, answer)

    def apply(self, entry: Entry, node: RawNode) -> None:
        """Apply the next entry, and answer who waits for it, if it is the one proposed (rule C5)."""
        answer = b""
        if entry.type is not EntryType.NORMAL:
            self.config = node.apply_conf_change(confchange.decode(entry.type, entry.data))
            self._judge.configured(self._id, entry.index, self.config)
        elif entry.data:
            answer = self.machine.apply(entry.data)
        self.applied, self._applied_term = entry.index, entry.term
        self._judge.applied(self._id, entry, answer)
        waiting = self._writes.pop(entry.index, None)
        if waiting is not None:
            waiting[1](answer if waiting[0] == entry.term else None)

    def snapshot(self) -> Snapshot:
        """The state now."""
        data = self.machine.snapshot()
        self._judge.snapshotted(self._id, self.applied, data)
        return Snapshot(self.applied, self._applied_term, self.config, data)

    # ---- reads -----------------------------------------------------------------------------------------------------

    def read(self, context: bytes, key: int, answer: ReadAnswer) -> None:
        """A client waits for a read that the node was asked to confirm under `context`."""
        self._reads[context] = (key, answer)

    def note(self, states: tuple[ReadState, ...]) -> None:
        """The node confirmed or refused reads."""
        for state in states:
            if state.context not in self._reads:
                continue
            if state.index:
                self._due.append((state.index, state.context))
            else:
                self._reads.pop(state.context)[1](None)

    def answer_reads(self, is_sure: Callable[[], bool]) -> None:
        """Answer the reads whose index is applied (rule R4); `is_sure` is asked after each was made (rule R9)."""
        if not self._due:
            return
        due = [context for index, context in self._due if index <= self.applied]
        self._due = [(index, context) for index, context in self._due if index > self.applied]
        for context in due:
            waiting = self._reads.pop(context, None)
            if waiting is not None:  # a confirmation can be repeated by a link
                value = self.machine.read(waiting[0])
                waiting[1](value if is_sure() else None)
