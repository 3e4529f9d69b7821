"""Names of matches, nodes and regions, and the limits of an event's envelope: what every writer and every reader
agrees on.

A schema says that `node` is a string and `seq` a number; it cannot say which ones. These rules can, and they stand
here once: the writer checks them before sending and each decoder after reading, so a record refused in one region is
refused in all of them. They depend on the values alone, never on a clock, a setting or what was read before.

A *fault* is a sentence that names the rule and what was found; None means that there is nothing to say against the
value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from dojopool.core.event import STAMP_MAX

COUNTER_MAX: Final = (1 << 62) - 1
"""Highest `seq` and highest counter in a context: a signed 64-bit schema field with room for arithmetic."""

CONTEXT_NODES_MAX: Final = 512
"""Most nodes one context may name. Far more than write on one match, and small enough for one record to carry."""

NODE_CHARACTERS_MAX: Final = 162
"""Longest name that the pattern below lets through."""

NAMES_CACHED_MAX: Final = 1 << 14
"""Names remembered as already checked. More than a process meets at a time; bounded because names come from outside."""

MATCH_PATTERN: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
REGION_PATTERN: Final = re.compile(r"[a-z0-9-]{1,32}")
NODE_PATTERN: Final = re.compile(r"[a-z0-9-]{1,32}/[A-Za-z0-9_.-]{1,64}#[A-Za-z0-9_.-]{1,64}")

_SHOWN_CHARACTERS_MAX = 160


def match_fault(match: str) -> str | None:
    """What is wrong with a match id."""
    if MATCH_PATTERN.fullmatch(match):
        return None
    return f"match {_shown(match)} is not 1 to 128 of letters, digits, '.', '_', ':' and '-'"


def region_fault(region: str) -> str | None:
    """What is wrong with the name of a region."""
    if REGION_PATTERN.fullmatch(region):
        return None
    return f"region {_shown(region)} is not 1 to 32 of small letters, digits and '-'"


def node_fault(node: str) -> str | None:
    """What is wrong with the name of a node."""
    if len(node) > NODE_CHARACTERS_MAX:  # asked first: what is remembered below must not be as long as a record
        return f"node {_shown(node)} has more than {NODE_CHARACTERS_MAX} characters"
    return _short_node_fault(node)


@lru_cache(maxsize=NAMES_CACHED_MAX)
def _short_node_fault(node: str) -> str | None:
    if NODE_PATTERN.fullmatch(node):
        return None
    return f"node {_shown(node)} is not region/instance#incarnation, such as eu/gs-7#k3f9a2"


@lru_cache(maxsize=NAMES_CACHED_MAX)
def region_of(node: str) -> str:
    """The region a node writes in. The name must have been checked."""
    return node[: node.index("/")]


def envelope_fault(
    *, match: object, node: object, seq: object, base: object, context: object, stamp: object
) -> str | None:
    """What is wrong with an envelope that anyone may have put together: types first, then names and ranges.

    Nothing is known of the arguments yet, which is why they have no types: compiled code would check those itself, and
    raise where a fault is wanted.
    """
    if not isinstance(match, str):
        return f"match {_shown(match)} is not a string"
    if not isinstance(node, str):
        return f"node {_shown(node)} is not a string"
    if not isinstance(seq, int) or isinstance(seq, bool):
        return f"seq {_shown(seq)} is not an integer"
    if base is not None and (not isinstance(base, int) or isinstance(base, bool)):
        return f"base {_shown(base)} is not an integer"
    if not isinstance(stamp, int) or isinstance(stamp, bool):
        return f"stamp {_shown(stamp)} is not an integer"
    if context is None:
        return match_fault(match) or node_fault(node) or numbers_fault(node, seq, base, None, stamp)
    if not isinstance(context, Mapping):
        return f"context {_shown(context)} is not an object"
    counters = dict(context)
    return (
        _counters_fault(counters)
        or match_fault(match)
        or node_fault(node)
        or numbers_fault(node, seq, base, counters, stamp)
    )


def _counters_fault(counters: dict[object, object]) -> str | None:
    """What is wrong with the types and names in a context."""
    for node, counter in counters.items():
        if not isinstance(node, str) or not isinstance(counter, int) or isinstance(counter, bool):
            return f"context: {_shown(node)} to {_shown(counter)} is not a node to an integer"
        fault = node_fault(node)
        if fault is not None:
            return f"context: {fault}"
    return None


def numbers_fault(node: str, seq: int, base: int | None, context: dict[str, int] | None, stamp: int) -> str | None:
    """What is wrong with the numbers of an envelope whose types and names are known to be good."""
    if not 1 <= seq <= COUNTER_MAX:
        return f"seq {seq} is not in 1..{COUNTER_MAX}"
    if base is not None and not 0 <= base < seq:
        return f"base {base} is not in 0..{seq - 1}, below its seq"
    if context:
        if len(context) > CONTEXT_NODES_MAX:
            return f"context names {len(context)} nodes, at most {CONTEXT_NODES_MAX} are allowed"
        if node in context:
            return f"context names the event's own node {node!r}; what it had read of itself is base"
        for other, counter in context.items():
            if not 1 <= counter <= COUNTER_MAX:
                return f"context: counter {counter} of {other!r} is not in 1..{COUNTER_MAX}"
    if not 0 <= stamp <= STAMP_MAX:
        return f"stamp {stamp} is not in 0..{STAMP_MAX}"
    return None


def mark_fault(*, region: str, tick: int, time_ms: int) -> str | None:
    """What is wrong with the fields of a mark."""
    if not 1 <= tick <= COUNTER_MAX:
        return f"tick {tick} is not in 1..{COUNTER_MAX}"
    if not 0 <= time_ms <= COUNTER_MAX:
        return f"time {time_ms} is not in 0..{COUNTER_MAX}"
    return region_fault(region)


def _shown(value: object) -> str:
    """A value as an error may print it: escaped and cut."""
    shown = ascii(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS_MAX else shown[:_SHOWN_CHARACTERS_MAX] + "..."
