"""What is told to whoever asked a member of a group for something, and the waiting for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from dojopool.core.raft.messages import NOBODY
from dojopool.core.raft.sessions import Answer


class Outcome(Enum):
    """What became of a proposal."""

    COMMITTED = "committed"
    """It is in the log for good and was applied here."""
    REJECTED = "rejected"
    """It is not in the log and never will be: it may be proposed again."""
    UNKNOWN = "unknown"
    """It may be in the log or come into it yet. Only a command that is safe to repeat may be proposed again."""


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a proposal."""

    outcome: Outcome
    index: int = 0
    """Its place in the log; 0 when it never had one."""
    answer: Answer | None = None
    """What became of a command when it was applied; None for a change of members, and when it is not committed."""
    why: str = ""
    leader: int = NOBODY
    """Whom to ask instead, if known."""


Done = Callable[[Result], None]


@dataclass(frozen=True, slots=True)
class _Waiter:
    index: int
    term: int
    done: Done


class Waiters:
    """Proposals of one term with a place in the log that is not decided yet, in the order of their places."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiter] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, *, index: int, term: int, done: Done) -> None:
        """Wait for the entry at `index`, proposed in `term`."""
        assert not self._waiting or self._waiting[-1].term == term, "who lost its lead gives up before it leads again"
        self._waiting.append(_Waiter(index, term, done))

    def applied(self, index: int, term: int, answer: Answer | None) -> None:
        """The entry at `index`, of `term`, was applied. Who waits for that place and proposed in another term learns
        that its entry is lost for good (rule C5).
        """
        while self._waiting and self._waiting[0].index <= index:
            waiter = self._waiting.popleft()
            assert waiter.index == index, "places are decided one after another"
            if waiter.term == term:
                waiter.done(Result(Outcome.COMMITTED, index, answer))
            else:
                why = f"entry {index} was overwritten by one of term {term}"
                waiter.done(Result(Outcome.REJECTED, index, why=why))

    def give_up(self, why: str, leader: int) -> None:
        """Nobody here will learn what became of those that wait (rules C4, S12)."""
        while self._waiting:
            waiter = self._waiting.popleft()
            waiter.done(Result(Outcome.UNKNOWN, waiter.index, why=why, leader=leader))
