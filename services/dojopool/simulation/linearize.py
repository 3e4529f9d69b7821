"""Is there an order of operations, each at one instant between its call and its return, that explains all answers?

The search of Wing and Gong (1993), with Lowe's memory (2017) of which sets of operations led to which states before.
The state is that of one key: split a history by key first, for keys do not know of each other and the search is
exponential in what overlaps. An operation whose outcome is unknown may take effect at any time after its call, or
never: it has no return, and its answer explains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

Step = Callable[[Hashable, "Operation"], Hashable | None]
"""State before and operation -> state after; None when the operation could not have had that answer there."""

STEPS_MAX: Final = 200_000
"""Where the search gives up, in tries: about a second."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one client asked, and what it was told."""

    client: int
    key: int
    kind: str
    value: int
    """What is written; 0 for reads."""
    called: int
    """When it was asked, in microseconds."""
    returned: int | None = None
    """When the answer came; None: it never did."""
    answer: tuple[int, int] | None = None


class Verdict(Enum):
    """What the search found."""

    YES = "linearizable"
    NO = "not linearizable"
    UNDECIDED = "undecided"
    """It gave up at `steps_max`."""


def check(history: Sequence[Operation], *, start: Hashable, step: Step, steps_max: int = STEPS_MAX) -> Verdict:
    """Judge the operations of one key, in any order, from the state `start`."""
    search = _Search(history)
    state: Hashable = start
    taken: list[tuple[int, Hashable]] = []
    """The operations ordered so far, each with the state before it."""
    ordered = 0
    """The same as a set of bits."""
    seen: set[tuple[int, Hashable]] = set()
    event = search.first()
    for _ in range(steps_max):
        if not search.unexplained:
            return Verdict.YES
        operation = search.called(event)
        if operation is None:  # a return, before which its operation must be ordered: the last choice was wrong
            if not taken:
                return Verdict.NO
            operation, state = taken.pop()
            ordered ^= 1 << operation
            event = search.put_back(operation)
            continue
        after = step(state, history[operation])
        with_it = ordered | 1 << operation
        if after is None or (with_it, after) in seen:
            event = search.next(event)
            continue
        seen.add((with_it, after))
        taken.append((operation, state))
        state, ordered = after, with_it
        event = search.take_out(operation)
    return Verdict.UNDECIDED


class _Search:
    """Calls and returns in the order of time, as a list out of which operations can be taken and put back."""

    def __init__(self, history: Sequence[Operation]) -> None:
        count = len(history)
        self._count = count
        # Of one instant, calls come first: what touches in time overlaps.
        moments = [(operation.called, 0, number) for number, operation in enumerate(history)]
        for number, operation in enumerate(history):
            if operation.returned is not None:
                moments.append((operation.returned, 1, number + count))
        order = [event for _, _, event in sorted(moments)]
        # Event n is the call of operation n, count + n its return, 2 * count both ends of the list.
        self._after = [0] * (2 * count + 1)
        self._before = [0] * (2 * count + 1)
        for one, two in zip([2 * count, *order], [*order, 2 * count], strict=True):
            self._after[one], self._before[two] = two, one
        self._returns = [operation.returned is not None for operation in history]
        self.unexplained = sum(self._returns)
        """How many answers are not explained yet."""

    def first(self) -> int:
        return self._after[2 * self._count]

    def next(self, event: int) -> int:
        return self._after[event]

    def called(self, event: int) -> int | None:
        """The operation that this event calls; None for a return."""
        assert event != 2 * self._count, "behind the last call there is the return of whatever is unexplained"
        return event if event < self._count else None

    def take_out(self, operation: int) -> int:
        """Order the operation now; go on with what is first then."""
        self._unlink(operation)
        if self._returns[operation]:
            self._unlink(operation + self._count)
            self.unexplained -= 1
        return self.first()

    def put_back(self, operation: int) -> int:
        """Undo the last `take_out`; go on behind the call."""
        if self._returns[operation]:
            self._link(operation + self._count)
            self.unexplained += 1
        self._link(operation)
        return self._after[operation]

    def _unlink(self, event: int) -> None:
        self._after[self._before[event]] = self._after[event]
        self._before[self._after[event]] = self._before[event]

    def _link(self, event: int) -> None:
        self._after[self._before[event]] = event
        self._before[self._after[event]] = event
