"""Rules: what they may be called, what they may say, and the ids of what they find."""

from __future__ import annotations

import pytest

from dojopool.core.crdt.view import View
from dojopool.core.invariants.rules import Breach, Rule, violation_id
from dojopool.errors import GameError

VIEW = View({"score": 3})


def test_false_is_one_breach_without_a_key() -> None:
    """A rule that only says true or false breaks in one way at most."""
    assert list(Rule("fair", lambda match: match.score > 5).breaches(VIEW)) == [Breach()]
    assert list(Rule("fair", lambda match: match.score < 5).breaches(VIEW)) == []


def test_breaches_are_what_the_rule_names() -> None:
    """A rule may name each of its breaches."""
    named = [Breach("frame=1"), Breach("frame=2")]

    assert list(Rule("fair", lambda match: named).breaches(VIEW)) == named


@pytest.mark.parametrize("name", ["", "a b", "a" * 65, "ä", "a\n", "a/b"])
def test_a_name_that_records_cannot_carry_is_refused(name: str) -> None:
    """Names become labels, headers and topics of talk: letters, digits, - and _."""
    with pytest.raises(GameError, match="a rule is called"):
        Rule(name, lambda match: True)


@pytest.mark.parametrize("text", ["a\nb", "a" * 1001, "\x1b[2J"])
def test_a_text_that_is_no_line_is_refused(text: str) -> None:
    """What people are told fits on one printable line."""
    with pytest.raises(GameError, match="does not fit on a line"):
        Rule("fair", lambda match: True, description=text)


def test_ids_are_fixed_for_ever() -> None:
    """An id depends on rule, match and key alone; moving text between them makes another one."""
    assert violation_id("single-winner", "m-1", "frame=3") == "ff6a4cba403fd096153b876389581033"
    parts = [("a", "b", "c"), ("a", "bc", ""), ("ab", "", "c"), ("a", None, "c")]
    ids = [violation_id(*part) for part in parts]
    assert len(set(ids)) == 4
    assert all(len(found) == 32 for found in ids)
