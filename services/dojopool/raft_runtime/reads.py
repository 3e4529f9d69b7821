"""Reads of the state that are as fresh as if they asked the leader: each waits for an index, then for its application.

All reads that come in one turn ask together. A read that could not be run for an election timeout is refused, for the
question, the answer or the entries that it waits for may be lost; nothing happened then, and it may be asked again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from dojopool.core.raft.messages import ReadState

T = TypeVar("T")
Refused = Callable[[str], None]

READS_MAX: Final = 10_000
"""More that wait at once are refused: each holds its caller's memory."""


@dataclass(frozen=True, slots=True)
class _Read:
    query: Callable[[], Any]
    done: Callable[[Any], None]
    refused: Refused


@dataclass(slots=True)
class _Batch:
    reads: list[_Read]
    until: int
    """Tick at which the wait ends."""
    by_lease: bool
    index: int = 0


class ReadQueue:
    """The reads of one member, from question to answer."""

    def __init__(self, *, ask: Callable[[bytes], None], holds_lease: Callable[[], bool], first_context: int) -> None:
        """`ask` puts the question to the node. `first_context` is drawn at random: an answer to a question of this
        node's former life must not pass for one of this life.
        """
        self._ask, self._holds_lease = ask, holds_lease
        self._context = first_context
        self._new: list[_Read] = []
        self._asked: dict[bytes, _Batch] = {}
        self._answered: deque[_Batch] = deque()
        self._count = 0

    def add(self, query: Callable[[], T], done: Callable[[T], None], refused: Refused) -> None:
        """Run `query` as soon as it shows everything that was committed before now, and hand on what it returns."""
        if self._count >= READS_MAX:
            refused(f"{READS_MAX} reads wait already")
            return
        self._count += 1
        self._new.append(_Read(query, done, refused))

    def put_questions(self, *, until: int) -> None:
        """Ask for all that are new; they wait for an answer until that tick."""
        if self._new:
            self._context += 1
            context = self._context.to_bytes(16, "big")
            self._asked[context] = _Batch(self._new, until, self._holds_lease())
            self._new = []
            self._ask(context)

    def hear(self, states: tuple[ReadState, ...]) -> None:
        """Take the node's answers; those to questions that nobody waits for any more mean nothing."""
        for state in states:
            batch = self._asked.pop(state.context, None)
            if batch is None:
                continue
            if state.index == 0:
                self._refuse(batch, "no leader could answer it")
            else:
                batch.index = state.index
                self._answered.append(batch)

    def run(self, *, applied: int) -> None:
        """Answer the reads whose index is applied (rule R4). A lease is looked at again after the read (rule R9): when
        it ended meanwhile, the read asks anew.
        """
        waiting = self._answered
        self._answered = deque()
        for batch in waiting:
            if batch.index > applied:
                self._answered.append(batch)
                continue
            for read in batch.reads:
                value = read.query()
                if batch.by_lease and not self._holds_lease():
                    self._new.append(read)
                else:
                    self._count -= 1
                    read.done(value)

    def expire(self, *, tick: int) -> None:
        """Refuse those that waited until `tick`, for an answer or for what it told them to wait for."""
        for context in [context for context, batch in self._asked.items() if batch.until <= tick]:
            self._refuse(self._asked.pop(context), "no answer came within the election timeout")
        late = [batch for batch in self._answered if batch.until <= tick]
        self._answered = deque(batch for batch in self._answered if batch.until > tick)
        for batch in late:
            self._refuse(batch, f"entry {batch.index} was not applied within the election timeout")

    def refuse_all(self, why: str) -> None:
        """This member ends."""
        for batch in (_Batch(self._new, 0, False), *self._asked.values(), *self._answered):
            self._refuse(batch, why)
        self._new, self._asked = [], {}
        self._answered.clear()

    def _refuse(self, batch: _Batch, why: str) -> None:
        self._count -= len(batch.reads)
        for read in batch.reads:
            read.refused(why)
