"""A batch as bytes."""

from __future__ import annotations

from struct import unpack_from

import pytest

from dojopool.adapters.redis_batch import encode_positions, head_of, packed
from dojopool.core.cut import Position
from dojopool.errors import CorruptState
from dojopool.ports import Batch, Head, MatchChange


def strings_of(data: bytes) -> list[bytes]:
    """The strings of a packed batch, read as the layout says."""
    [count] = unpack_from("<I", data)
    place = 4 * (count + 1)
    strings = []
    for length in unpack_from(f"<{count}I", data, 4):
        strings.append(data[place : place + length])
        place += length
    assert place == len(data)
    return strings


def test_a_batch_is_its_header_its_shapes_and_its_changes() -> None:
    """Field names stand once per combination, changes name theirs by number."""
    changes = [
        MatchChange("m-1", b"\x00state", {"phase": b"1", "turn": b"2"}),
        MatchChange("m-2", b"", {"phase": b"3"}),
        MatchChange("m-3", b"s", {"phase": b"4", "turn": b"5"}),
        MatchChange("m-4", b"s", {}),
    ]
    batch = Batch(3, 17, "v1", {"eu": Position(1, 0)}, {"eu": Position(9, 2, 8, 5)}, changes, 1_234)

    assert strings_of(packed(batch)) == [
        *(b"17", b"v1", b'{"eu":[1,0]}', b'{"eu":[9,2]}', b'{"eu":[8,5]}', b"1234"),
        *(b'["m-1","m-2","m-3","m-4"]', b"4", b"3"),
        *(b"2", b"phase", b"turn"),
        *(b"1", b"phase"),
        b"0",
        *(b"m-1", b"\x00state", b"1", b"1", b"2"),
        *(b"m-2", b"", b"2", b"3"),
        *(b"m-3", b"s", b"1", b"4", b"5"),
        *(b"m-4", b"s", b"3"),
    ]


def test_no_expected_positions_are_not_the_empty_ones() -> None:
    """ "Nothing is stored" and "no stream is stored" are different expectations."""
    expected = [
        strings_of(packed(Batch(0, 1, "v1", positions, {}, [], 0)))[2] for positions in (None, {}, {"eu": Position()})
    ]

    assert expected == [b"", b"{}", b'{"eu":[0,0]}']


def test_equal_positions_give_equal_bytes() -> None:
    """The order in which regions were put in does not show."""
    one = {"us": Position(1), "eu": Position(2)}

    assert encode_positions(one) == encode_positions(dict(reversed(one.items())))


def test_a_head_is_read_back() -> None:
    """What was stored comes back whole, and what was not is None."""
    positions = {"eu": Position((1 << 53) + 1, 2, 3, 4), "us": Position()}
    compared, beside = encode_positions(positions)

    assert head_of([b"7", compared, beside, b"v1"]) == Head(7, positions, "v1")
    assert head_of([None, None, None, None]) == Head(0, None, None)


@pytest.mark.parametrize(
    ("compared", "beside"),
    [(b"{", b"{}"), (b'{"eu":[1,2]}', b"{}"), (b'{"eu":[1]}', b'{"eu":[1,2]}'), (b'{"eu":1}', b"{}")],
)
def test_damaged_positions_are_corrupt(compared: bytes, beside: bytes) -> None:
    """Positions that we would not have written are not guessed at."""
    with pytest.raises(CorruptState):
        head_of([b"7", compared, beside, b"v1"])
