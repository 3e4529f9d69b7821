"""What a scenario of a guard ends with: the state that readers see, and the state that the oracle says it must be."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from dojopool.core.partition import partition_of
from dojopool.ports import ViewReader
from support.oracle import decode_record, pool_state

Harm = Literal["lost", "doubled"]
"""`lost`: something that happened is missing from what readers see. `doubled`: something counts more than once."""

State = Mapping[tuple[int, str], Any]
"""Partition and match -> the declared state, as JSON."""


@dataclass(frozen=True, slots=True)
class Result:
    """What readers see in the end, and what they should see."""

    found: State
    expected: State
    """What everything gives that was accepted, by the oracle."""
    before: State | None = None
    """For guards that stop: what was there before the trouble, and must stay as it was."""
    told: str = ""
    """What the program said was in its way."""

    @property
    def holds(self) -> bool:
        """Whether this is what a sound build ends with. One that must stop says so and changes nothing."""
        if self.before is None:
            return self.found == self.expected
        return bool(self.told) and self.found == self.before

    @property
    def harm(self) -> Harm | None:
        """What went wrong without a word."""
        if self.found == self.expected or (self.before is not None and self.told):
            return None
        return "doubled" if _points(self.found) > _points(self.expected) else "lost"


Scenario = Callable[..., Coroutine[Any, Any, Result]]
"""Takes nothing, or a store where the guard lives in one."""

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard of the product, how to build the product without it, and a scenario in which that shows."""

    name: str
    guards: str
    """What the sound build does, in a sentence."""
    broken: str
    """What the broken build does instead."""
    harm: Harm
    shows: str
    """What then goes wrong, in the scenario."""
    patch: Patch
    scenario: Scenario


def oracle(values: Iterable[bytes], *, partitions: int = 1) -> State:
    """The state that these events give, each match in its own partition."""
    plain = pool_state(decode_record(value) for value in values)
    return {(partition_of(match, partitions), match): state for match, state in plain.items()}


async def seen(views: ViewReader, matches: Sequence[str], *, partitions: int = 1) -> State:
    """The declared state of these matches as readers see it, wherever it is stored."""
    found = {}
    for partition in range(partitions):
        for match in matches:
            view = await views.view(partition, match)
            if view:
                found[partition, match] = {
                    name: json.loads(value) for name, value in view.items() if not name.startswith("@")
                }
    return found


def _points(state: State) -> int:
    """All points of all matches."""
    return sum(
        points
        for plain in state.values()
        if isinstance(plain, Mapping)
        for frame in (plain.get("frames") or {}).values()
        for points in (frame.get("points") or {}).values()
    )
