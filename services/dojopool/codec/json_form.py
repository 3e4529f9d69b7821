"""The JSON form of an event: what `dojo fold` and `dojo play` read and every tool prints.

    {"match": "m-1", "node": "eu/a#1", "seq": 2, "base": null, "context": {"us/b#1": 1}, "stamp": 1,
     "type": "points_awarded", "body": {"frame": 1, "player": "ana", "points": 3}}

`base` and `context` may be null or absent, nothing else may. It is read as strictly as the binary form: a boolean is no
number, 1.0 is no integer, half a surrogate pair is no text, a key nobody knows is not skipped. As in a stream, what is
wrong with the envelope makes a line unusable, while an event with a good envelope and a bad type or body still counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from dojopool.codec.event_codec import EventCodec
from dojopool.codec.records import plain
from dojopool.codec.values import InvalidBody
from dojopool.core.event import Event, RefusedBody
from dojopool.core.names import envelope_fault
from dojopool.errors import InvalidEvent

KEYS: Final = ("match", "node", "seq", "base", "context", "stamp", "type", "body")
NESTING_MAX: Final = 32
"""Deepest nesting of lists and objects: twice what a schema may have. Deeper is refused before anything recurses."""

_TOO_DEEP: Final = f"not an event: nested more than {NESTING_MAX} deep"
_MAY_BE_ABSENT: Final = frozenset({"base", "context"})
_NOT_THE_ENVELOPE: Final = frozenset({"type", "body"})


@dataclass(frozen=True, slots=True)
class JsonEvent:
    """An event's envelope, checked, and its type and body, which only a game's codec can judge."""

    match: str
    node: str
    seq: int
    base: int | None
    context: Mapping[str, int] | None
    stamp: int
    type: Any
    """Whatever stood there; None when nothing did."""
    body: Any
    """Whatever stood there; None when nothing did."""

    def to_json(self) -> dict[str, Any]:
        """The same event with every key."""
        return {key: getattr(self, key) for key in KEYS}

    def lean(self) -> JsonEvent:
        """The same event in its shortest form, as the SDK writes it: without a base or context that null means too.

        A context that only repeats that of the node's previous event stays: one event alone cannot tell.
        """
        base = None if self.base == self.seq - 1 else self.base
        context = None if self.seq == 1 and not self.context else self.context
        return replace(self, base=base, context=context)


def parse_line(line: str | bytes) -> JsonEvent:
    """The event in a line of JSON. Raises InvalidEvent saying what is wrong with the line or with the envelope."""
    try:
        text = line.decode() if isinstance(line, bytes) else line
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        raise InvalidEvent(_TOO_DEEP) from None
    except ValueError as error:
        raise InvalidEvent(f"not JSON: {error}") from error
    return parse(value)


def parse(value: object) -> JsonEvent:
    """The event in JSON values. Raises InvalidEvent when the envelope is wrong, naming the field; see `event_of`."""
    if _deeper_than(NESTING_MAX, value):
        raise InvalidEvent(_TOO_DEEP)
    if not isinstance(value, Mapping):
        raise InvalidEvent(f"not an event: a JSON object is wanted, not {type(value).__name__}")
    unknown = [key for key in value if key not in KEYS]
    if unknown:
        raise InvalidEvent(f"{unknown[0]!a} is not a field of an event; they are {', '.join(KEYS)}")
    for key in KEYS:
        if key not in value and key not in _MAY_BE_ABSENT | _NOT_THE_ENVELOPE:
            raise InvalidEvent(f"{key} is missing")
    fields: dict[str, Any] = {key: value.get(key) for key in KEYS}
    event = JsonEvent(**fields)
    fault = envelope_fault(
        match=event.match, node=event.node, seq=event.seq, base=event.base, context=event.context, stamp=event.stamp
    )
    if fault is not None:
        raise InvalidEvent(fault)
    return event


def event_of(parsed: JsonEvent, codec: EventCodec) -> Event:
    """The event, as if it had been read from a stream; its body is a RefusedBody when type or body are wrong.

    `Event.data` of a good event is its encoding. A refused one has none; its canonical JSON stands there, which
    identifies the payload and is no record either. Raises InvalidEvent when the event is too long for a record.
    """
    try:
        data = codec.encode(**parsed.to_json())
    except InvalidBody as error:
        data = canonical_json(parsed.to_json())
        shown = parsed.type if isinstance(parsed.type, str) else ""
        head = (parsed.match, parsed.node, parsed.seq, parsed.base, parsed.context, parsed.stamp)
        return Event(*head, shown, RefusedBody(str(error)), data)
    event = codec.decode(data)
    assert isinstance(event, Event)
    return event


def event_to_json(event: Event) -> dict[str, Any]:
    """The JSON form of a decoded event. One whose body was refused has a null body and says why under `refused`."""
    refused = isinstance(event.body, RefusedBody)
    form = {key: getattr(event, key) for key in KEYS[:-1]}
    form["body"] = None if refused else plain(event.body)
    return {**form, "refused": event.body.reason} if refused else form


def canonical_json(value: object) -> bytes:
    """JSON values in one form: keys sorted, no white space, UTF-8 (and three bytes for half a surrogate pair)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="surrogatepass")


def _deeper_than(limit: int, value: object) -> bool:
    """Whether lists and objects are nested more than `limit` deep, found level by level."""
    level = [value]
    for _ in range(limit + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | tuple | Mapping)
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
        ]
    return bool(level)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; which of two values of one key counts is not for us to choose."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
