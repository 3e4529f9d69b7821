"""The way in: what one event writes, noted while its reducer runs.

A reducer calls verbs on *editors*, one per place in the state, and reads nothing. Each verb becomes a `Write`, and
nothing reaches the state before the reducer has returned and the event is delivered.

An event has one dot, and a cell holds one entry per dot: so two operations of one event on one cell become one (a
register takes the last, a counter the sum) or are refused (adding and removing one element). Removing a map key or
clearing a set is about what was read, which an event's own writes are not: they stay, whatever was called first.

Editors are kept from event to event, since matches of one game are written at the same few places, and making them
anew would cost more than all the rest of a reducer. So a place has one editor and one `Route`, known by identity, for
as long as an `Edit` lives; its owner replaces one that remembers too many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from dojopool.core.crdt.cell import Cell, Origin, Payload
from dojopool.errors import GameError

Action: TypeAlias = Callable[[Cell | None, Origin, Payload], Cell]
"""What an operation does to a cell, None when there is none yet. Returns the cell to keep: the same one, edited in
place, or another.
"""

Merge: TypeAlias = Callable[[Any, Any], Payload]
"""Makes one payload of two operations of one event on one cell."""

Path: TypeAlias = tuple[Any, ...]
"""From the root to a node: field numbers in records, keys in maps."""

ROUTES_MAX: Final = 20_000
"""Places remembered by one Edit, about 300 bytes each. Keys come from outside, hence the bound."""


class Route:
    """A place in the state: the path from the root, taken apart for whoever goes there to write a cell: all steps but
    the last lead to branches.
    """

    __slots__ = ("branches", "leaf", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.branches = path[:-1]
        self.leaf: Any = path[-1] if path else None


Write: TypeAlias = tuple[Route, Action | None, Payload]
"""One operation of one event: at the route, do the action with the payload; without an action, drop all that was
observed there and below. A tuple, because there is at least one for each event.
"""


class Edit:
    """Collects the writes of one event at a time."""

    __slots__ = ("_removals", "_writes", "routes")

    def __init__(self) -> None:
        self._removals: dict[Path, Write] = {}
        self._writes: dict[Route, Write] = {}
        self.routes = 0
        """How many places are remembered; above ROUTES_MAX this one should be replaced, with all its editors."""

    def route(self, *path: Any) -> Route:
        """A new place. Whoever asks for one keeps it."""
        self.routes += 1
        return Route(path)

    def clear(self) -> None:
        """Forget what was noted: the reducer raised."""
        self._removals, self._writes = {}, {}

    def put(self, route: Route, action: Action, payload: Payload, merge: Merge | None = None) -> None:
        """Note an operation. Of several on one cell the last stays, or what `merge(earlier, later)` makes of them."""
        earlier = self._writes.get(route)
        if earlier is not None:
            if earlier[1] is not action:
                raise GameError(
                    f"one event does two opposite things to one value, at {route.path!r}; make it two events"
                )
            if merge is not None:
                payload = merge(earlier[2], payload)
        self._writes[route] = (route, action, payload)

    def drop(self, route: Route) -> None:
        """Note that what was observed in the one cell at `route` is taken back."""
        earlier = self._writes.get(route)
        if earlier is not None and earlier[1] is not None:
            raise GameError(f"one event writes and takes back one value, at {route.path!r}; make it two events")
        self._writes[route] = (route, None, None)

    def remove(self, route: Route) -> None:
        """Note a removal of everything observed at and below `route`, which does not touch what this event writes."""
        self._removals[route.path] = (route, None, None)

    def take(self) -> tuple[Write, ...]:
        """All that was noted since the last call, removals first."""
        noted = tuple(self._writes.values())
        if self._removals:
            noted = (*self._removals.values(), *noted)
            self._removals = {}
        self._writes = {}
        return noted


class Editor:
    """Base of the objects whose verbs a reducer calls: one place of one kind.

    Arguments of verbs have the type Any: a reducer may pass anything, and compiled code would refuse another type in
    words of its own, where every build must say the same.
    """

    __slots__ = ("_edit", "_kind", "_route")

    def __init__(self, kind: Any, edit: Edit, route: Route) -> None:
        self._kind = kind
        self._edit = edit
        self._route = route
