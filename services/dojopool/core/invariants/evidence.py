"""What a rule read: the values at places of a match's state, and the events that wrote them last.

Both come from the state itself and not from the rule, so they are as deterministic as the state: a function of the
set of events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dojopool.core.crdt.kind import Kind, Node
from dojopool.core.crdt.maps import Map, RecordKind
from dojopool.core.invariants.rules import Place

PLACES_MAX: Final = 32
"""Places of one breach that are shown; a rule that looks at more is told by those it names first."""

VALUE_CHARACTERS_MAX: Final = 500
"""Of one value as JSON: a map with hundreds of keys tells nobody anything in an alert."""

WRITERS_MAX: Final = 64
"""Nodes named as evidence, the first in order of their names. A match has a handful."""


def values_at(kind: RecordKind, root: Node, places: Iterable[Place]) -> dict[str, str]:
    """Place, as `frames.1.winner`, -> the value there as JSON text, at most PLACES_MAX of them.

    A key that is not there is `null`, a field that holds nothing is as readers see it; long text ends in `...`.
    """
    return {_text(place): _shown(kind, root, place) for place in list(places)[:PLACES_MAX]}


def writers_at(kind: RecordKind, root: Node, places: Iterable[Place]) -> dict[str, int]:
    """The events that wrote what stands at these places and that nothing has replaced: node -> the last seq of each."""
    last: dict[str, int] = {}
    for place in list(places)[:PLACES_MAX]:
        found = _found(kind, root, place)
        if found is not None:
            found[0].note_writers(found[1], last)
    return dict(sorted(last.items())[:WRITERS_MAX])


def _found(kind: Kind, node: Node, place: Place) -> tuple[Kind, Node] | None:
    """The kind and the node at a place, None when there is no such key or field."""
    for step in place:
        # By the very type: abstract classes that are compiled share what isinstance remembers of them.
        if type(kind) is RecordKind:
            if step not in kind.names:
                return None
            at = kind.names.index(str(step))
            child = kind.child(node, at)
            kind = kind.below(at)
            node = kind.empty() if child is None else child
        elif type(kind) is Map:
            if step not in node:
                return None
            kind, node = kind.inner, node[step]
        else:
            break  # what is below a leaf or a set is not a node of its own: the whole of it is the place
    return kind, node


def _shown(kind: RecordKind, root: Node, place: Place) -> str:
    found = _found(kind, root, place)
    text = "null" if found is None else as_json(found[0].plain(found[1]))
    return text if len(text) <= VALUE_CHARACTERS_MAX else text[: VALUE_CHARACTERS_MAX - 3] + "..."


def _text(place: Place) -> str:
    return ".".join(str(step) for step in place)


def as_json(value: Any) -> str:
    """Compact JSON in ASCII, so that no text from outside can steer a terminal or break a header."""
    return json.dumps(value, separators=(",", ":"), default=_as_plain)


def _as_plain(value: Any) -> Any:
    assert isinstance(value, Mapping), value
    return dict(value)
