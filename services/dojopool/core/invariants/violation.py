"""A violation as it is published: what is broken, where, on which grounds, and since which events.

Everything in it is a function of its id, its state and its clock: which rule, on which match, after which events. So
two checkers, a restart or a replay that publish it again publish the same bytes. That is why there is no count and no
time of first sight in it (both depend on how a checker happened to cut its batches; who reads the topic sees the first
record and how many followed), and why its time comes from the stamps of events and not from a clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dojopool.core.clock.hybrid import LOGICAL_BITS
from dojopool.core.invariants.judge import Finding
from dojopool.core.invariants.lifecycle import State
from dojopool.core.invariants.rules import Rule, Severity, violation_id

CLOCK_NODES_MAX: Final = 500
"""Nodes named in a record, the first in order. A match has a handful; one with more must not make a record that no
topic takes.
"""

OTHERS: Final = "..."
"""Stands in the clock of a record for the nodes left out, with a number that differs when they do. No node is called
so.
"""


@dataclass(frozen=True, slots=True)
class Violation:
    """One record of the violations topic."""

    id: str
    state: State
    severity: Severity
    rule: str
    match: str | None
    """None for what concerns no match."""
    key: str
    """Which breach of the rule in that match, in the rule's own words."""
    clock: Mapping[str, int]
    """The events that were in the state: node -> seq."""
    values: Mapping[str, str]
    """Place in the state -> the value there as JSON text; empty once the rule holds again."""
    evidence: Mapping[str, int]
    """The events that last wrote those values: node -> seq."""
    at_ms: int
    """The latest time that any of the events in the state claims, in milliseconds since 1970."""
    description: str
    runbook: str

    @property
    def replay(self) -> str:
        """The command that shows how it came about; empty where there is no match to replay."""
        return "" if self.match is None else f"dojo replay --match {self.match}"


def breached(
    rule: Rule, finding: Finding, *, match: str | None, state: State, clock: Mapping[str, int], stamp: int
) -> Violation:
    """The record that says that `rule` is broken as found; `stamp` is the highest of the events in the clock."""
    return Violation(
        id=violation_id(rule.name, match, finding.key),
        state=state,
        severity=rule.severity,
        rule=rule.name,
        match=match,
        key=finding.key,
        clock=_named(clock),
        values=finding.values,
        evidence=finding.evidence,
        at_ms=stamp >> LOGICAL_BITS,
        description=rule.description,
        runbook=rule.runbook,
    )


def ended(rule: Rule, key: str, *, match: str, state: State, clock: Mapping[str, int], stamp: int) -> Violation:
    """The record that says that `rule` holds again in this respect."""
    return breached(rule, Finding(key, {}, {}), match=match, state=state, clock=clock, stamp=stamp)


def _named(clock: Mapping[str, int]) -> dict[str, int]:
    nodes = sorted(clock.items())
    if len(nodes) <= CLOCK_NODES_MAX:
        return dict(nodes)
    digest = hashlib.sha256(repr(nodes).encode()).digest()
    return {**dict(nodes[:CLOCK_NODES_MAX]), OTHERS: int.from_bytes(digest[:7])}
