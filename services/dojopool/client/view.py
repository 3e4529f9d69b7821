"""A match as a reader sees it: one hash in Redis, read as one value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dojopool.core.clock import VectorClock
from dojopool.core.crdt.maps import RecordKind
from dojopool.core.crdt.view import View
from dojopool.errors import CorruptState

NOTHING: Final[Mapping[str, Any]] = {"@clock": {}, "@stamp": 0, "@pending": 0}
"""What a match of which nothing is known would say of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchView:
    """The state of a match at one moment, with what it contains and how old it may be."""

    match: str
    region: str
    exists: bool
    """Whether the region has seen any event of the match; without one the state is empty and so is the clock."""
    state: View
    """The declared state, by attribute: `view.state.frames[1].points["ana"]`."""
    clock: VectorClock
    """The events that the state contains."""
    stamp: int
    """The highest stamp among them."""
    pending: int
    """Events that have come and wait for others that they depend on."""
    at_ms: int | None
    """When the replica last changed the match, in milliseconds since the epoch; None when it does not exist."""
    staleness_ms: Mapping[str, int | None]
    """Per region, the age of the newest of its marks that the state is known to contain; None: not known."""


def read_view(
    match: str, fields: Mapping[str, bytes], kind: RecordKind, *, region: str, staleness_ms: Mapping[str, int | None]
) -> MatchView:
    """The view in a match's hash fields. Raises CorruptState when they are not what a replica writes."""
    plain = kind.plain(kind.empty())
    try:
        values: dict[str, Any] = {name: json.loads(text) for name, text in fields.items()} or dict(NOTHING)
        plain.update((name, values[name]) for name in kind.names if name in values)
        return MatchView(
            match=match,
            region=region,
            exists=bool(fields),
            state=kind.view(plain),
            clock=VectorClock(values["@clock"]),
            stamp=int(values["@stamp"]),
            pending=int(values["@pending"]),
            at_ms=int(values["@at"]) if fields else None,
            staleness_ms=staleness_ms,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptState(
            f"the view of match {match} in region {region} is not what a replica writes: {error}."
            " Another program wrote to its key, or it was written for another game"
        ) from error


def view_json(view: MatchView) -> dict[str, Any]:
    """A view as JSON-like data, the state as `dojo fold` prints it."""
    return {
        "match": view.match,
        "region": view.region,
        "state": _plain(view.state),
        "clock": view.clock.as_dict(),
        "stamp": view.stamp,
        "pending": view.pending,
        "at_ms": view.at_ms,
        "staleness_ms": dict(view.staleness_ms),
    }


def _plain(value: Any) -> Any:
    """A value of a view as JSON knows it: keys are strings."""
    if isinstance(value, View):
        return {name: _plain(getattr(value, name)) for name in value}
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else json.dumps(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value
