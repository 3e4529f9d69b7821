"""The reads that a simulated process was asked for and has not answered."""

from __future__ import annotations

from collections.abc import Callable

from dojopool.core.raft.messages import ReadState
from dojopool.simulation.machine import Register

ReadAnswer = Callable[[tuple[int, int] | None], None]
"""Is told what stands under the key; None: the read was refused."""


class PendingReads:
    """Reads of one life of a process."""

    def __init__(self) -> None:
        self._asked: dict[bytes, tuple[int, ReadAnswer]] = {}
        self._confirmed: list[tuple[int, bytes]] = []
        """Index to be applied first, and the name of the read."""

    def ask(self, context: bytes, key: int, answer: ReadAnswer) -> None:
        """A read of `key` waits under its name."""
        self._asked[context] = (key, answer)

    def hear(self, states: tuple[ReadState, ...]) -> None:
        """What the core says of reads: refused ones are told so."""
        for state in states:
            if state.index == 0:
                refused = self._asked.pop(state.context, None)
                if refused is not None:
                    refused[1](None)
            elif state.context in self._asked:
                self._confirmed.append((state.index, state.context))

    def run(self, applied: int, machine: Register, is_sure: Callable[[], bool]) -> None:
        """Answer those whose index is applied; `is_sure` is asked after each was read."""
        due = [context for index, context in self._confirmed if index <= applied]
        self._confirmed = [(index, context) for index, context in self._confirmed if index > applied]
        for context in due:
            key, answer = self._asked.pop(context, (0, None))
            if answer is not None:
                value = machine.read(key)
                answer(value if is_sure() else None)
