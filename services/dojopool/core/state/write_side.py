"""The write side of a declared state: an object with an attribute per field, for reducers.

Not compiled, unlike the rest of what an event passes through: an attribute of a class made while the program runs is
as fast in plain Python, and compiled classes do not allow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dojopool.core.crdt.edit import Edit, Route
from dojopool.core.crdt.kind import Kind
from dojopool.core.crdt.maps import RecordKind
from dojopool.core.crdt.view import View
from dojopool.errors import GameError


class RecordEditor:
    """Base of the write sides. A subclass has a slot per field, filled with the field's editor when it is first asked
    for.
    """

    __slots__ = ("_edit", "_kind", "_route")

    def __init__(self, kind: RecordKind, edit: Edit, route: Route) -> None:
        object.__setattr__(self, "_kind", kind)
        object.__setattr__(self, "_edit", edit)
        object.__setattr__(self, "_route", route)

    def __getattr__(self, name: str) -> Any:
        """Called for slots that are empty yet, and for names that are no fields."""
        if name not in self._kind.names:
            raise AttributeError(f"no field {name!r} is declared; the fields are {', '.join(self._kind.names)}")
        index = self._kind.names.index(name)
        kind = self._kind.kinds[index]
        editor = kind.editor(self._edit, self._edit.route(*self._route.path, index))
        object.__setattr__(self, name, editor)
        return editor

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name!r} cannot be deleted; call a verb of the field, such as remove or clear")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name!r} cannot be assigned; call a verb of the field, such as set or add")


def record(fields: Mapping[str, Kind], *, name: str) -> RecordKind:
    """The kind of a declared state, with a write side whose attributes are its fields."""
    for field in fields:
        if hasattr(RecordEditor, field) or hasattr(View, field):
            raise GameError(f"{name}.{field}: this name is taken; choose another name for the field")
    return RecordKind(fields, type(f"{name}Editor", (RecordEditor,), {"__slots__": tuple(fields)}))
