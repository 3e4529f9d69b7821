"""Files of rules: what is in them, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dojopool.adapters.cel import compile_expression
from dojopool.checker.rule_file import all_rules
from dojopool.core.invariants.rules import Severity
from dojopool.errors import ConfigError
from support.pipeline import POOL

GOOD = """
[[rule]]
name = "long-match"
severity = "low"
description = "More frames than planned."
runbook = "https://wiki.example/long-match"
holds = "match.frames_to_play == null || size(match.frames) <= match.frames_to_play"

[[rule]]
name = "plain"
holds = "true"
"""


def test_rules_of_a_file_follow_those_of_the_game(tmp_path: Path) -> None:
    """Severity, description, runbook and what is read come from the file; severity is medium unless it says so."""
    file = tmp_path / "rules.toml"
    file.write_text(GOOD)
    *own, long_match, plain = all_rules(POOL.game, file, compile_expression)

    assert [rule.name for rule in own] == ["score-validity", "turn-order", "known-player", "single-winner"]
    assert (long_match.severity, long_match.reads) == (Severity.LOW, (("frames_to_play",), ("frames",)))
    assert (long_match.description, long_match.runbook) == (
        "More frames than planned.",
        "https://wiki.example/long-match",
    )
    assert (plain.name, plain.severity, plain.description) == ("plain", Severity.MEDIUM, "")


def test_without_a_file_there_are_the_rules_of_the_game() -> None:
    """No file is needed."""
    assert [rule.name for rule in all_rules(POOL.game, None, compile_expression)] == list(POOL.game.invariants)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[rule]\n", "is not TOML: .*line 1, column 7"),
        ("[[rule]]\nname = 'a'\n", "rule.1.holds: Field required"),
        ("[[rule]]\nname = 'a'\nholds = 'true'\ncost = 3\n", "rule.1.cost: Extra inputs"),
        ("[[rule]]\nname = 'a'\nholds = 'true'\nseverity = 'huge'\n", "rule.1.severity: Input should be 'low'"),
        ("[[rule]]\nname = 'a'\nholds = '1 +'\n", "rule a: line 1, column 4"),
        ("[[rule]]\nname = 'a b'\nholds = 'true'\n", "a rule is called 'a b'"),
        ("[[rule]]\nname = 'turn-order'\nholds = 'true'\n", "another rule of that name"),
        ("[[rule]]\nname = 'a'\nholds = 'true'\n" * 2, "rule a: there is another rule of that name"),
        ("[[rule]]\nname = 'a'\nholds = 'true'\n" * 201, "at most 200 items"),
        ("# " + "a" * (1 << 20), "longer than 1048576 bytes"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, fault: str, tmp_path: Path) -> None:
    """File, rule and place."""
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=fault) as raised:
        all_rules(POOL.game, file, compile_expression)

    assert str(raised.value).startswith(str(file))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The message says which file and why."""
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        all_rules(POOL.game, tmp_path / "none.toml", compile_expression)
