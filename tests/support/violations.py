"""Violations for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dojopool.core.invariants.judge import Finding
from dojopool.core.invariants.lifecycle import State
from dojopool.core.invariants.rules import Rule, Severity
from dojopool.core.invariants.violation import Violation, breached

RULE = Rule("single-winner", lambda match: True, Severity.HIGH, "No frame has rival winners.", "docs/x.md")
NODE = "eu/gs-1#a"


def violation(**changes: Any) -> Violation:
    """A violation of match m-1."""
    finding = Finding("frame=1", {"frames.1.winner": '["ana","ben"]'}, {NODE: 2})
    found = breached(RULE, finding, match="m-1", state=State.SUSPECTED, clock={NODE: 3}, stamp=1_754_000_000_000 << 16)
    return replace(found, **changes)
