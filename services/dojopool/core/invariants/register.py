"""The violations of one partition that are known to be published, and what judging it again adds to them.

An open violation is published once: a match that goes on breaking a rule in the same way is folded into it. What is
published is limited, for each rule by rate and for the partition by the number that may be open. What is over a limit
is suppressed, which means put off: it is not noted here, so the next judgement of that match finds it anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dojopool.core.invariants.evidence import as_json
from dojopool.core.invariants.judge import Finding, Judgement
from dojopool.core.invariants.lifecycle import Fact, State, after
from dojopool.core.invariants.rules import Rule, Severity
from dojopool.core.invariants.stream_findings import RUNBOOK, STREAM_RULES
from dojopool.core.invariants.violation import Violation, breached, ended
from dojopool.core.match import Match

BURST_MAX: Final = 5_000
"""Violations of one rule that may appear at once."""

RATE_PER_S: Final = 500.0
"""After that: more than anybody reads, and little for a topic."""

OPEN_MAX: Final = 100_000
"""Open violations of one partition, some 30 MB."""

PROVEN_MAX: Final = 10_000
"""Violations of a partition that records prove, remembered so as not to be published again; more are suppressed."""

RULE_FAULT: Final = Rule(
    "rule-fault", lambda match: True, Severity.MEDIUM, "Every rule comes to a verdict on every match.", RUNBOOK
)
RESERVED: Final = frozenset(rule.name for rule in (*STREAM_RULES, RULE_FAULT))
"""Names that no other rule may have."""

_PROVEN_RULES: Final = frozenset(rule.name for rule in STREAM_RULES)


class Register:
    """Owned by one task."""

    def __init__(self, rules: Sequence[Rule], known: Iterable[Violation] = ()) -> None:
        """`known` are the latest records of violations that are published, those that are over left out or not. What a
        rule found that is no longer there is closed when its match is judged.
        """
        self._rules = {rule.name: rule for rule in (*rules, RULE_FAULT)}
        self._open: dict[str, dict[tuple[str, str], State]] = {}
        """Match -> rule and key -> where the violation stands."""
        self._proven: set[str] = set()
        self._budgets: dict[str, tuple[float, float]] = {}
        """Rule -> violations that may appear, as of when (in seconds)."""
        self.open_count = 0
        self.suppressed: Counter[str] = Counter()
        """By rule, findings that were not published; whoever tells of them clears it."""
        self.is_behind = False
        """Whether something was suppressed since this was last set to False."""
        for violation in known:
            self._know(violation)

    def proven(self, found: Iterable[Violation]) -> list[Violation]:
        """Those of `found` that are not published yet, each once."""
        news = []
        for violation in found:
            if violation.id in self._proven:
                continue
            if len(self._proven) >= PROVEN_MAX:
                self.suppressed[violation.rule] += 1
                continue
            self._proven.add(violation.id)
            news.append(violation)
        return news

    def judged(self, match_id: str, match: Match, judgements: Iterable[Judgement], *, now_s: float) -> list[Violation]:
        """What is to be published of a match that was judged: what is over, then what is new, each in order of rule and
        key.
        """
        found: dict[tuple[str, str], tuple[Rule, Finding]] = {}
        silent: set[str] = set()
        for judgement in judgements:
            name = judgement.rule.name
            if judgement.error is not None:
                finding = Finding(name, {"error": as_json(judgement.error)}, {})
                found[RULE_FAULT.name, name] = (RULE_FAULT, finding)
            if judgement.error is not None or judgement.left_out:
                silent.add(name)  # what it does not name now may still be there
            found.update({(name, finding.key): (judgement.rule, finding) for finding in judgement.findings})
        if not found and match_id not in self._open:
            return []
        was = self._open.setdefault(match_id, {})
        over = [named for named in sorted(was) if named not in found and named[0] not in silent]
        news = [*self._end(match_id, match, was, over), *self._begin(match_id, match, was, found, now_s)]
        if not was:
            del self._open[match_id]
        return news

    def _end(
        self, match_id: str, match: Match, was: dict[tuple[str, str], State], over: Iterable[tuple[str, str]]
    ) -> Iterator[Violation]:
        clock, stamp = match.inbox.delivered, match.stamp
        for name, key in over:
            state = after(was[name, key], Fact.HOLDS)
            if not state.is_open:
                del was[name, key]
                self.open_count -= 1
                yield ended(self._rules[name], key, match=match_id, state=state, clock=clock, stamp=stamp)

    def _begin(
        self,
        match_id: str,
        match: Match,
        was: dict[tuple[str, str], State],
        found: dict[tuple[str, str], tuple[Rule, Finding]],
        now_s: float,
    ) -> Iterator[Violation]:
        clock, stamp = match.inbox.delivered, match.stamp
        for named, (rule, finding) in sorted(found.items(), key=lambda item: item[0]):
            state = after(was.get(named), Fact.BREAKS)
            if state is was.get(named):
                continue
            if not self._has_room(rule.name, now_s):
                self.suppressed[rule.name] += 1
                self.is_behind = True
                continue
            was[named] = state
            self.open_count += 1
            yield breached(rule, finding, match=match_id, state=state, clock=clock, stamp=stamp)

    def _has_room(self, name: str, now_s: float) -> bool:
        left, at_s = self._budgets.get(name, (float(BURST_MAX), now_s))
        left = min(BURST_MAX, left + (now_s - at_s) * RATE_PER_S)
        has_room = left >= 1 and self.open_count < OPEN_MAX
        self._budgets[name] = (left - 1 if has_room else left, now_s)
        return has_room

    def _know(self, violation: Violation) -> None:
        if violation.rule in _PROVEN_RULES:
            self._proven.add(violation.id)
        elif violation.state.is_open and violation.match is not None:
            if violation.rule not in self._rules:
                gone = Rule(
                    violation.rule,
                    lambda match: True,
                    violation.severity,
                    violation.description,
                    violation.runbook,
                )
                self._rules[gone.name] = gone
            self._open.setdefault(violation.match, {})[violation.rule, violation.key] = violation.state
            self.open_count += 1
