"""What the records of a stream prove by themselves, whatever else arrives: faults of writers, not of matches.

Each kind of fault has a rule of its own, and a key that makes one violation of what one writer does wrong again and
again: a producer gone wrong may write a million bad records, and that is one thing to look at. The first of them, in
the order of the stream, is shown; that order is the same in every region.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from dojopool.core.clock.hybrid import LOGICAL_BITS
from dojopool.core.event import Event
from dojopool.core.invariants.evidence import as_json
from dojopool.core.invariants.judge import Finding
from dojopool.core.invariants.lifecycle import State
from dojopool.core.invariants.rules import Rule, Severity
from dojopool.core.invariants.violation import Violation, breached
from dojopool.core.streams import Fed, Letter, LetterKind

RUNBOOK: Final = "docs/operating.md#violations"
REASON_CHARACTERS_MAX: Final = 300
FINGERPRINT: Final = slice(2, 10)
"""Of a record's value: the fingerprint of the schema it was written with."""


def _never(match: object) -> bool:
    raise AssertionError("a rule of the stream judges no match")


def _rule(name: str, severity: Severity, description: str) -> Rule:
    return Rule(name, _never, severity, description, RUNBOOK)


EQUIVOCATION: Final = _rule(
    "equivocation", Severity.HIGH, "A node writes only one event under each number; the first is kept."
)
INVALID_RECORD: Final = _rule(
    "invalid-record", Severity.MEDIUM, "Every record of a stream is an event or a mark in its own place."
)
UNKNOWN_SCHEMA: Final = _rule(
    "unknown-schema", Severity.MEDIUM, "Every record is written with a schema that is known here; others are held."
)
CLOCK_AHEAD: Final = _rule(
    "clock-ahead", Severity.MEDIUM, "No event is stamped more than a minute ahead of its region's marks."
)

STREAM_RULES: Final = (EQUIVOCATION, INVALID_RECORD, UNKNOWN_SCHEMA, CLOCK_AHEAD)


def proven_by(fed: Fed, *, region: str, partition: int) -> Iterator[Violation]:
    """A confirmed violation for each fault in what was fed of `region`'s stream, in order; many may have one id."""
    for event in fed.equivocations:
        yield _of_event(EQUIVOCATION, event, key=f"{event.node}:{event.seq}", said={"second": _digest(event.data)})
    for letter in fed.letters:
        yield _of_letter(letter, region=region, partition=partition)
    for event in fed.ahead:
        yield _of_event(CLOCK_AHEAD, event, key=event.node, said={"stamp_ms": str(event.stamp >> LOGICAL_BITS)})


def _of_event(rule: Rule, event: Event, *, key: str, said: dict[str, str]) -> Violation:
    dot = {event.node: event.seq}
    finding = Finding(key, said, dot)
    return breached(rule, finding, match=event.match, state=State.CONFIRMED, clock=dot, stamp=event.stamp)


def _of_letter(letter: Letter, *, region: str, partition: int) -> Violation:
    record, reason = letter.record, as_json(letter.reason[:REASON_CHARACTERS_MAX])
    rule, match = INVALID_RECORD, None
    key = f"region={region} partition={partition} kind={letter.kind.value}"
    said = {"reason": reason}
    if letter.kind is LetterKind.UNKNOWN_SCHEMA:
        rule = UNKNOWN_SCHEMA
        key = f"region={region} partition={partition} schema={(record.value or b'')[FINGERPRINT].hex()}"
    elif letter.kind is LetterKind.REFUSED_BODY:
        match = (record.key or b"").decode()  # such a letter's key was found to be the match of its event
        key = f"region={region} kind={letter.kind.value}"
    stamp = max(0, record.timestamp) << LOGICAL_BITS
    return breached(rule, Finding(key, said, {}), match=match, state=State.CONFIRMED, clock={}, stamp=stamp)


def _digest(data: bytes) -> str:
    return as_json(hashlib.sha256(data).hexdigest())
