"""Every rule that the Raft of this package promises has a test, and docs/raft.md says which."""

from __future__ import annotations

from support.raft_page import PAGE, with_section
from support.raft_rules import ELSEWHERE, RULES, SUBJECTS, numbered_tests


def test_every_rule_has_a_test() -> None:
    """A rule without a test is none; who is excused has no test yet."""
    tested = {test.rule for test in numbered_tests()}

    assert sorted(RULES.keys() - tested - ELSEWHERE) == []
    assert sorted(ELSEWHERE & tested) == [], "these have a test now: take them out of ELSEWHERE"


def test_every_numbered_test_has_a_rule() -> None:
    """No test is named after a rule that does not exist."""
    assert sorted({test.rule for test in numbered_tests()} - RULES.keys()) == []
    assert {rule[0] for rule in RULES} == SUBJECTS.keys()


def test_the_page_is_current() -> None:
    """docs/raft.md holds what tests/support/raft_page.py writes."""
    page = PAGE.read_text(encoding="utf-8")

    assert page == with_section(page)
