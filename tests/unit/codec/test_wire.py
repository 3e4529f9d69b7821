"""The primitives of Avro's binary form take one encoding of a value and refuse all others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dojopool.codec import wire
from dojopool.codec.wire import Malformed
from dojopool.core.names import NAMES_CACHED_MAX

Read = Callable[[bytes, int], tuple[object, int]]


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("00", 0),
        ("01", -1),
        ("02", 1),
        ("7f", -64),
        ("8001", 64),
        ("feffffff0f", (1 << 31) - 1),
        ("ffffffff0f", -(1 << 31)),
        ("feffffffffffffffff01", (1 << 63) - 1),
        ("ffffffffffffffffff01", -(1 << 63)),
    ],
)
def test_a_long_is_read_to_its_limits(data: str, value: int) -> None:
    """Numbers from the smallest to the largest are read, and the position is behind them."""
    raw = bytes.fromhex(data)

    assert wire.read_long(b"\xaa" + raw + b"\xaa", 1) == (value, 1 + len(raw))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "ends inside"),
        ("80", "ends inside"),
        ("8000", "padded"),
        ("868000", "padded"),
        ("feffffffffffffffff02", "64 bits"),
        ("ffffffffffffffffff7f", "64 bits"),
        ("ff" * 11, "more than 10 bytes"),
        ("80" * 1000, "more than 10 bytes"),
    ],
)
def test_a_long_has_one_encoding(data: str, reason: str) -> None:
    """A number that is cut, padded, or of more than 64 bits or 10 bytes is refused."""
    with pytest.raises(Malformed, match=reason):
        wire.read_long(bytes.fromhex(data), 0)


@pytest.mark.parametrize(
    ("read", "data", "value"),
    [
        (wire.read_int, "feffffff0f", (1 << 31) - 1),
        (wire.read_int, "ffffffff0f", -(1 << 31)),
        (wire.read_boolean, "00", False),
        (wire.read_boolean, "01", True),
        (wire.read_string, "00", ""),
        (wire.read_string, "08f09f8eb1", "🎱"),
        (wire.read_raw, "04ff00", b"\xff\x00"),
        (wire.read_match, "046d31", "m1"),
        (wire.read_node, "0c65752f612331", "eu/a#1"),
    ],
)
def test_a_value_is_read(read: Read, data: str, value: object) -> None:
    """A value's encoding gives the value, of its own type, and the position behind it."""
    raw = bytes.fromhex(data)

    found, pos = read(raw, 0)

    assert found == value
    assert type(found) is type(value)
    assert pos == len(raw)


@pytest.mark.parametrize(
    ("read", "data", "reason"),
    [
        (wire.read_int, "8080808010", "32 bits"),
        (wire.read_int, "8180808010", "32 bits"),
        (wire.read_boolean, "", "ends inside"),
        (wire.read_boolean, "02", "boolean"),
        (wire.read_boolean, "07", "boolean"),
        (wire.read_boolean, "ff", "boolean"),
        (wire.read_string, "02", "ends inside"),
        (wire.read_string, "01", "negative"),
        (wire.read_string, "feffffffffffffffff01", "ends inside"),
        (wire.read_string, "02ff", "UTF-8"),
        (wire.read_string, "06eda080", "UTF-8"),
        (wire.read_string, "04c080", "UTF-8"),
        (wire.read_match, "0220", "match ' '"),
        (wire.read_match, "02ff", "UTF-8"),
        (wire.read_match, "00", "match ''"),
        (wire.read_node, "046575", "node 'eu'"),
        (wire.read_node, "02ff", "UTF-8"),
    ],
)
def test_what_is_not_the_strict_encoding_is_refused(read: Read, data: str, reason: str) -> None:
    """Every primitive refuses what its neighbour in another library might take."""
    with pytest.raises(Malformed, match=reason):
        read(bytes.fromhex(data), 0)


@pytest.mark.parametrize(("data", "fits"), [("00", True), ("04", True), ("06", False), ("01", False), ("8100", False)])
def test_an_index_is_one_of_those_there_are(data: str, *, fits: bool) -> None:
    """An index below zero, too large or padded is refused: Python would count the first from the end."""
    raw = bytes.fromhex(data)
    if fits:
        assert wire.read_index(raw, 0, 3) == (raw[0] >> 1, 1)
        return

    with pytest.raises(Malformed):
        wire.read_index(raw, 0, 3)


@pytest.mark.parametrize(
    ("data", "block"),
    [
        ("00", (0, -1, 1)),
        ("04aaaa", (2, -1, 1)),
        ("0304aaaa", (2, 4, 2)),
    ],
)
def test_a_block_says_how_many_items_and_perhaps_where_it_ends(data: str, block: tuple[int, int, int]) -> None:
    """A negative count announces the size of the block."""
    assert wire.read_block(bytes.fromhex(data), 0) == block


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "ends inside"),
        ("04aa", "more items"),
        ("808080808040", "more items"),
        ("ffffffffffffffffff0100", "more items"),
        ("0301aaaa", "negative"),
        ("03", "ends inside"),
    ],
)
def test_a_block_cannot_promise_more_than_there_is(data: str, reason: str) -> None:
    """A count of 2^40, of 2^63 or just one too many is refused before anything is read."""
    with pytest.raises(Malformed, match=reason):
        wire.read_block(bytes.fromhex(data), 0)


def test_a_block_must_end_where_it_said() -> None:
    """A block that states another length than it has is refused; one that stated none is not asked."""
    assert wire.read_block(b"\x00", 0, 0) == (0, -1, 1)
    assert wire.read_block(b"\x00", 0, -1) == (0, -1, 1)
    with pytest.raises(Malformed, match="not as long"):
        wire.read_block(b"\x00", 0, 1)


def test_a_header_is_the_marker_and_a_fingerprint() -> None:
    """The fingerprint is taken from a header as it was put there."""
    assert wire.single_object(b"12345678") == b"\xc3\x0112345678"
    assert wire.fingerprint_of(b"\xc3\x0112345678rest") == b"12345678"
    assert wire.fingerprint_of(b"\xc3\x0112345678") == b"12345678"


@pytest.mark.parametrize("data", [b"", b"\xc3", b"\xc3\x02" + bytes(20), b"\x00" * 20, b"\xc3\x01" + bytes(7)])
def test_what_has_no_header_is_refused(data: bytes) -> None:
    """A record shorter than a header, or with another marker, is not in single-object encoding."""
    with pytest.raises(Malformed, match=f"single-object.*{data[:2].hex() or 'nothing'}"):
        wire.fingerprint_of(data)


def test_equal_names_are_one_object() -> None:
    """Names read twice are the same string, so that look-ups compare by identity."""
    data = b"\x0cm-7:.0"

    assert wire.read_match(data, 0)[0] is wire.read_match(bytes(data), 0)[0]


def test_the_names_remembered_are_bounded() -> None:
    """Names come from outside; however many there are, only so many are kept."""
    most = 0
    for number in range(NAMES_CACHED_MAX + 10):
        name = f"m{number}".encode()
        wire.read_match(bytes([2 * len(name)]) + name, 0)
        most = max(most, len(wire.MATCHES))

    assert most == NAMES_CACHED_MAX


@pytest.mark.parametrize("kind", [wire.MATCHES, wire.NODES])
def test_a_refused_name_is_not_remembered(kind: dict[bytes, str]) -> None:
    """A name that breaks the rules is judged again each time."""
    read = wire.read_match if kind is wire.MATCHES else wire.read_node
    for _ in range(2):
        with pytest.raises(Malformed):
            read(b"\x06a b", 0)

    assert b"a b" not in kind


@given(st.binary(max_size=24))
def test_whatever_is_read_lies_inside_the_data(data: bytes) -> None:
    """No primitive reads past the end, moves backwards or raises anything but Malformed."""
    for read in (wire.read_long, wire.read_int, wire.read_boolean, wire.read_raw, wire.read_string, wire.read_match):
        try:
            _, pos = read(data, 0)
        except Malformed:
            continue
        assert 0 < pos <= len(data)
