"""A game with a field of every type, at the top and inside nested maps, and a codec of JSON for its events.

The tests of core need events whose body may write anything. So there is one event type, `ops`, and its body is a list
of operations `[path, verb, arguments]`, such as `[["cells", 1, "tags"], "add", ["x"]]`. `SPEC` says the same
declaration again in the words of the oracle, which must not learn it from the package.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from dojopool.core.cut import Mark
from dojopool.core.event import Event
from dojopool.core.fold import Fold
from dojopool.core.match import Match
from dojopool.core.names import envelope_fault
from dojopool.core.state.write_side import RecordEditor
from dojopool.errors import RefusedRecord, UnknownSchema
from dojopool.game import (
    Game,
    State,
    add_wins,
    counter,
    flag,
    highest,
    log,
    lowest,
    lww,
    map_of,
    mv,
    remove_wins,
    turn,
)

Op: TypeAlias = list[Any]
Form: TypeAlias = dict[str, Any]
"""An event in JSON form."""


class Leaves(State):
    """One field of each leaf type."""

    title = lww(str)
    rivals = mv(str)
    total = counter()
    tally = counter(resettable=True)
    level = highest("low", "middle", "high")
    floor = lowest(int)
    tags = add_wins(str)
    bans = remove_wins(int)
    open = flag(wins="enable")
    shut = flag(wins="disable")
    notes = log(str)
    turn = turn()


class Room(State):
    """State inside state inside state."""

    inner = map_of(int, Leaves)


class Everything(Leaves):
    """Every type at the top, under one map key and under two; and maps straight to leaves."""

    cells = map_of(int, Leaves)
    rooms = map_of(str, Room)
    counts = map_of(str, counter())
    words = map_of(bool, lww(str))


everything = Game("everything", state=Everything, schema="none.avsc")
KIND: Final = Everything.kind


@everything.on("ops")
def ops(match: Any, body: Any) -> None:
    """Do what the body lists. `fail` makes it a reducer that raises."""
    if body == "fail":
        raise ValueError("the body asks for it")
    for path, verb, arguments in body:
        target = match
        for step in path:
            target = getattr(target, step) if isinstance(target, RecordEditor) else target[step]
        getattr(target, verb)(*arguments)


LEAVES: Final = {
    "title": ("lww",),
    "rivals": ("mv",),
    "total": ("counter",),
    "tally": ("counter",),
    "level": ("highest", ("low", "middle", "high")),
    "floor": ("lowest", ()),
    "tags": ("add_wins",),
    "bans": ("remove_wins",),
    "open": ("enable_wins",),
    "shut": ("disable_wins",),
    "notes": ("log",),
    "turn": ("turn",),
}

SPEC: Final = {
    **LEAVES,
    "cells": ("map", LEAVES),
    "rooms": ("map", {"inner": ("map", LEAVES)}),
    "counts": ("map", ("counter",)),
    "words": ("map", ("lww",)),
}


class At:
    """`At("cells", 1, "tags").add("x")` is the operation that adds x to the tags of cell 1."""

    def __init__(self, *path: Any) -> None:
        self._path = list(path)

    def __getattr__(self, verb: str) -> Callable[..., Op]:
        return lambda *arguments: [self._path, verb, list(arguments)]


def to_bytes(form: Form) -> bytes:
    """The bytes of an event or mark in JSON form."""
    return json.dumps(form, sort_keys=True).encode()


def decode(data: bytes) -> Event | Mark:
    """The event or mark of `to_bytes`. Raises UnknownSchema for bytes that begin with `?`, RefusedRecord for noise."""
    if data.startswith(b"?"):
        raise UnknownSchema(f"written with schema {data[1:].hex()}")
    try:
        form = json.loads(data)
        if "tick" in form:
            return Mark(region=form["region"], tick=form["tick"], time_ms=form["time"])
        event = Event(**form, data=data)
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedRecord(f"no event: {error}") from error
    if (fault := _fault(event)) is not None:
        raise RefusedRecord(fault)
    return event


def _fault(event: Event) -> str | None:
    numbers = [event.seq, event.stamp, 0 if event.base is None else event.base, *(event.context or {}).values()]
    texts = [event.match, event.node, event.type]
    if {type(number) for number in numbers} != {int} or {type(text) for text in texts} != {str}:
        return "a field is of another type"
    return envelope_fault(
        match=event.match,
        node=event.node,
        seq=event.seq,
        base=event.base,
        context=event.context,
        stamp=event.stamp,
    )


def new_fold() -> Fold:
    """An empty fold of this game."""
    return Fold(KIND, decode=decode, reduce=everything.reduce)


def read_event(data: bytes) -> Event:
    """The event of `to_bytes`, with its writes."""
    event = decode(data)
    assert isinstance(event, Event)
    event.writes = everything.reduce(event)
    return event


def event_of(form: Form) -> Event:
    """An event in JSON form as the fold reads it."""
    return read_event(to_bytes(form))


def replay(forms: Sequence[Form]) -> Match:
    """The match that took these events in, in this order of arrival."""
    match = Match(KIND)
    for form in forms:
        match.arrive(event_of(form), KIND)
    return match


def plain(match: Match) -> Any:
    """What JSON makes of the match's state, as the oracle says it."""
    return json.loads(json.dumps(KIND.plain(match.root)))


def copied(match: Match) -> Match:
    """The same match from its bytes: joining consumes what it joins."""
    return Match.decode(match.encode(KIND), KIND, read_event)
