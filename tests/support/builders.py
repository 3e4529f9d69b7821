"""Short words for events in tests: the notation of the scenarios.

`A2{B:1}~0@5.3` is event 2 of node A, which had read 1 of node B and 0 of its own node, stamped 5 ms and logical 3.
What is left out: no braces mean that nothing of other nodes was read, no `~` that all of its own was, no `@` the time
of its counter. `A2^` has the null context: that of A1. `A'` is the next incarnation of A.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from dojopool.core.event import Event
from dojopool.core.match import Match
from support.everything import KIND, Form, Op, event_of, plain, replay, to_bytes

REGIONS = {"A": "eu", "B": "us", "C": "ap", "D": "eu"}

NOTATION = re.compile(r"([A-D]'?)(\d+)(\^)?(?:\{(.*)\})?(?:~(\d+))?(?:@(\d+)(?:\.(\d+))?)?")


def node(name: str) -> str:
    """The node that a letter stands for: `A` is eu/a#1, `A'` is eu/a#2."""
    return f"{REGIONS[name[0]]}/{name[0].lower()}#{len(name)}"


def clock(text: str) -> dict[str, int]:
    """The clock of `A:1, B:2`."""
    parts = (part.split(":") for part in text.replace(" ", "").split(",") if part)
    return {node(name): int(counter) for name, counter in parts}


def form(text: str, *ops: Op, match: str = "m") -> Form:
    """The event that `text` denotes, in JSON form."""
    found = NOTATION.fullmatch(text)
    assert found is not None, text
    name, seq, null, context, base, wall, logical = found.groups()
    return {
        "match": match,
        "node": node(name),
        "seq": int(seq),
        "base": None if base is None else int(base),
        "context": None if null else clock(context or ""),
        "stamp": (int(wall or seq) << 16) + int(logical or 0),
        "type": "ops",
        "body": list(ops),
    }


def event(text: str, *ops: Op, match: str = "m") -> Event:
    """The event that `text` denotes, with its writes."""
    return event_of(form(text, *ops, match=match))


def names(events: Sequence[Event]) -> list[str]:
    """Events as their letters and counters, in the order given: `["A1", "B2"]`."""
    letters = {node(letter + tick): letter + tick for letter in REGIONS for tick in ("", "'")}
    return [f"{letters[found.node]}{found.seq}" for found in events]


def fold_all(*events: Event) -> Match:
    """The match that took `events` in."""
    match = Match(KIND)
    for each in events:
        match.arrive(each, KIND)
    return match


def in_every_order(*forms: Form) -> Match:
    """The match that `forms` give, shown to be the same in every order of arrival, and to leave nothing waiting."""
    match = replay(forms)
    assert match.pending == 0
    for order in permutations(forms):
        assert replay(order).encode(KIND) == match.encode(KIND)
    return match


def shown(match: Match, *path: Any) -> Any:
    """The plain value at a path, map keys in their JSON form."""
    value = plain(match)
    for step in path:
        value = value[str(step)]
    return value


@dataclass(frozen=True, slots=True)
class FakeRecord:
    """A record as the streams read it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: int = 0


def record(offset: int, what: Form, *, key: str | None = None) -> FakeRecord:
    """A record that holds an event or a mark in JSON form, keyed by its match unless told otherwise."""
    named = key if key is not None else what.get("match", "")
    return FakeRecord(offset=offset, key=named.encode(), value=to_bytes(what))


def mark(region: str, tick: int, *, time_ms: int = 0) -> Form:
    """A mark in JSON form."""
    return {"region": region, "tick": tick, "time": time_ms}
