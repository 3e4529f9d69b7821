"""A run as lines of JSON, one per step, for reading what led to a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from json import dumps
from typing import Any

from dojopool.core.raft.messages import Entry, Message, Ready, Stored
from dojopool.simulation.invariants import Judge
from dojopool.simulation.options import Plan
from dojopool.simulation.run import Outcome, Run


class TracingJudge(Judge):
    """Tells each thing it hears, then judges it."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        super().__init__()
        self._tell = tell
        self.now: Callable[[], int] = lambda: 0

    def _line(self, node: int, event: str, **facts: Any) -> None:
        self._tell(dumps({"ms": self.now() / 1000, "node": node, "event": event, **facts}))

    def started(self, node: int, stored: Stored) -> None:
        """See `Judge`."""
        snapshot = stored.snapshot.index if stored.snapshot else 0
        self._line(node, "started", snapshot=snapshot, entries=_entries(stored.entries), state=str(stored.hard_state))
        super().started(node, stored)

    def crashed(self, node: int) -> None:
        """See `Judge`."""
        self._line(node, "crashed")
        super().crashed(node)

    def wiped(self, node: int) -> None:
        """See `Judge`."""
        self._line(node, "wiped")
        super().wiped(node)

    def told(self, node: int, ready: Ready) -> None:
        """See `Judge`."""
        self._line(
            node,
            "ready",
            number=ready.number,
            role=ready.soft_state.role.name if ready.soft_state else None,
            state=str(ready.hard_state) if ready.hard_state else None,
            snapshot=ready.snapshot.index if ready.snapshot else None,
            entries=_entries(ready.entries),
            committed=[entry.index for entry in ready.committed],
        )
        super().told(node, ready)

    def durable(self, node: int, number: int) -> None:
        """See `Judge`."""
        self._line(node, "durable", number=number)
        super().durable(node, number)

    def sends(self, node: int, messages: Iterable[Message]) -> None:
        """See `Judge`."""
        sent = list(messages)
        for message in sent:
            self._line(
                node,
                "sends",
                type=message.type.name,
                to=message.to,
                term=message.term,
                index=message.index,
                log_term=message.log_term,
                commit=message.commit,
                reject=message.reject,
                entries=_entries(message.entries),
            )
        super().sends(node, sent)


def print_trace(plan: Plan, tell: Callable[[str], object]) -> Outcome:
    """Play one plan and tell each step; the last line is the verdict."""
    judge = TracingJudge(tell)
    run = Run(plan, judge=judge)
    judge.now = lambda: run.world.now
    outcome = run.play()
    tell(dumps({"ms": outcome.at / 1000, "rule": outcome.rule, "found": outcome.found, "digest": outcome.digest}))
    return outcome


def _entries(entries: Iterable[Entry]) -> list[list[int]]:
    """Term and index of each."""
    return [[entry.term, entry.index] for entry in entries]
