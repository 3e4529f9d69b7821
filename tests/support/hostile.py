"""A corpus of records that nobody should send, and what is to become of each: one table for all tests of hostile input.

Every case has a match of its own, so that it can be seen there what the case did, and so that all of them can be fed
into one partition together. Bytes are put together here, field by field, since the codec refuses to write most of them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from dojopool.codec.event_codec import EventCodec
from dojopool.codec.wire import RECORD_BYTES_MAX
from dojopool.core.partition import partition_of
from support.avro_samples import POOL as POOL_SCHEMA
from support.avro_samples import field
from support.pipeline import POOL, mark

PARTITIONS: Final = 2
HERE: Final = 0
"""The partition that all cases go to."""

NODE: Final = "eu/gs-1#a"
STAMP: Final = 1_754_000_000_000 << 16


class Becomes(Enum):
    """What is to become of the last record of a case; those before it are sound."""

    APPLIED = "applied"
    NO_OP = "a letter, and delivered without its writes"
    LETTER = "a letter only"
    HELD = "a letter, and held until its schema is known"
    WAITS = "waits for what is missing"
    REPEATED = "dropped as a repeat"
    SECOND = "dropped as a second payload under one dot"


@dataclass(frozen=True, slots=True)
class Case:
    """Records of one match in the stream of eu, as keys and values, and what becomes of the last one."""

    name: str
    match: str
    records: tuple[tuple[bytes | None, bytes | None], ...]
    becomes: Becomes
    reason: str = ""
    """Part of what the letter says."""
    applied: int = 0
    """How many points the match shows in the end."""

    @property
    def letters(self) -> int:
        """How many letters the case makes."""
        return int(self.becomes in (Becomes.NO_OP, Becomes.LETTER, Becomes.HELD))

    @property
    def waits(self) -> int:
        """How many records wait with its match in the end."""
        return int(self.becomes in (Becomes.HELD, Becomes.WAITS))


# --- bytes


def number(value: int) -> bytes:
    """An Avro int or long."""
    rest, out = (value << 1) ^ (value >> 63), bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def text(value: str) -> bytes:
    """An Avro string."""
    return number(len(value.encode())) + value.encode()


POINTS: Final = number(4)
"""The union's branch of points awarded."""


def points_body(points: int = 1, *, player: bytes | None = None) -> bytes:
    """The body of points for ana in frame 1."""
    return POINTS + number(1) + (text("ana") if player is None else player) + number(points)


def event(
    match: str,
    *,
    node: str = NODE,
    seq: int = 1,
    base: bytes = b"\0",
    context: bytes = b"\0",
    stamp: int = STAMP,
    body: bytes | None = None,
) -> bytes:
    """An event of pool, whatever the fields say."""
    envelope = text(match) + text(node) + number(seq) + base + context + number(stamp)
    return b"\xc3\x01" + POOL.codec.fingerprint + envelope + (points_body() if body is None else body)


# --- a newer program


def _newer_schema() -> Mapping[str, Any]:
    """The pool schema with a field more in the points."""
    schema = copy.deepcopy(dict(POOL_SCHEMA))
    bodies = schema["fields"][-1]["type"]
    [awarded] = [body for body in bodies if body["name"] == "PointsAwarded"]
    awarded["fields"].append({**field("ball", ["null", "string"]), "default": None})
    return schema


NEWER_SCHEMA: Final = _newer_schema()
NEWER: Final = EventCodec(NEWER_SCHEMA, released=[POOL_SCHEMA])
"""The codec of a program that knows what `unknown schema` was written with."""


def newer_points(match: str, seq: int) -> bytes:
    """A point for ana, written with a schema that today's program does not know."""
    body = {"frame": 1, "player": "ana", "points": 1, "ball": "black"}
    return NEWER.encode(
        match=match, node=NODE, seq=seq, base=None, context=None, stamp=STAMP + seq, type="points_awarded", body=body
    )


# --- the table

_names = (name for index in range(10_000) if partition_of(name := f"h-{index}", PARTITIONS) == HERE)
STRANGER: Final = next(name for index in range(99) if partition_of(name := f"s-{index}", PARTITIONS) != HERE)
"""A match of another partition."""


def _case(name: str, match: str, *values: bytes | None, becomes: Becomes, reason: str = "", applied: int = 0) -> Case:
    """Values keyed by the case's match."""
    records = tuple((match.encode(), value) for value in values)
    return Case(name, match, records, becomes, reason, applied)


def _letter(name: str, reason: str, value: bytes | None = None, **fields: Any) -> Case:
    """A record that is a letter and nothing else: a value, or an event with these fields."""
    match = next(_names)
    made = event(match, **fields) if value is None else value
    return _case(name, match, made, becomes=Becomes.LETTER, reason=reason)


def _no_op(name: str, reason: str, body: bytes) -> Case:
    """A sound envelope around a body that is refused."""
    match = next(_names)
    return _case(name, match, event(match, body=body), becomes=Becomes.NO_OP, reason=reason)


def _applied(name: str, **fields: Any) -> Case:
    """An event at a limit, within it."""
    match = next(_names)
    return _case(name, match, event(match, **fields), becomes=Becomes.APPLIED, applied=1)


def _waits(name: str, **fields: Any) -> Case:
    """An event behind others that will never come."""
    match = next(_names)
    return _case(name, match, event(match, **fields), becomes=Becomes.WAITS)


def _seen(*others: tuple[str, int], count: int | None = None) -> bytes:
    """A context."""
    size = len(others) if count is None else count
    return number(1) + number(size) + b"".join(text(node) + number(seq) for node, seq in others) + b"\0"


def _places() -> list[Case]:
    """Sound bytes in the wrong place."""
    wrong_key, foreign, tombstone, no_key = (next(_names) for _ in range(4))
    stranger = ((STRANGER.encode(), event(STRANGER)),)
    return [
        Case("another match's key", wrong_key, ((wrong_key.encode(), event("m-1")),), Becomes.LETTER, "not the match"),
        Case("no key", no_key, ((None, event(no_key)),), Becomes.LETTER, "no match id"),
        Case("another partition", STRANGER, stranger, Becomes.LETTER, "belongs to partition 1"),
        _letter("another region", "is not of region eu", node="us/gs-2#b"),
        _letter("another region's mark", "in the stream of region eu", mark(1, region="us")),
        Case("no value", tombstone, ((tombstone.encode(), None),), Becomes.LETTER, "no value"),
        Case(
            "unknown schema in another partition",
            foreign,
            ((STRANGER.encode(), newer_points(STRANGER, 1)),),
            Becomes.LETTER,
            "belongs to partition 1",
        ),
    ]


def _bytes() -> list[Case]:
    """What is no event at all."""
    whole = event(next(_names))
    head = whole[:10]
    return [
        _letter("nothing", "single-object", b""),
        _letter("noise", "single-object", b"damaged"),
        _letter("a marker alone", "single-object", b"\xc3\x01"),
        _letter("JSON", "single-object", b'{"match": "m-1", "points": 3}'),
        _letter("a header alone", "ends inside", head),
        _letter("an envelope cut short", "ends inside", whole[:20]),
        _letter("oversized", "more than 65536", b"x" * 900_000),
        _letter("oversized behind a good header", "more than 65536", head + bytes(RECORD_BYTES_MAX)),
        _letter("a mark cut short", "ends inside", mark(1)[:-1]),
        _letter("a number padded to the limit", "more than 10 bytes", head + b"\x80" * (RECORD_BYTES_MAX - 10)),
        _letter("a string of 2^62 bytes", "ends inside", head + number(1 << 62)),
        _letter("a string of 2^31 bytes", "ends inside", head + number(1 << 31) + b"m-1"),
        _letter("a string of negative length", "negative", head + number(-5) + b"m-1"),
        _letter("a name with a control character", "match", head + text("m\n1")),
        _letter("a name that is not UTF-8", "UTF-8", head + number(2) + b"\xff\xfe"),
    ]


def _numbers() -> list[Case]:
    """Counters, stamps and contexts at their limits and behind them."""
    top = (1 << 62) - 1
    many = tuple((f"us/gs-{index}#b", 1) for index in range(512))
    return [
        _waits("a counter jump of 2^40", seq=1 << 40),
        _waits("the highest counter", seq=top),
        _waits("a context 2^40 ahead", context=_seen(("us/gs-9#z", 1 << 40))),
        _waits("a context of 512 nodes nobody knows", context=_seen(*many)),
        _letter("a counter too high", "seq", seq=top + 1),
        _letter("a counter of zero", "seq 0", seq=0),
        _letter("a negative counter", "seq -1", seq=-1),
        _letter("a base that is not below the counter", "base 1", base=number(1) + number(1)),
        _letter("a context with its own node", "own node", context=_seen((NODE, 1))),
        _letter("a context with a zero", "counter 0", context=_seen(("us/gs-9#z", 0))),
        _letter("a context with a node twice", "twice", context=_seen(("us/gs-9#z", 1), ("us/gs-9#z", 2))),
        _letter("a context of 513 nodes", "more than 512", context=_seen(*many, ("us/x#b", 1))),
        _letter("a context of 2^40 nodes", "more items", context=_seen(count=1 << 40)),
        _letter("a context of -2^63 nodes", "more items", context=number(1) + number(-(1 << 63)) + b"\0\0"),
        _letter("a union member of -1", "no such member", base=number(-1)),
        _applied("the lowest stamp", stamp=0),
        _applied("the highest stamp", stamp=1 << 62),
        _letter("a stamp too high", "stamp", stamp=(1 << 62) + 1),
        _letter("a negative stamp", "stamp -1", stamp=-1),
    ]


def _bodies() -> list[Case]:
    """Sound envelopes whose body is refused."""
    scheduled = number(0)
    return [
        _no_op("a reducer that raises", "refused it: 0 points", points_body(0)),
        _no_op("no body", "ends inside", b""),
        _no_op("a body cut short", "ends inside", points_body()[:-1]),
        _no_op("bytes behind the body", "left over", points_body() + b"\0"),
        _no_op("a body of no type", "no such member", number(8)),
        _no_op("a body of type -1", "no such member", number(-1)),
        _no_op("an int of 40 bits", "32 bits", points_body(1 << 40)),
        _no_op("a player of 2^40 bytes", "ends inside", points_body(player=number(1 << 40))),
        _no_op("a player that is not UTF-8", "UTF-8", points_body(player=number(1) + b"\xff")),
        _no_op("an array of 2^40 items", "more items", scheduled + number(1 << 40)),
        _no_op("an array of -2^63 items", "more items", scheduled + number(-(1 << 63)) + b"\0"),
        _no_op("a block longer than it states", "states", scheduled + number(-1) + number(1) + text("ana") + b"\0"),
        _no_op("an enum of no symbol", "no such member", scheduled + b"\0" + number(1) + number(2) + number(1)),
    ]


def _histories() -> list[Case]:
    """Records that are wrong because of others before them."""
    again, held, twice, rival, waiting = (next(_names) for _ in range(5))
    wait = event(waiting, seq=3)
    return [
        _case("sent twice", again, event(again), event(again), becomes=Becomes.REPEATED, applied=1),
        _case("waits, sent twice", waiting, wait, wait, becomes=Becomes.WAITS),
        _case(
            "a second payload under one dot",
            rival,
            event(rival),
            event(rival, body=points_body(50)),
            becomes=Becomes.SECOND,
            applied=1,
        ),
        _case(
            "a second stamp under one dot",
            twice,
            event(twice),
            event(twice, stamp=STAMP + 1),
            becomes=Becomes.SECOND,
            applied=1,
        ),
        _case(
            "unknown schema",
            held,
            event(held),
            newer_points(held, 2),
            becomes=Becomes.HELD,
            reason="not among the released schemas",
            applied=1,
        ),
    ]


CORPUS: Final = (*_places(), *_bytes(), *_numbers(), *_bodies(), *_histories())

NEIGHBOUR: Final = next(_names)
"""A match of the same partition, for sound events between the cases."""
