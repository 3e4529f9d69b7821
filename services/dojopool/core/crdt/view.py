"""What readers get of a record: its fields as attributes.

Not compiled, unlike the kinds that make it: its attributes are not known before the game is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class View:
    """A record as readers see it: the declared fields as attributes, immutable, equal by value."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_values", dict(values))

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_values")[name]
        except KeyError:
            fields = ", ".join(object.__getattribute__(self, "_values"))
            raise AttributeError(f"no field {name!r} is declared; the fields are {fields}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a view is read-only; {name!r} cannot be set")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values))

    def __repr__(self) -> str:
        return f"View({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"
