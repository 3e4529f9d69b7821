"""Checks a value against a schema before it is written, and says where it is wrong: `body.frame: 2147483648 does not
fit in an int`.

fastavro's own check is yes or no, takes True for 1 and does not know ranges of strings. What is checked here is what
JSON or a caller may hand in: exact types (a boolean is no number, a float is no integer), ranges, UTF-8, unknown and
missing fields. The result is the value in one form: defaults filled in, sequences as lists, maps sorted by key, so that
equal events give equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from dojopool.codec.wire import INT_MAX, INT_MIN
from dojopool.errors import GameError, InvalidEvent

Check: TypeAlias = Callable[[object, str], Any]
"""From a value and its path to the value as it is written. Raises InvalidBody naming path, value and rule."""

LONG_MIN, LONG_MAX = -(1 << 63), (1 << 63) - 1

_SHOWN_CHARACTERS_MAX = 80


class InvalidBody(InvalidEvent):
    """An event whose envelope is good, but whose type or body is not. In a stream it would count and write nothing."""


def checker(schema: Any) -> Check:
    """The check of values of a body, or a part of one, in its schema's full form."""
    if isinstance(schema, list):
        return _nullable(checker(next(branch for branch in schema if branch != "null")))
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "array":
        return _array(checker(schema["items"]))
    if kind == "map":
        return _map(checker(schema["values"]))
    if kind == "enum":
        return _enum(schema["symbols"])
    return _record(schema) if kind == "record" else _SCALARS[kind]


def _fault(path: str, value: object, rule: str) -> InvalidBody:
    shown = ascii(value)
    if len(shown) > _SHOWN_CHARACTERS_MAX:
        shown = shown[:_SHOWN_CHARACTERS_MAX] + "..."
    return InvalidBody(f"{path}: {shown} {rule}")


def _null(value: object, path: str) -> None:
    if value is not None:
        raise _fault(path, value, "is not null")


def _boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _fault(path, value, "is not a boolean")
    return value


def _number(kind: str, low: int, high: int) -> Check:
    def check(value: object, path: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _fault(path, value, "is not an integer")
        if not low <= value <= high:
            raise _fault(path, value, f"does not fit in {kind}: {low} to {high}")
        return value

    return check


def _string(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _fault(path, value, "is not a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _fault(path, value, "holds half a surrogate pair, which UTF-8 cannot write") from None
    return value


_SCALARS: Mapping[str, Check] = {
    "null": _null,
    "boolean": _boolean,
    "int": _number("an int", INT_MIN, INT_MAX),
    "long": _number("a long", LONG_MIN, LONG_MAX),
    "string": _string,
}


def _nullable(check: Check) -> Check:
    return lambda value, path: None if value is None else check(value, path)


def _enum(symbols: Sequence[str]) -> Check:
    def check(value: object, path: str) -> str:
        if not isinstance(value, str) or value not in symbols:
            raise _fault(path, value, f"is not one of {', '.join(symbols)}")
        return value

    return check


def _array(item: Check) -> Check:
    def check(value: object, path: str) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise _fault(path, value, "is not a list")
        return [item(part, f"{path}[{place}]") for place, part in enumerate(value)]

    return check


def _map(item: Check) -> Check:
    def check(value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _fault(path, value, "is not an object")
        keys = sorted(_string(key, f"{path}: key") for key in value)
        return {key: item(value[key], f"{path}.{key}") for key in keys}

    return check


def _record(schema: Any) -> Check:
    fields = {field["name"]: checker(field["type"]) for field in schema["fields"]}
    defaults = {field["name"]: field["default"] for field in schema["fields"] if "default" in field}
    _check_defaults(schema["name"], fields, defaults)

    def check(value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _fault(path, value, "is not an object")
        for key in value:
            if key not in fields:
                raise _fault(path, key, f"is not a field; the fields are {', '.join(fields) or 'none'}")
        complete = {**defaults, **value}
        for name in fields:
            if name not in complete:
                raise InvalidBody(f"{path}.{name}: is missing")
        return {name: part(complete[name], f"{path}.{name}") for name, part in fields.items()}

    return check


def _check_defaults(record: str, fields: Mapping[str, Check], defaults: Mapping[str, Any]) -> None:
    """A default becomes the value of older events, as it stands, so it must be a whole value of its field."""
    for name, default in defaults.items():
        try:
            whole = fields[name](default, f"{record}.{name}: default")
        except InvalidBody as error:
            raise GameError(str(error)) from error
        if whole != default:
            raise GameError(f"{record}.{name}: default must be written out: {whole}")
