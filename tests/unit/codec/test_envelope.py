"""The envelope of an event is read by its rules, fast or slow."""

from __future__ import annotations

from typing import Any

import pytest

from dojopool.codec.envelope import read_envelope
from dojopool.codec.wire import Malformed
from dojopool.core.event import STAMP_MAX
from dojopool.core.names import CONTEXT_NODES_MAX, COUNTER_MAX
from support.avro_samples import LEAN, pool_codecs

CODEC, _ = pool_codecs()
FIELDS = ("match", "node", "seq", "base", "context", "stamp")


def number(value: int) -> bytes:
    """A number that is not negative, as Avro writes it."""
    written, rest = b"", value << 1
    while rest > 0x7F:
        written, rest = written + bytes([rest & 0x7F | 0x80]), rest >> 7
    return written + bytes([rest])


def text(value: str) -> bytes:
    """A string, as Avro writes it."""
    return number(len(value.encode())) + value.encode()


def envelope(**changes: bytes) -> bytes:
    """The bytes of a good envelope, with some fields' bytes replaced."""
    parts = {
        "match": text("m-1"),
        "node": text("eu/a#1"),
        "seq": number(2),
        "base": b"\x00",
        "context": b"\x00",
        "stamp": number(1 << 56),
        **changes,
    }
    return b"".join(parts[field] for field in FIELDS)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"match": "M" * 128, "node": f"{'r' * 32}/{'i' * 64}#{'c' * 64}"},
        {"seq": 63},
        {"seq": 64},
        {"seq": COUNTER_MAX, "base": COUNTER_MAX - 1},
        {"base": 0},
        {"context": {}},
        {"context": {"us/a#1": 1, "us/b#1": COUNTER_MAX}},
        {"context": {f"us/{n:03}#1": n + 1 for n in range(CONTEXT_NODES_MAX)}},
        *({"stamp": stamp} for stamp in (0, 63, 64, (1 << 55) - 1, 1 << 55, (1 << 62) - 1, STAMP_MAX)),
    ],
)
def test_an_envelope_is_read_as_it_was_written(change: dict[str, Any]) -> None:
    """Every field at and around its limits comes back, and the position is that of the body."""
    event = {**LEAN, **change}
    data = CODEC.encode(**event)

    *found, pos = read_envelope(data, 10)

    assert found == [event[field] for field in FIELDS]
    assert data[pos:] == b"\x08\x02\x06ana\x06"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"match": text("m 1")}, "match"),
        ({"match": b"\x01"}, "negative"),
        ({"match": b"\x02\xff"}, "UTF-8"),
        ({"node": text("eu")}, "node"),
        ({"seq": b"\x00"}, "seq 0"),
        ({"seq": b"\x01"}, "seq -1"),
        ({"seq": b"\x84\x00"}, "padded"),
        ({"seq": number(COUNTER_MAX + 1)}, "seq"),
        ({"base": b"\x02\x04"}, "base 2"),
        ({"base": b"\x02\x01"}, "base -1"),
        ({"base": b"\x04"}, "no such member"),
        ({"base": b"\x01"}, "no such member"),
        ({"base": b"\x80\x00"}, "padded"),
        ({"context": b"\x03"}, "no such member"),
        ({"context": b"\x02\x02" + text("us") + b"\x02\x00"}, "node 'us'"),
        ({"context": b"\x02\x02" + text("eu/a#1") + b"\x02\x00"}, "own node"),
        ({"context": b"\x02\x02" + text("us/a#1") + b"\x00\x00"}, "counter 0"),
        ({"context": b"\x02\x02" + text("us/a#1") + b"\x01\x00"}, "counter -1"),
        ({"context": b"\x02\x04" + 2 * (text("us/a#1") + b"\x02") + b"\x00"}, "twice"),
        ({"context": b"\x02" + 2 * (b"\x02" + text("us/a#1") + b"\x02") + b"\x00"}, "twice"),
        ({"context": b"\x02\x01\x00" + text("us/a#1") + b"\x02\x00"}, "not as long"),
        ({"stamp": b"\x01"}, "stamp -1"),
        ({"stamp": number(STAMP_MAX + 1)}, "stamp"),
        ({"stamp": b"\x80" * 8 + b"\x00"}, "padded"),
        ({"stamp": b"\x81" + b"\x80" * 7 + b"\x01"}, "stamp -"),
        ({"stamp": b"\x80" * 9}, "ends inside"),
        ({"stamp": b"\xff" * 10 + b"\x00"}, "more than 10"),
    ],
)
def test_an_envelope_that_breaks_a_rule_is_refused(change: dict[str, bytes], reason: str) -> None:
    """Wrong bytes and wrong values are refused with a reason."""
    with pytest.raises(Malformed, match=reason):
        read_envelope(envelope(**change), 0)


def test_an_envelope_cut_anywhere_is_refused() -> None:
    """No prefix of an envelope is one."""
    whole = envelope(base=b"\x02\x02", context=b"\x02\x02" + text("us/a#1") + number(300) + b"\x00")

    assert read_envelope(whole, 0)[-1] == len(whole)
    for length in range(len(whole)):
        with pytest.raises(Malformed, match=r"ends inside|more items"):
            read_envelope(whole[:length], 0)


@pytest.mark.parametrize("blocks", [[CONTEXT_NODES_MAX + 1], [CONTEXT_NODES_MAX, 1]])
def test_a_context_of_too_many_nodes_is_refused_before_it_is_read(blocks: list[int]) -> None:
    """The limit counts over all blocks, and holds whatever the nodes are called."""
    context = b"\x02"
    for first, size in enumerate(blocks):
        items = b"".join(text(f"us/{first}-{item}#1") + b"\x02" for item in range(size))
        context += number(size) + items

    with pytest.raises(Malformed, match=f"more than {CONTEXT_NODES_MAX} nodes"):
        read_envelope(envelope(context=context + b"\x00"), 0)
