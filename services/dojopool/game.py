"""What a game module imports: `Game`, `State` and the field types.

A game is one module: the state it declares, reducers that turn events into writes, and invariants that judge views. A
reducer only writes and an invariant only reads; the split is enforced, because a reducer that read state would see
different states in different regions. `dojopool/games/pool.py` is the example to copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from dojopool.core.crdt.edit import ROUTES_MAX, Edit, Write
from dojopool.core.crdt.maps import RecordKind
from dojopool.core.crdt.view import View
from dojopool.core.event import Event
from dojopool.core.match import FORMAT
from dojopool.core.state.declaration import (
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
from dojopool.errors import GameError

__all__ = [
    "Game",
    "State",
    "add_wins",
    "counter",
    "flag",
    "highest",
    "log",
    "lowest",
    "lww",
    "map_of",
    "mv",
    "remove_wins",
    "turn",
]

Reducer = Callable[[Any, Any], None]
Invariant = Callable[[Any], bool]


class Game:
    """A game: its name, state, event schema, reducers and invariants.

    `schema` is the file name of the game's event schema, looked for beside the module of its state and then among the
    built-in ones; `decoder` names the module that `dojo schema generate` made of it, None to decode through fastavro.
    """

    def __init__(self, name: str, *, state: type[State], schema: str, decoder: str | None = None) -> None:
        self.name = name
        self.state = state
        self.schema = schema
        self.decoder = decoder
        self.invariants: dict[str, Invariant] = {}
        self._reducers: dict[str, Reducer] = {}
        self._new_edit()

    @property
    def kind(self) -> RecordKind:
        """The rules of the declared state."""
        return self.state.kind

    @property
    def event_types(self) -> frozenset[str]:
        """The event types that have a reducer."""
        return frozenset(self._reducers)

    def on(self, event_type: str) -> Callable[[Reducer], Reducer]:
        """Declare the reducer of an event type: `reducer(match, event)` calls verbs on `match` and reads only `event`.

        What it raises refuses the event's body. A released reducer never changes its meaning: changed behaviour is a
        new type.
        """

        def declare(reducer: Reducer) -> Reducer:
            if event_type in self._reducers:
                raise GameError(f"game {self.name} has two reducers for {event_type}")
            self._reducers[event_type] = reducer
            return reducer

        return declare

    def invariant(self, name: str) -> Callable[[Invariant], Invariant]:
        """Declare a rule: `rule(match)` gets a frozen view and says whether it holds, as far as values are there."""

        def declare(rule: Invariant) -> Invariant:
            if name in self.invariants:
                raise GameError(f"game {self.name} has two invariants called {name}")
            self.invariants[name] = rule
            return rule

        return declare

    def reduce(self, event: Event) -> tuple[Write, ...]:
        """The writes of an event. Raises what its reducer raises, and GameError for a type without one."""
        reducer = self._reducers.get(event.type)
        if reducer is None:
            raise GameError(f"game {self.name} has no reducer for events of type {event.type}")
        edit = self._edit
        if edit.routes > ROUTES_MAX:
            edit = self._new_edit()
        try:
            reducer(self._editor, event.body)
        except BaseException:  # whatever it was, the next event must not get these writes
            edit.clear()
            raise
        return edit.take()

    def _new_edit(self) -> Edit:
        self._edit = Edit()
        self._editor = self.kind.editor(self._edit, self._edit.route())
        return self._edit

    def violations(self, view: View) -> list[str]:
        """The sorted names of the invariants that `view` breaks. A rule that raises counts as broken, and hides no
        other.
        """
        return sorted(name for name, rule in self.invariants.items() if not _holds(rule, view))

    def fold_version(self, schemas: str) -> str:
        """Names everything that stored bytes mean: the game, its state, the canonical format, and `schemas`, the
        fingerprints of the schemas known. Equal versions may be compared, others are rebuilt.
        """
        meaning = f"{self.name}\n{FORMAT}\n{self.kind.describe()}\n{schemas}"
        return f"{self.name}-{FORMAT}-{hashlib.sha256(meaning.encode()).hexdigest()[:12]}"


def _holds(rule: Invariant, view: View) -> bool:
    try:
        return bool(rule(view))
    except (MemoryError, RecursionError):
        raise  # the program's trouble, never the rule's
    except Exception:  # noqa: BLE001 - a rule is foreign code; one that fails cannot be said to hold
        return False
