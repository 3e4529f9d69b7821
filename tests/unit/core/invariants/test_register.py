"""What is published of a partition: once, in order, within limits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dojopool.core.invariants import register as module
from dojopool.core.invariants.judge import Finding, Judgement
from dojopool.core.invariants.lifecycle import State
from dojopool.core.invariants.register import Register
from dojopool.core.invariants.rules import Rule
from dojopool.core.invariants.violation import Violation
from support.pipeline import Scorer, folded
from support.violations import RULE, violation

MATCH = folded(Scorer().points("m-1"))
OTHER = Rule("other", lambda match: True)


def says(*keys: str, rule: Rule = RULE, error: str | None = None, left_out: int = 0) -> Judgement:
    """A rule names these breaches."""
    return Judgement(rule, tuple(Finding(key, {}, {}) for key in keys), left_out, error, 0)


def told(news: Sequence[Violation]) -> list[tuple[str, str, str]]:
    """State, rule and key."""
    return [(found.state.value, found.rule, found.key) for found in news]


def test_what_goes_on_is_published_once() -> None:
    """Then what is over comes before what is new, each in order."""
    register = Register([RULE, OTHER])
    first = register.judged("m-1", MATCH, [says("a", "b")], now_s=0)
    again = register.judged("m-1", MATCH, [says("a", "b")], now_s=0)
    moved = register.judged("m-1", MATCH, [says("b", "c"), says("x", rule=OTHER)], now_s=0)

    assert told(first) == [("suspected", RULE.name, "a"), ("suspected", RULE.name, "b")]
    assert again == []
    assert told(moved) == [("cleared", RULE.name, "a"), ("suspected", "other", "x"), ("suspected", RULE.name, "c")]
    assert register.open_count == 3


def test_a_rule_that_cannot_speak_clears_nothing() -> None:
    """Neither one that raised nor one that named more than is looked at."""
    register = Register([RULE])
    register.judged("m-1", MATCH, [says("a")], now_s=0)

    assert told(register.judged("m-1", MATCH, [says(error="E")], now_s=0)) == [("suspected", "rule-fault", RULE.name)]
    assert told(register.judged("m-1", MATCH, [says("b", left_out=3)], now_s=0)) == [
        ("cleared", "rule-fault", RULE.name),
        ("suspected", RULE.name, "b"),
    ]
    assert told(register.judged("m-1", MATCH, [says()], now_s=0)) == [
        ("cleared", RULE.name, "a"),
        ("cleared", RULE.name, "b"),
    ]
    assert register.open_count == 0


def test_what_is_known_is_not_published_again() -> None:
    """What a rule that is gone had found is cleared with that rule's own words."""
    gone = violation(rule="gone", id="9" * 32, description="Was asked for once.")
    register = Register([RULE], [violation(), gone, violation(match="m-9", state=State.CLEARED)])
    news = register.judged("m-1", MATCH, [says("frame=1")], now_s=0)

    assert told(news) == [("cleared", "gone", "frame=1")]
    assert news[0].description == "Was asked for once."


def test_what_a_cut_confirmed_is_the_cuts_to_end() -> None:
    """A checker neither suspects it again nor clears it."""
    register = Register([RULE], [violation(state=State.CONFIRMED)])

    assert register.judged("m-1", MATCH, [says("frame=1")], now_s=0) == []
    assert register.judged("m-1", MATCH, [says()], now_s=0) == []


def test_a_rule_over_its_rate_is_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule has its own budget, which fills again with time; what was put off is counted and found anew."""
    monkeypatch.setattr(module, "BURST_MAX", 2)
    monkeypatch.setattr(module, "RATE_PER_S", 1.0)
    register = Register([RULE, OTHER])
    both = [says("a", "b", "c"), says("x", rule=OTHER)]
    first = register.judged("m-1", MATCH, both, now_s=0)
    later = register.judged("m-1", MATCH, both, now_s=1)

    assert len(first) == 3
    assert (register.suppressed, register.is_behind) == ({RULE.name: 1}, True)
    assert told(later) == [("suspected", RULE.name, "c")]


def test_no_more_than_a_number_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends makes room."""
    monkeypatch.setattr(module, "OPEN_MAX", 1)
    register = Register([RULE])

    assert len(register.judged("m-1", MATCH, [says("a", "b")], now_s=0)) == 1
    assert told(register.judged("m-1", MATCH, [says("b")], now_s=0)) == [
        ("cleared", RULE.name, "a"),
        ("suspected", RULE.name, "b"),
    ]


def test_what_records_prove_is_told_once_and_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when an earlier checker had told it; a flood of different ones is counted."""
    monkeypatch.setattr(module, "PROVEN_MAX", 2)
    proofs = [violation(rule="equivocation", id=str(number), state=State.CONFIRMED) for number in range(4)]
    register = Register([], proofs[:1])

    assert [found.id for found in register.proven([proofs[0], proofs[1], proofs[1], proofs[2]])] == ["1"]
    assert register.suppressed == {"equivocation": 1}
