"""The envelope of an event, read from bytes: the part that is the same for every game and every release of its schema.

It stands apart from the body because the two fail differently. An event without a valid envelope names no dot and is
dropped as a dead letter. With one it still counts, even if its body is refused, so that its node is not blocked for
ever. The field order is that of the schemas; `schema_guard.ENVELOPE` holds every event schema to it.

Every record read goes through here, so the usual form of each field is read on the spot, without a call: a length or
counter of one byte, names met before, a null base and context, a stamp of our century. Everything else, and everything
that is wrong, is left to the primitives of `wire`, which read the same field again from its start.
"""

from __future__ import annotations

from typing import Final

from dojopool.codec.wire import (
    ENDS_EARLY,
    MATCHES,
    NODES,
    NOT_ONE_BYTE,
    REPEATED_KEY,
    Malformed,
    read_block,
    read_index,
    read_long,
    read_match,
    read_node,
)
from dojopool.core.event import STAMP_MAX
from dojopool.core.names import CONTEXT_NODES_MAX, COUNTER_MAX, numbers_fault


def read_envelope(data: bytes, pos: int) -> tuple[str, str, int, int | None, dict[str, int] | None, int, int]:
    """Match, node, seq, base, context and stamp from `pos` on, and the position of the body.

    Raises Malformed for bytes that are not an envelope, and for an envelope that breaks the rules of `core.names`.
    """
    base: int | None = None
    context: dict[str, int] | None = None
    try:
        end = pos + 1 + (data[pos] >> 1)
        match = None if data[pos] & NOT_ONE_BYTE else MATCHES.get(data[pos + 1 : end])
        if match is None:
            match, end = read_match(data, pos)
        pos = end + 1 + (data[end] >> 1)
        node = None if data[end] & NOT_ONE_BYTE else NODES.get(data[end + 1 : pos])
        if node is None:
            node, pos = read_node(data, end)
        if data[pos] & NOT_ONE_BYTE:
            seq, pos = read_long(data, pos)
        else:
            seq = data[pos] >> 1
            pos += 1
        if data[pos] == 0:
            pos += 1
        else:
            _, pos = read_index(data, pos, 2)
            base, pos = read_long(data, pos)
        if data[pos] == 0:
            pos += 1
        else:
            _, pos = read_index(data, pos, 2)
            context, pos = _read_context(data, pos)
        stamp, pos = _read_stamp(data, pos)
    except IndexError:
        raise Malformed(ENDS_EARLY) from None
    if base is not None or context or seq < 1 or seq > COUNTER_MAX or stamp < 0 or stamp > STAMP_MAX:
        fault = numbers_fault(node, seq, base, context, stamp)
        if fault is not None:
            raise Malformed(fault)
    return match, node, seq, base, context, stamp, pos


def _read_context(data: bytes, pos: int) -> tuple[dict[str, int], int]:
    """A map of node to counter, refused as soon as it is too long."""
    context: dict[str, int] = {}
    count, end, pos = read_block(data, pos)
    while count:
        if len(context) + count > CONTEXT_NODES_MAX:
            raise Malformed(f"context names more than {CONTEXT_NODES_MAX} nodes")
        for _ in range(count):
            stop = pos + 1 + (data[pos] >> 1)
            node = None if data[pos] & NOT_ONE_BYTE else NODES.get(data[pos + 1 : stop])
            if node is None:
                node, stop = read_node(data, pos)
            if node in context:
                raise Malformed(REPEATED_KEY)
            if data[stop] & NOT_ONE_BYTE:
                context[node], pos = read_long(data, stop)
            else:
                context[node] = data[stop] >> 1
                pos = stop + 1
        count, end, pos = read_block(data, pos, end)
    return context, pos


_CONTINUED: Final = sum(0x80 << 7 * place for place in range(8))
"""What the continuation bits of eight bytes add to a number put together from whole bytes."""


def _read_stamp(data: bytes, pos: int) -> tuple[int, int]:
    """A stamp; those from 1987 on take nine bytes, which are taken at once."""
    if len(data) - pos < 9:
        return read_long(data, pos)
    a, b, c, d, e = data[pos], data[pos + 1], data[pos + 2], data[pos + 3], data[pos + 4]
    f, g, h, last = data[pos + 5], data[pos + 6], data[pos + 7], data[pos + 8]
    if not a & b & c & d & e & f & g & h >= 0x80 > last > 0:
        return read_long(data, pos)
    low = a + (b << 7) + (c << 14) + (d << 21)
    high = e + (f << 7) + (g << 14) + (h << 21)
    value = low + (high << 28) + (last << 56) - _CONTINUED
    return (value >> 1) ^ -(value & 1), pos + 9
