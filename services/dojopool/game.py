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
from dojopool.core.invariants.judge import broken
from dojopool.core.invariants.rules import Breach, Check, Rule, Severity
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
    "Breach",
    "Game",
    "Severity",
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
        self.invariants: dict[str, Rule] = {}
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

    def invariant(
        self, name: str, *, severity: Severity = Severity.MEDIUM, runbook: str = ""
    ) -> Callable[[Check], Check]:
        """Declare a rule: `rule(match)` gets a frozen view and says whether it holds, as far as values are there.

        It returns True or False, or the breaches it found (`Breach`), each with a key and the places it read. The first
        line of its docstring is what people are told; `runbook` is where it is written what to do.
        """

        def declare(check: Check) -> Check:
            if name in self.invariants:
                raise GameError(f"game {self.name} has two invariants called {name}")
            said = (check.__doc__ or "").strip().partition("\n")[0]
            self.invariants[name] = Rule(name, check, severity, description=said, runbook=runbook)
            return check

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
        return broken(list(self.invariants.values()), view)

    def fold_version(self, schemas: str) -> str:
        """Names everything that stored bytes mean: the game, its state, the canonical format, and `schemas`, the
        fingerprints of the schemas known. Equal versions may be compared, others are rebuilt.
        """
        meaning = f"{self.name}\n{FORMAT}\n{self.kind.describe()}\n{schemas}"
        return f"{self.name}-{FORMAT}-{hashlib.sha256(meaning.encode()).hexdigest()[:12]}"
