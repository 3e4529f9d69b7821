"""Canonical bytes of single values: one way to write each, and a reader that refuses all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dojopool.core.crdt.encoding import Reader, Writer
from dojopool.errors import CorruptState


def written(write: Callable[[Writer], object]) -> bytes:
    """What a call appends."""
    out = Writer()
    write(out)
    return bytes(out.buffer)


@pytest.mark.parametrize(
    ("number", "data"),
    [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (1 << 62, "808080808080808040")],
)
def test_unsigned(number: int, data: str) -> None:
    """A number is written in as few groups of seven bits as it needs, the lowest first."""
    assert written(lambda out: out.unsigned(number)).hex() == data
    assert Reader(bytes.fromhex(data)).unsigned() == number


@pytest.mark.parametrize("number", [0, -1, 1, -2, 63, 64, -64, -65, 1 << 40, (1 << 63) - 1, -(1 << 63)])
def test_signed(number: int) -> None:
    """Every whole number of 64 bits comes back."""
    source = Reader(written(lambda out: out.signed(number)))

    assert source.signed() == number
    source.finish()


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, "00"),
        (False, "01"),
        (True, "02"),
        (0, "0300"),
        (1, "0302"),
        (-1, "0301"),
        (63, "037e"),
        (64, "038001"),
        ("", "0400"),
        ("é", "0402c3a9"),
    ],
)
def test_scalar(value: Any, data: str) -> None:
    """A scalar stands behind the tag of its type, so that 1, True and '1' differ."""
    found = Reader(bytes.fromhex(data)).scalar()

    assert written(lambda out: out.scalar(value)).hex() == data
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("place", [0, 127, 128])
@pytest.mark.parametrize("seq", [1, 127, 128, 70_000])
def test_dot(place: int, seq: int) -> None:
    """A dot names its node by its place in the clock, however large place and counter are."""
    clock = {f"n{number:03}": seq for number in range(200)}
    node = f"n{place:03}"
    out = Writer()
    out.clock(clock)
    out.dot(node, seq)
    source = Reader(bytes(out.buffer))

    assert source.clock() == clock
    assert source.dot() == (node, seq)
    source.finish()


@pytest.mark.parametrize("stamp", [0, 1, 1 << 48, 1 << 62])
def test_stamp(stamp: int) -> None:
    """A stamp takes eight bytes, however large it is."""
    data = written(lambda out: out.stamp(stamp))
    source = Reader(data)

    assert data == stamp.to_bytes(8, "big")
    assert source.stamp() == stamp
    source.finish()


def test_clock_is_written_in_order_of_node() -> None:
    """Clocks that were filled in different orders have the same bytes."""
    assert written(lambda out: out.clock({"b": 2, "a": 1})) == written(lambda out: out.clock({"a": 1, "b": 2}))


def test_raw_is_what_was_written() -> None:
    """Bytes stand behind their length."""
    source = Reader(written(lambda out: out.raw(b"\x00\xff")))

    assert source.raw() == b"\x00\xff"


REFUSED: list[tuple[str, str, Callable[[Reader], object]]] = [
    ("the end of the input", "", Reader.unsigned),
    ("the end inside a number", "80", Reader.unsigned),
    ("a padded number", "8000", Reader.unsigned),
    ("a number of eleven bytes", "ff" * 10 + "01", Reader.unsigned),
    ("more bytes than there are", "0541", Reader.raw),
    ("a string that is not UTF-8", "01ff", Reader.text),
    ("half of a surrogate pair", "03eda080", Reader.text),
    ("the end inside a stamp", "00" * 7, Reader.stamp),
    ("a tag of no type", "05", Reader.scalar),
    ("a clock out of order", "02016201016101", Reader.clock),
    ("a clock with a node twice", "02016101016101", Reader.clock),
    ("a clock with a zero", "01016100", Reader.clock),
    ("more nodes than there are", "02016101", Reader.clock),
    ("a dot without a clock", "0001", Reader.dot),
]


@pytest.mark.parametrize(("data", "read"), [pytest.param(data, read, id=name) for name, data, read in REFUSED])
def test_what_no_writer_wrote_is_refused(data: str, read: Callable[[Reader], object]) -> None:
    """Bytes that mean nothing, or that a writer would have written otherwise, raise CorruptState."""
    with pytest.raises(CorruptState):
        read(Reader(bytes.fromhex(data)))


@pytest.mark.parametrize("dot", ["0004", "0000", "0101"])
def test_a_dot_outside_the_clock_is_refused(dot: str) -> None:
    """A state cannot hold a dot that was not delivered."""
    source = Reader(bytes.fromhex("01016103" + dot))
    source.clock()

    with pytest.raises(CorruptState):
        source.dot()


def test_the_last_delivered_dot_is_read() -> None:
    """The newest dot of a node is within the clock."""
    source = Reader(bytes.fromhex("010161030003"))
    source.clock()

    assert source.dot() == ("a", 3)


def test_bytes_behind_the_end_are_refused() -> None:
    """A state ends where its last value does."""
    source = Reader(b"\x01\x02")
    source.unsigned()

    with pytest.raises(CorruptState, match="1 bytes are left"):
        source.finish()
    source.unsigned()
    source.finish()
