"""Clients that write and read keys, try again under the same number when no answer comes, and note what they saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from dojopool.simulation.group import Group
from dojopool.simulation.linearize import Operation
from dojopool.simulation.machine import ANSWER, WRITE
from dojopool.simulation.options import T_MS
from dojopool.simulation.world import MS

KEYS: Final = 3
TRIES_MAX: Final = 12
"""Then a client gives up and does something else; what became of the operation stays unknown."""
THINK_MS: Final = 100
"""Usual longest time between two operations of a client."""


@dataclass(slots=True)
class Load:
    """What all clients of a run share."""

    group: Group
    history: list[Operation]
    operations: int = 0
    think_ms: int = THINK_MS
    is_stopped: bool = False
    reachable: tuple[int, ...] = ()
    """The members that clients know to be there; none named: they try all that ever were."""

    def targets(self) -> Sequence[int]:
        """Whom a client may ask."""
        return self.reachable or tuple(self.group.processes)


class Client:
    """One client, with one operation at a time."""

    def __init__(self, number: int, load: Load) -> None:
        self.number = number
        self._load = load
        self._world = load.group.world
        self._random: Random = self._world.chance(f"client {number}")
        # Who waits for a write notices no stale read: so some mostly read, wherever they are answered.
        self._writes = (0.9, 0.05, 0.5)[number % 3]
        self._target = 0
        self._attempt = 0
        self._place = 0
        self._think()

    def _think(self) -> None:
        self._world.after(int(self._random.random() * self._load.think_ms * MS), self._begin)

    def _begin(self) -> None:
        load = self._load
        if load.is_stopped:
            return
        load.operations += 1
        kind = "write" if self._random.random() < self._writes else "read"
        value = load.operations if kind == "write" else 0
        self._place = len(load.history)
        load.history.append(Operation(self.number, self._random.randrange(KEYS), kind, value, self._world.now))
        self._tries = 0
        self._try()

    def _try(self) -> None:
        self._tries += 1
        self._attempt += 1
        attempt = self._attempt
        if self._tries > TRIES_MAX:
            self._think()
            return
        if self._target not in self._load.targets() or self._tries % 3 == 0 or self._random.random() < 0.1:
            self._target = self._random.choice(self._load.targets())
        self._world.after(self._delay(), lambda: self._ask(attempt))
        patience = int(self._random.uniform(0.1, 1.0) * T_MS * MS)
        self._world.after(patience, lambda: self._again(attempt))

    def _ask(self, attempt: int) -> None:
        operation = self._load.history[self._place]
        process = self._load.group.processes[self._target]
        if operation.kind == "write":
            process.write(
                WRITE.pack(operation.key, self.number, operation.value),
                lambda answer: self._told(attempt, ANSWER.unpack(answer) if answer else None),
                lambda leader: self._redirected(attempt, leader),
            )
        else:
            context = b"%d/%d" % (self.number, attempt)
            process.read(context, operation.key, lambda answer: self._told(attempt, answer))

    def _told(self, attempt: int, answer: tuple[int, ...] | None) -> None:
        self._world.after(self._delay(), lambda: self._heard(attempt, answer))

    def _heard(self, attempt: int, answer: tuple[int, ...] | None) -> None:
        if attempt != self._attempt:
            return
        if answer is None:
            self._target = 0
            self._again(attempt)
            return
        self._attempt += 1
        seen = (answer[0], answer[1])
        history = self._load.history
        history[self._place] = replace(history[self._place], returned=self._world.now, answer=seen)
        self._think()

    def _redirected(self, attempt: int, leader: int) -> None:
        if attempt == self._attempt:
            self._target = leader
            self._world.after(self._delay() + (0 if leader else T_MS * MS // 5), lambda: self._again(attempt))

    def _again(self, attempt: int) -> None:
        if attempt == self._attempt:
            self._try()

    def _delay(self) -> int:
        return int(self._random.uniform(0.2, 10) * MS)
