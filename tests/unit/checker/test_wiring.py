"""What a checker is started with; with servers it is run in `tests/stack`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dojopool.checker.wiring import rules_of
from dojopool.errors import ConfigError
from dojopool.settings import CheckerSettings
from support.pipeline import POOL


def test_rules_come_from_the_game_and_from_the_setting(tmp_path: Path) -> None:
    """DOJO_RULES adds to the game's own; a file that is wrong ends the start."""
    file = tmp_path / "rules.toml"
    file.write_text("[[rule]]\nname = 'extra'\nholds = 'size(match.players) < 3'\n")
    given = {"region": "eu", "kafka": "127.0.0.1:1"}
    with_file, without = CheckerSettings.load(rules=str(file), **given), CheckerSettings.load(**given)

    assert [rule.name for rule in rules_of(without, POOL.game)] == list(POOL.game.invariants)
    assert [rule.name for rule in rules_of(with_file, POOL.game)] == [*POOL.game.invariants, "extra"]
    file.write_text("[[rule]]\nname = 'equivocation'\nholds = 'true'\n")
    with pytest.raises(ConfigError, match="rule equivocation: there is another rule of that name"):
        rules_of(with_file, POOL.game)
