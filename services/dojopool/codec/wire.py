"""Avro's binary form, read strictly: the primitives under the generated decoders and under the judge of foreign
schemas.

A log is open to any writer, and Avro readers are usually lenient: they take a union index of -1, a boolean of 7, a
number padded to a megabyte, bytes left over at the end. Two readers that are lenient in different ways disagree about
what an event says. So here every value has one way to be written, or is refused with a reason.

What is allowed beyond the obvious: arrays and maps in several blocks, and blocks that state their size, because writers
in other languages produce them.

Every function takes the data and a position and returns the value and the position behind it. Plain typed Python on the
standard library, so that mypyc compiles it as it is. Values that run past the end raise Malformed, like all others.
"""

from __future__ import annotations

from typing import Final

from dojopool.core.names import NAMES_CACHED_MAX, match_fault, node_fault
from dojopool.errors import RefusedRecord

RECORD_BYTES_MAX: Final = 64 * 1024
"""Longest record that is looked at. A constant, not a setting: all regions must refuse the same records."""

MARKER: Final = b"\xc3\x01"
HEADER_BYTES: Final = 10
"""The marker and the 8 bytes of the writer schema's fingerprint."""

NUMBER_BYTES_MAX: Final = 10
"""A 64-bit number, seven bits a byte."""

NOT_ONE_BYTE: Final = 0x81
"""Bits of a number's first byte that are set when it is negative or goes on: it is then no length of one byte."""

INT_MIN: Final = -(1 << 31)
INT_MAX: Final = (1 << 31) - 1

ENDS_EARLY: Final = "the record ends inside a value"
TRAILING: Final = "bytes are left over behind the last value"
BAD_TEXT: Final = "a string is not UTF-8"
BAD_BOOLEAN: Final = "a boolean is neither 0 nor 1"
BAD_INT: Final = "an int does not fit in 32 bits"
BAD_INDEX: Final = "a union or enum has no such member"
REPEATED_KEY: Final = "a map has a key twice"


class Malformed(RefusedRecord):
    """Bytes that are not the strict encoding of a value. The text is the reason."""


def single_object(fingerprint: bytes) -> bytes:
    """The header in front of a body written with the schema of this 8-byte, little-endian fingerprint."""
    return MARKER + fingerprint


def fingerprint_of(data: bytes) -> bytes:
    """The writer schema's fingerprint from a record's header. Raises Malformed when it has no such header."""
    if len(data) < HEADER_BYTES or data[:2] != MARKER:
        raise Malformed(
            f"not in single-object encoding: {len(data)} bytes, beginning with {data[:2].hex() or 'nothing'}"
        )
    return data[2:HEADER_BYTES]


def read_long(data: bytes, pos: int) -> tuple[int, int]:
    """A 64-bit number in its shortest form: seven bits a byte, lowest first, the sign in the lowest bit."""
    value = 0
    shift = 0
    size = len(data)
    while True:
        if pos >= size:
            raise Malformed(ENDS_EARLY)
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift == 70:
            raise Malformed(f"a number takes more than {NUMBER_BYTES_MAX} bytes")
    if byte == 0 and shift:
        raise Malformed("a number is padded with zeros")
    if shift == 63 and byte > 1:
        raise Malformed("a number does not fit in 64 bits")
    return (value >> 1) ^ -(value & 1), pos


def read_int(data: bytes, pos: int) -> tuple[int, int]:
    """A number of 32 bits."""
    value, pos = read_long(data, pos)
    if value < INT_MIN or value > INT_MAX:
        raise Malformed(BAD_INT)
    return value, pos


def read_boolean(data: bytes, pos: int) -> tuple[bool, int]:
    """A byte that is 0 or 1."""
    if pos >= len(data):
        raise Malformed(ENDS_EARLY)
    byte = data[pos]
    if byte > 1:
        raise Malformed(BAD_BOOLEAN)
    return byte == 1, pos + 1


def read_length(data: bytes, pos: int) -> tuple[int, int]:
    """A number of bytes."""
    length, pos = read_long(data, pos)
    if length < 0:
        raise Malformed("a length is negative")
    return length, pos


def read_raw(data: bytes, pos: int) -> tuple[bytes, int]:
    """Bytes behind their length."""
    length, pos = read_length(data, pos)
    end = pos + length
    if end > len(data):
        raise Malformed(ENDS_EARLY)
    return data[pos:end], end


def read_string(data: bytes, pos: int) -> tuple[str, int]:
    """UTF-8 behind its length in bytes."""
    raw, pos = read_raw(data, pos)
    try:
        return raw.decode(), pos
    except UnicodeDecodeError as error:
        raise Malformed(BAD_TEXT) from error


def read_index(data: bytes, pos: int, count: int) -> tuple[int, int]:
    """The place of a union's branch or an enum's symbol among `count`."""
    index, pos = read_long(data, pos)
    if index < 0 or index >= count:
        raise Malformed(BAD_INDEX)
    return index, pos


def read_block(data: bytes, pos: int, end: int = -1) -> tuple[int, int, int]:
    """The head of the next block of an array or map: its number of items, where it must end, and the position.

    No items: the block before was the last. An end of -1: the block does not say where. `end` is what the block before
    said. Every item takes at least one byte (the schema guard sees to that), so more items than bytes are refused
    before any is read.
    """
    if end >= 0 and pos != end:
        raise Malformed("a block is not as long as it states")
    count, pos = read_long(data, pos)
    end = -1
    if count < 0:
        count = -count
        length, pos = read_length(data, pos)
        end = pos + length
    if count > len(data) - pos:
        raise Malformed("an array or map has more items than the record has bytes")
    return count, end, pos


MATCHES: Final[dict[bytes, str]] = {}
NODES: Final[dict[bytes, str]] = {}
"""Names already checked, by their bytes: those of one process's matches and writers come again and again. Bounded."""


def read_match(data: bytes, pos: int) -> tuple[str, int]:
    """A checked match id. Equal ids are one object, so that later look-ups compare by identity."""
    raw, pos = read_raw(data, pos)
    match = MATCHES.get(raw)
    if match is None:
        match = _learn(raw, MATCHES)
    return match, pos


def read_node(data: bytes, pos: int) -> tuple[str, int]:
    """A checked node name, one object for equal names."""
    raw, pos = read_raw(data, pos)
    node = NODES.get(raw)
    if node is None:
        node = _learn(raw, NODES)
    return node, pos


def _learn(raw: bytes, known: dict[bytes, str]) -> str:
    """Check a name not met before and remember it; names that break the rules are not remembered."""
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed(BAD_TEXT) from error
    fault = match_fault(name) if known is MATCHES else node_fault(name)
    if fault is not None:
        raise Malformed(fault)
    if len(known) >= NAMES_CACHED_MAX:
        known.clear()
    known[raw] = name
    return name
