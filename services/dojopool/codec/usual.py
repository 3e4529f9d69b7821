"""Events in their usual form, written on the spot: all fields there and of the exact type, a null base and context,
ASCII text, short lists.

Writing an event costs a game server twice: its values are checked one by one, and then walked once more by fastavro,
which looks the schema up as it goes. Here one walk does both, with what is known beforehand put together once: the
field writers of each event type, the names of match and node. Whatever is not of that form, good or bad, is Unusual and
left to `codec.values` and fastavro, who alone say what is wrong; the bytes are theirs in either case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from dojopool.codec.wire import INT_MAX, INT_MIN
from dojopool.core.event import STAMP_MAX
from dojopool.core.names import COUNTER_MAX, NAMES_CACHED_MAX, match_fault, node_fault

Write: TypeAlias = Callable[[object], bytes]
"""The encoding of a value. Raises Unusual, or KeyError for a field that is left out."""

ITEMS_MAX: Final = 64
"""Most items of a list in one look: a player list, not a history."""

_LONG_MIN, _LONG_MAX = -(1 << 63), (1 << 63) - 1
_SHORT: Final = 64
"""Numbers from -64 to 63 take one byte."""


class Unusual(Exception):
    """The value is not of the usual form: the general way is taken instead."""


def written_long(value: int) -> bytes:
    """A 64-bit number: seven bits a byte, lowest first, the sign in the lowest bit."""
    return _written_rest((value << 1) ^ (value >> 63))


def _written_rest(left: int) -> bytes:
    """What is left of a number whose lowest bit is its sign."""
    out = bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


_ONE_BYTE: Final = (*map(written_long, range(_SHORT)), *map(written_long, range(-_SHORT, 0)))
"""Encodings of -64 to 63, those below zero at the end, where a negative index finds them."""


@lru_cache(maxsize=NAMES_CACHED_MAX)
def written_names(match: str, node: str) -> bytes:
    """Match and node, the beginning of an envelope. Raises Unusual for a name that may not be written."""
    if match_fault(match) or node_fault(node):
        raise Unusual
    return b"".join((written_long(len(match)), match.encode(), written_long(len(node)), node.encode()))


def written_envelope(match: object, node: object, seq: object, stamp: object) -> bytes:
    """An envelope whose base and context are null. Raises Unusual."""
    if type(match) is not str or type(node) is not str or type(seq) is not int or type(stamp) is not int:
        raise Unusual
    if not (0 < seq <= COUNTER_MAX and 0 <= stamp <= STAMP_MAX):
        raise Unusual
    number = _ONE_BYTE[seq] if seq < _SHORT else written_long(seq)
    return b"%b%b\0\0%b" % (written_names(match, node), number, _written_stamp(stamp))


def _written_stamp(stamp: int) -> bytes:
    """A stamp. Those of one millisecond differ in their two lowest bytes."""
    if stamp < 1 << 13:
        return written_long(stamp)
    return b"%c%c%b" % (stamp << 1 & 0x7F | 0x80, stamp >> 6 & 0x7F | 0x80, _written_high(stamp >> 13))


@lru_cache(maxsize=8)
def _written_high(left: int) -> bytes:
    """The upper bytes of stamps, which those of one millisecond share."""
    return _written_rest(left)


def writer(schema: Any) -> Write:
    """How values of a body, or a part of one, are written; `schema` in its full form."""
    if isinstance(schema, list):
        return _nullable(schema)
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "array":
        return _array(writer(schema["items"]))
    if kind == "enum":
        return _enum(schema["symbols"])
    if kind == "record":
        return _record([(field["name"], writer(field["type"])) for field in schema["fields"]])
    return _SCALARS.get(kind, _unusual)


def _unusual(value: object) -> bytes:
    """Of types that are left to the general way: maps, whose keys must be sorted."""
    raise Unusual


def _null(value: object) -> bytes:
    if value is not None:
        raise Unusual
    return b""


def _boolean(value: object) -> bytes:
    if value is True:
        return b"\1"
    if value is False:
        return b"\0"
    raise Unusual


def _number(low: int, high: int) -> Write:
    def write(value: object) -> bytes:
        if type(value) is not int:
            raise Unusual
        if -_SHORT <= value < _SHORT:
            return _ONE_BYTE[value]
        if low <= value <= high:
            return written_long(value)
        raise Unusual

    return write


def _string(value: object) -> bytes:
    if type(value) is not str or not value.isascii():
        raise Unusual
    size = len(value)
    return (_ONE_BYTE[size] if size < _SHORT else written_long(size)) + value.encode()


_SCALARS: Final[dict[str, Write]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _number(INT_MIN, INT_MAX),
    "long": _number(_LONG_MIN, _LONG_MAX),
    "string": _string,
}


def _nullable(branches: Sequence[Any]) -> Write:
    nothing = _ONE_BYTE[branches.index("null")]
    place = 1 - branches.index("null")
    head, write = _ONE_BYTE[place], writer(branches[place])
    return lambda value: nothing if value is None else head + write(value)


def _enum(symbols: Sequence[str]) -> Write:
    places = {symbol: written_long(place) for place, symbol in enumerate(symbols)}

    def write(value: object) -> bytes:
        if type(value) is not str:
            raise Unusual
        return places[value]

    return write


def _array(item: Write) -> Write:
    def write(value: object) -> bytes:
        if type(value) is not list or len(value) > ITEMS_MAX:
            raise Unusual
        if not value:
            return b"\0"
        return b"".join([written_long(len(value)), *map(item, value), b"\0"])

    return write


def _record(fields: Sequence[tuple[str, Write]]) -> Write:
    def write(value: object) -> bytes:
        if type(value) is not dict or len(value) != len(fields):
            raise Unusual
        return b"".join([part(value[name]) for name, part in fields])

    return write
