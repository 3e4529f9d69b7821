"""Judging one match: every rule on one view, once per batch in which the match changed.

A rule is foreign code. What it raises is a finding about the rule, it hides no other rule, and what the rule had found
before stays open: a rule that cannot speak has not said that all is well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from dojopool.core.crdt.kind import Node
from dojopool.core.crdt.maps import RecordKind
from dojopool.core.crdt.view import View
from dojopool.core.invariants.evidence import as_json, values_at, writers_at
from dojopool.core.invariants.rules import Breach, Rule

BREACHES_MAX: Final = 100
"""Of one rule in one match; the rest are counted. A match that is broken in so many ways needs a look as a whole."""

BREACHES_READ_MAX: Final = 10_000
"""Of one rule in one match: a generator that never ends must not stop the others."""

KEY_CHARACTERS_MAX: Final = 500
ERROR_CHARACTERS_MAX: Final = 300
ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]+")
"""Where an object lies in memory differs between two processes that find the same."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach, with what it is based on."""

    key: str
    values: Mapping[str, str]
    """Place in the state -> the value there as JSON text."""
    evidence: Mapping[str, int]
    """The events that last wrote those values: node -> seq."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one rule says of one match."""

    rule: Rule
    findings: tuple[Finding, ...]
    """In order of key, one for each key."""
    left_out: int
    """Breaches beyond BREACHES_MAX."""
    error: str | None
    """Why the rule could not say anything, None when it could."""
    at_ms: int
    """When it was judged, as the caller said."""

    @property
    def is_valid(self) -> bool:
        """Whether the match keeps the rule, as far as can be said."""
        return not self.findings and self.error is None


def judge(rules: Sequence[Rule], kind: RecordKind, root: Node, *, at_ms: int) -> list[Judgement]:
    """What each rule says of a match whose state is `root`, in the order of the rules."""
    view = kind.view(kind.plain(root))
    return [_judge(rule, view, kind, root, at_ms) for rule in rules]


def broken(rules: Sequence[Rule], view: View) -> list[str]:
    """The sorted names of the rules that `view` breaks. A rule that raises counts as broken."""
    return sorted(rule.name for rule in rules if any(_breaches(rule, view)))


def _judge(rule: Rule, view: View, kind: RecordKind, root: Node, at_ms: int) -> Judgement:
    breaches, error = _breaches(rule, view)
    if not breaches:
        return Judgement(rule, (), 0, error, at_ms)
    by_key: dict[str, Breach] = {}
    for breach in breaches:
        by_key.setdefault(breach.key, breach)
    kept = sorted(by_key.items())[:BREACHES_MAX]
    findings = tuple(_finding(rule, breach, kind, root) for _, breach in kept)
    return Judgement(rule, findings, len(by_key) - len(kept), error, at_ms)


def _breaches(rule: Rule, view: View) -> tuple[list[Breach], str | None]:
    """The breaches, and none but the error when the rule raises, whatever it had named before."""
    try:
        breaches = list(islice(rule.breaches(view), BREACHES_READ_MAX))
        if strange := [breach for breach in breaches if not _is_sound(breach)]:
            raise TypeError(f"a rule says True, False or its breaches, this one says {strange[0]!r}")
    except (MemoryError, RecursionError):
        raise  # the program's trouble, never the rule's
    except Exception as error:  # noqa: BLE001 - a rule is foreign code; one that fails cannot be said to hold
        return [], _said_by(error)
    return breaches, None


def _is_sound(breach: Any) -> bool:
    return type(breach) is Breach and type(breach.key) is str and len(breach.key) <= KEY_CHARACTERS_MAX


def _finding(rule: Rule, breach: Breach, kind: RecordKind, root: Node) -> Finding:
    places = breach.reads or rule.reads
    return Finding(breach.key, values_at(kind, root, places), writers_at(kind, root, places))


def _said_by(error: Exception) -> str:
    """The text of a rule's error, the same in every process, on one line. Making it is foreign code too."""
    try:
        text = str(error)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - see above
        text = ""
    text = ADDRESS.sub("0x", f"{type(error).__name__}: {text}")
    return as_json(text[:ERROR_CHARACTERS_MAX])[1:-1]
