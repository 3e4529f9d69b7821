"""Links between nodes that lose, repeat, delay and reorder messages, and cuts of single directions of links.

A link keeps its order unless the run reorders. A snapshot's transfer is reported to its sender, as a real link does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from dojopool.core.raft.messages import Message, MessageType
from dojopool.simulation.options import T_MS, Plan
from dojopool.simulation.world import MS, World

DELAY_MIN: Final = 1 * MS
DELAY_MAX: Final = 20 * MS
"""Of a link that works."""
LATE_MAX: Final = 3 * T_MS * MS

Deliver = Callable[[Message], None]
Report = Callable[[int, int, bool], None]
"""Sender, receiver, and whether the snapshot arrived; or, for unreachable, False."""


class Network:
    """All links. `deliver` takes what arrives."""

    def __init__(self, world: World, plan: Plan, *, deliver: Deliver, snapshot: Report, unreachable: Report) -> None:
        self._world = world
        self._deliver, self._snapshot, self._unreachable = deliver, snapshot, unreachable
        self._random = world.chance("network")
        draw = world.chance("links")
        self.loss = draw.uniform(0.01, 0.3) if "loss" in plan.faults else 0.0
        self.duplication = draw.uniform(0.01, 0.3) if "duplication" in plan.faults else 0.0
        # A late message holds up all behind it on its link, unless the run reorders.
        self.late = draw.uniform(0.001, 0.02) if "delay" in plan.faults else 0.0
        self.reorders = "reordering" in plan.faults
        self._arrival: dict[tuple[int, int], int] = {}
        """When the last message of a link arrives."""
        self.cut: set[tuple[int, int]] = set()
        """Directions (from, to) that carry nothing."""
        self.sent = 0

    def calm(self) -> None:
        """No loss, repeats or long delays from now on; cuts stay."""
        self.loss = self.duplication = self.late = 0.0
        self.reorders = False

    def send(self, messages: Sequence[Message]) -> None:
        """Take messages, and lose what the run loses."""
        for message in messages:
            self.sent += 1
            self._send_one(message)

    def delay(self) -> int:
        """How long a message takes on a link that works, in microseconds."""
        return DELAY_MIN + int(self._random.random() * (DELAY_MAX - DELAY_MIN))

    def _send_one(self, message: Message) -> None:
        link = (message.from_, message.to)
        random = self._random.random
        is_lost = link in self.cut or (self.loss > 0.0 and random() < self.loss)
        delay = self.delay()
        if self.late > 0.0 and random() < self.late:
            delay = int(random() * LATE_MAX)
        if message.type is MessageType.SNAPSHOT:
            self._world.after(2 * delay, lambda: self._snapshot(message.from_, message.to, not is_lost))
        if is_lost:
            if link in self.cut and random() < 0.3:
                self._world.after(delay, lambda: self._unreachable(message.from_, message.to, False))
            return
        if not self.reorders:
            delay = max(delay, self._arrival.get(link, 0) + 1 - self._world.now)
            self._arrival[link] = self._world.now + delay
        self._world.after(delay, lambda: self._arrive(message))
        if self.duplication > 0.0 and random() < self.duplication:
            self._world.after(delay + int(random() * LATE_MAX), lambda: self._arrive(message))

    def _arrive(self, message: Message) -> None:
        # A cut takes effect at once: what was under way is lost too.
        if (message.from_, message.to) not in self.cut:
            self._deliver(message)


def between(one: Iterable[int], other: Iterable[int]) -> set[tuple[int, int]]:
    """Every direction between two sets of nodes."""
    there = list(other)
    return {pair for a in one for b in there if a != b for pair in ((a, b), (b, a))}


def ring(nodes: Sequence[int]) -> set[tuple[int, int]]:
    """What must be cut so that each node reaches only its two neighbours."""
    count = len(nodes)
    linked = {(nodes[i], nodes[(i + step) % count]) for i in range(count) for step in (1, -1)}
    return {(a, b) for a in nodes for b in nodes if a != b} - linked
