"""The table of rules and tests in docs/raft.md: run this file after adding or renaming a numbered test."""

from __future__ import annotations

import re
from pathlib import Path

from support.raft_rules import RULES, SUBJECTS, NumberedTest, numbered_tests

PAGE = Path(__file__).resolve().parents[2] / "docs" / "raft.md"
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"

HEADING = f"""{BEGIN}

## Rules and their tests

Each rule has a test whose name begins with its number. *Written by
`PYTHONPATH=tests python tests/support/raft_page.py`; a test keeps it current.*
"""


def section() -> str:
    """The section, between its two marks."""
    tests: dict[str, list[NumberedTest]] = {}
    for test in sorted(numbered_tests()):
        tests.setdefault(test.rule, []).append(test)
    parts = [HEADING]
    for letter, subject in SUBJECTS.items():
        rules = [rule for rule in RULES if rule[0] == letter]
        rows = [f"| {rule} | {RULES[rule]} | {_named(tests.get(rule, []))} |" for rule in rules]
        parts.append("\n".join([f"### {subject}\n", "| | rule | tests |", "|---|---|---|", *rows, ""]))
    return "\n".join([*parts, END])


def with_section(page: str) -> str:
    """The page with its section as it must be; at its end when it has none."""
    if BEGIN not in page:
        return page.rstrip("\n") + "\n\n" + section() + "\n"
    return re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _match: section(), page, flags=re.DOTALL)


def _named(tests: list[NumberedTest]) -> str:
    return "<br>".join(f"[`{test.name}`](../{test.path})" for test in tests) or "none yet"


if __name__ == "__main__":
    PAGE.write_text(with_section(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Raft\n"), encoding="utf-8")
