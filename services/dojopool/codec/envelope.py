"""The envelope of an event, read from bytes: the part that is the same for every game and every release of its schema.

It stands apart from the body because the two fail differently. An event without a valid envelope names no dot and is
dropped as a dead letter. With one it still counts, even if its body is refused, so that its node is not blocked for
ever.

The field order is that of the schemas (`schema_guard.ENVELOPE` holds every event schema to it).
"""

from __future__ import annotations

from dojopool.codec.wire import REPEATED_KEY, Malformed, read_block, read_index, read_long, read_match, read_node
from dojopool.core.names import CONTEXT_NODES_MAX, numbers_fault


def read_envelope(data: bytes, pos: int) -> tuple[str, str, int, int | None, dict[str, int] | None, int, int]:
    """Match, node, seq, base, context and stamp from `pos` on, and the position of the body.

    Raises Malformed for bytes that are not an envelope, and for an envelope that breaks the rules of `core.names`.
    """
    match, pos = read_match(data, pos)
    node, pos = read_node(data, pos)
    seq, pos = read_long(data, pos)
    base: int | None = None
    branch, pos = read_index(data, pos, 2)
    if branch:
        base, pos = read_long(data, pos)
    context: dict[str, int] | None = None
    branch, pos = read_index(data, pos, 2)
    if branch:
        context, pos = _read_context(data, pos)
    stamp, pos = read_long(data, pos)
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
            node, pos = read_node(data, pos)
            if node in context:
                raise Malformed(REPEATED_KEY)
            context[node], pos = read_long(data, pos)
        count, end, pos = read_block(data, pos, end)
    return context, pos
