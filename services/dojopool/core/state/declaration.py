"""Declaring state: a class per record, an assignment per field.

    class Frame(State):
        breaker = lww(str)
        points = map_of(str, counter())

The class body is the whole declaration. What comes of it is one `RecordKind` (rules for state that the fold owns)
with a write side for reducers; instances of the class are never made. Fields are numbered in order of declaration,
and inherited ones come first, so appending a field keeps the numbers of the others.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dojopool.core.crdt.counters import Counter
from dojopool.core.crdt.kind import Kind
from dojopool.core.crdt.log import Log
from dojopool.core.crdt.maps import Map, RecordKind
from dojopool.core.crdt.registers import Highest, Lowest, Lww, Mv
from dojopool.core.crdt.sets import AddWins, Flag, RemoveWins
from dojopool.core.crdt.turn import Turn
from dojopool.core.state.write_side import record
from dojopool.errors import GameError


class State:
    """Base of declared state. `kind` holds the rules of the class."""

    kind: ClassVar[RecordKind]

    def __init_subclass__(cls) -> None:
        fields: dict[str, Kind] = {}
        for owner in reversed(cls.__mro__):
            if owner is not cls and issubclass(owner, State) and owner is not State:
                fields.update(zip(owner.kind.names, owner.kind.kinds, strict=True))
        fields.update(_declared(cls))
        if not fields:
            raise GameError(f"{cls.__name__} declares no field")
        cls.kind = record(fields, name=cls.__name__)

    def __init__(self) -> None:
        raise GameError(f"{type(self).__name__} is a declaration; its instances live inside the fold")


def _declared(cls: type[State]) -> dict[str, Kind]:
    """The fields in a class body, in its order. Raises GameError for whatever else is in it."""
    fields: dict[str, Kind] = {}
    for name, value in vars(cls).items():
        if isinstance(value, Kind):
            if name.startswith("_") or name == "kind":
                raise GameError(f"{cls.__name__}.{name}: this name is taken; choose another name for the field")
            fields[name] = value
        elif not name.startswith("_"):
            raise GameError(f"{cls.__name__}.{name} is {value!r}, not a field type such as lww(str)")
    for name in vars(cls).get("__annotations__", ()):
        if name not in fields:
            raise GameError(f"{cls.__name__}.{name} is annotated; a field is assigned: {name} = lww(str)")
    return fields


def lww(scalar: type) -> Kind:
    """Register whose last write wins; concurrent writes: the greatest `(stamp, node, seq)`. Verb: `set`."""
    return Lww(scalar)


def mv(scalar: type) -> Kind:
    """Register that shows every concurrent value. Verb: `set`."""
    return Mv(scalar)


def counter(*, resettable: bool = False) -> Kind:
    """Sum of additions. Verbs: `add`, and `reset` where `resettable`."""
    return Counter(is_resettable=resettable)


def highest(*levels: Any) -> Kind:
    """The highest of named levels in rising order, or `highest(int)`. Verb: `raise_to`."""
    return Highest(_labels(levels))


def lowest(*levels: Any) -> Kind:
    """The lowest of named levels in rising order, or `lowest(int)`. Verb: `lower_to`."""
    return Lowest(_labels(levels))


def add_wins(scalar: type) -> Kind:
    """Set in which a concurrent addition beats a removal. Verbs: `add`, `remove`, `clear`."""
    return AddWins(scalar)


def remove_wins(scalar: type) -> Kind:
    """Set in which a concurrent removal beats an addition. Verbs: `add`, `remove`, `clear`."""
    return RemoveWins(scalar)


def flag(*, wins: str) -> Kind:
    """Switch; `wins` says whether a concurrent "enable" or "disable" wins. Verbs: `enable`, `disable`."""
    if wins not in ("enable", "disable"):
        raise GameError(f'flag(wins={wins!r}): say which side wins a tie, "enable" or "disable"')
    return Flag(enable_wins=wins == "enable")


def map_of(key: type, inner: Kind | type[State]) -> Kind:
    """Map from keys to a field type or a State. Verbs: `[key]`, `remove`."""
    if isinstance(inner, type) and issubclass(inner, State):
        return Map(key, inner.kind)
    if not isinstance(inner, Kind):
        raise GameError(f"map_of({key.__name__}, {inner!r}): the values must be a field type or a State")
    return Map(key, inner)


def log(scalar: type) -> Kind:
    """List of everything appended, in one order everywhere. Verb: `append`."""
    return Log(scalar)


def turn() -> Kind:
    """Whose turn it is. Verb: `claim`."""
    return Turn()


def _labels(levels: tuple[Any, ...]) -> tuple[str, ...]:
    if levels == (int,):
        return ()
    if not levels:
        raise GameError("name the levels in rising order, or say int")
    return levels
