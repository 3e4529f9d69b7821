"""Rules by operators: a TOML file with an expression for each, checked when a program starts.

    [[rule]]
    name = "long-match"
    severity = "low"
    description = "More frames than the match was scheduled for."
    runbook = "https://wiki.example/long-match"
    holds = "match.frames_to_play == null || size(match.frames) <= match.frames_to_play"

`holds` is true while all is well; or it is the list of the keys in which it is not, such as frame numbers. A value that
is not there yet is null, and comparing null with a number is a fault of the rule: say what null means.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dojopool.core.crdt.maps import RecordKind
from dojopool.core.crdt.view import View
from dojopool.core.invariants.register import RESERVED
from dojopool.core.invariants.rules import Place, Rule, Severity, Verdict
from dojopool.errors import ConfigError, GameError
from dojopool.game import Game

RULES_MAX: Final = 200
"""Each runs on every match that changed, once a batch."""

FILE_BYTES_MAX: Final = 1 << 20


class Expression(Protocol):
    """A compiled expression."""

    @property
    def reads(self) -> tuple[Place, ...]: ...
    def __call__(self, match: View, /) -> Verdict: ...


Compile = Callable[[str, RecordKind], Expression]
"""Raises ConfigError that says what is wrong with an expression, and where."""


class _RuleForm(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    severity: Severity = Severity.MEDIUM
    description: str = ""
    runbook: str = ""
    holds: str


class _FileForm(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Annotated[list[_RuleForm], Field(max_length=RULES_MAX)] = []


def all_rules(game: Game, file: Path | None, compile_expression: Compile) -> tuple[Rule, ...]:
    """The game's own rules, then those of `file`, if any.

    Raises ConfigError that names the file, the rule and the place of what is wrong, also when two rules share a name.
    """
    own = tuple(game.invariants.values())
    if taken := sorted(RESERVED & game.invariants.keys()):
        raise ConfigError(f"game {game.name} has a rule {taken[0]}: that name is the checker's own")
    return own if file is None else (*own, *read_rules(file, game, compile_expression))


def read_rules(file: Path, game: Game, compile_expression: Compile) -> Sequence[Rule]:
    """The rules of a file, in its order. Raises as `all_rules` does."""
    rules: dict[str, Rule] = {}
    for form in _forms(file):
        where = f"{file}: rule {form.name}"
        if form.name in rules or form.name in game.invariants or form.name in RESERVED:
            raise ConfigError(f"{where}: there is another rule of that name; names tell violations apart")
        try:
            holds = compile_expression(form.holds, game.kind)
            rules[form.name] = Rule(form.name, holds, form.severity, form.description, form.runbook, reads=holds.reads)
        except (ConfigError, GameError) as error:
            raise ConfigError(f"{where}: {error}") from None
    return tuple(rules.values())


def _forms(file: Path) -> Sequence[_RuleForm]:
    try:
        with file.open("rb") as source:
            data = source.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise ConfigError(f"{file} is longer than {FILE_BYTES_MAX} bytes")
        return _FileForm.model_validate(tomllib.loads(data.decode())).rule
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(step + 1) if isinstance(step, int) else step for step in problem["loc"])
        raise ConfigError(f"{file}: {place}: {problem['msg']}") from None
