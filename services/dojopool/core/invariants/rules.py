"""A rule: a name, what it means to people, and a function that says whether a match keeps it.

A rule reads a plain frozen view and nothing else, so the same events get the same verdict everywhere. It may simply
say true or false, or name every breach with a *key* (such as a frame and a player) and the places in the state that it
read. The key keeps two breaches of one rule in one match apart, for ever: it makes the violation's id. The places give
the values that people are shown and, as the evidence, the events that wrote them last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias

from dojopool.core.crdt.view import View
from dojopool.errors import GameError

Place: TypeAlias = tuple[str | int | bool, ...]
"""Where a value stands in the state of a match: a field, then keys and fields below it; `("frames", 1, "winner")`."""

NAME_CHARACTERS_MAX: Final = 64
TEXT_CHARACTERS_MAX: Final = 1_000
"""Of a description or the address of a runbook: they travel in every record."""


class Severity(Enum):
    """How soon a person must look, once the violation is confirmed."""

    LOW = "low"
    """Worth knowing; nobody is waiting."""
    MEDIUM = "medium"
    """Within the working day."""
    HIGH = "high"
    """Now."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One way in which a match breaks a rule."""

    key: str = ""
    """Tells it from other breaches of the same rule in the same match; must not change while it lasts."""
    reads: tuple[Place, ...] = ()
    """What the rule looked at; what it declares to read always, when empty."""


Verdict: TypeAlias = bool | Iterable[Breach]
"""True and an empty collection say that the rule holds; False is one breach without a key."""

Check: TypeAlias = Callable[[Any], Verdict]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a game or of an operator. Raises GameError for a name or texts that records cannot carry."""

    name: str
    check: Check = field(compare=False)
    """Called with a `View`; whatever it raises is a fault of the rule and not of the match."""
    severity: Severity = Severity.MEDIUM
    description: str = ""
    runbook: str = ""
    """Where it is written what to do; empty when nowhere."""
    reads: tuple[Place, ...] = ()
    """What it reads whatever the verdict, when it does not say so with each breach."""

    def __post_init__(self) -> None:
        words = self.name.replace("-", "a").replace("_", "a")
        if not (0 < len(self.name) <= NAME_CHARACTERS_MAX and words.isascii() and words.isalnum()):
            raise GameError(
                f"a rule is called {self.name!r}: it must be 1 to {NAME_CHARACTERS_MAX} of letters, digits, - and _"
            )
        for said in (self.description, self.runbook):
            if len(said) > TEXT_CHARACTERS_MAX or (said and not said.isprintable()):
                raise GameError(
                    f"rule {self.name} has a text of {len(said)} characters that does not fit on a line:"
                    f" at most {TEXT_CHARACTERS_MAX} printable ones do"
                )

    def breaches(self, view: View) -> Iterable[Breach]:
        """The breaches of this rule in a match. Raises whatever its function raises, also while it is iterated."""
        verdict = self.check(view)
        if isinstance(verdict, bool):
            return () if verdict else (Breach(),)
        return verdict


def violation_id(rule: str, match: str | None, key: str) -> str:
    """The id of a violation: the same wherever and whenever it is found. 32 hexadecimal digits.

    `match` is None for what concerns no match, such as a record that names none.
    """
    named = json.dumps([rule, match, key], separators=(",", ":"))
    return hashlib.sha256(named.encode()).hexdigest()[:32]
