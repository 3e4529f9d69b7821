"""Judging: every rule once, faults of rules kept apart, values and evidence with each finding."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from dojopool.core.invariants.judge import BREACHES_MAX, broken, judge
from dojopool.core.invariants.rules import Breach, Rule
from support.pipeline import POOL, Scorer, folded

KIND = POOL.game.kind
EMPTY = KIND.view(KIND.plain(KIND.empty()))
RULES = list(POOL.game.invariants.values())


def boom(match: Any) -> bool:
    raise ValueError(f"no {object()!r} at \x1b")


def test_a_finding_has_key_values_and_evidence() -> None:
    """The built-in rule of scores names frame and player, both values and who wrote them."""
    eu, us = Scorer(), Scorer("us/gs-2#b")
    rules = {"players": ["ana", "ben"], "frames_to_play": 3, "break_rule": "alternate", "max_score": 5}
    match = folded(eu.event("m-1", "match_scheduled", rules), eu.points("m-1", 4), us.points("m-1", 4))
    judged = {result.rule.name: result for result in judge(RULES, KIND, match.root, at_ms=7)}
    [finding] = judged["score-validity"].findings

    assert finding.key == "frame=1 player=ana"
    assert finding.values == {"frames.1.points.ana": "8", "max_score": "5"}
    assert finding.evidence == {eu.node: 2, us.node: 1}
    assert {name: result.is_valid for name, result in judged.items()} == {
        "score-validity": False,
        "turn-order": True,
        "known-player": True,
        "single-winner": True,
    }
    assert {result.at_ms for result in judged.values()} == {7}


def test_a_rule_that_raises_hides_no_other() -> None:
    """What it raises is told in one printable line that is the same in every process."""
    rules = [Rule("a", boom), Rule("b", lambda match: False), Rule("c", lambda match: True)]
    first, second, third = judge(rules, KIND, KIND.empty(), at_ms=0)

    assert first.error is not None
    assert first.error == "ValueError: no <object object at 0x> at \\u001b"
    assert (first.is_valid, second.is_valid, third.is_valid) == (False, False, True)
    assert broken(rules, EMPTY) == ["a", "b"]


def test_a_rule_that_raises_on_the_way_has_found_nothing() -> None:
    """Half an answer is none: it depends on where the rule failed."""

    def half(match: Any) -> Any:
        yield Breach("frame=1")
        raise KeyError("frame")

    [result] = judge([Rule("half", half)], KIND, KIND.empty(), at_ms=0)

    assert (result.findings, result.error) == ((), "KeyError: 'frame'")


@pytest.mark.parametrize("said", [[1], ["frame=1"], [Breach("k" * 501)], None, 3])
def test_what_is_no_breach_is_a_fault_of_the_rule(said: Any) -> None:
    """A rule says true, false or its breaches."""
    [result] = judge([Rule("odd", lambda match: said)], KIND, KIND.empty(), at_ms=0)

    assert result.findings == ()
    assert result.error is not None


def test_breaches_are_sorted_distinct_and_bounded() -> None:
    """One finding for each key, in order; those beyond the bound are counted; a rule without an end is ended."""
    endless = Rule("endless", lambda match: (Breach(f"{number % 500:03}") for number in itertools.count()))
    [result] = judge([endless], KIND, KIND.empty(), at_ms=0)

    assert [finding.key for finding in result.findings] == [f"{number:03}" for number in range(BREACHES_MAX)]
    assert result.left_out == 500 - BREACHES_MAX


def test_want_of_memory_is_not_the_rules() -> None:
    """A finding is a fact about the match, not about the machine."""

    def hungry(match: Any) -> bool:
        raise MemoryError

    with pytest.raises(MemoryError):
        judge([Rule("hungry", hungry)], KIND, KIND.empty(), at_ms=0)
