"""Frames are found whole or not at all, and nothing of another segment passes for one."""

from __future__ import annotations

import pytest

from dojopool.adapters.raft_wal_form import (
    Damage,
    Frame,
    Header,
    Pointer,
    frame,
    frames,
    item,
    items,
    read_header,
    salt_of,
)

HEADER = Header(b"\x01" * 16, "pool", 7, 3, 40, 0xDEADBEEF)


def segment(header: Header, *payloads: bytes) -> bytes:
    """The bytes of a segment."""
    framed = [frame(salt_of(header), header.first + place, payload)[0] for place, payload in enumerate(payloads)]
    return header.encode() + b"".join(framed)


def found(data: bytes) -> list[Frame | Damage]:
    """What is in it."""
    header, at = read_header(data)
    return list(frames(data, header, at))


def test_frames_come_back() -> None:
    """Payloads are found in order with rising sequences, up to the last byte."""
    data = segment(HEADER, b"one", b"two" * 1000)
    one, two = found(data)

    assert isinstance(one, Frame)
    assert isinstance(two, Frame)
    assert (one.sequence, one.payload, two.sequence, two.payload) == (40, b"one", 41, b"two" * 1000)
    assert two.end == len(data)


def test_damage_says_whether_valid_data_follows() -> None:
    """A bad frame is reported with its offset, and with the offset of a valid frame behind it."""
    data = segment(HEADER, b"one", b"two", b"three")
    first, second = (len(segment(HEADER)), len(segment(HEADER, b"one")))
    damaged = bytearray(data)
    damaged[first + 4] ^= 1
    (damage,) = found(bytes(damaged))

    assert isinstance(damage, Damage)
    assert (damage.offset, damage.sequence, damage.valid_at) == (first, 40, second)


@pytest.mark.parametrize(
    "other",
    [
        Header(b"\x02" * 16, "pool", 7, 3, 40, 0xDEADBEEF),
        Header(b"\x01" * 16, "pool", 7, 2, 40, 0xDEADBEEF),
        Header(b"\x01" * 16, "pool", 7, 3, 40, 0xDEADBEEE),
    ],
)
def test_a_frame_of_another_segment_does_not_pass(other: Header) -> None:
    """A frame that another disk, another segment or another past wrote at the same place is no frame here."""
    foreign = segment(other, b"one")[len(segment(other)) :]
    (damage,) = found(segment(HEADER) + foreign)

    assert isinstance(damage, Damage)
    assert damage.valid_at is None


def test_an_old_frame_behind_damage_is_no_proof() -> None:
    """Only a frame that was written later shows that the bad one was durable once."""
    old = segment(HEADER, b"one")[len(segment(HEADER)) :]
    _, damage = found(segment(HEADER, b"one") + b"\0" * 30 + old)

    assert isinstance(damage, Damage)
    assert damage.valid_at is None


def test_a_header_is_read_whole_or_refused() -> None:
    """A header comes back equal; cut anywhere, or with another beginning, it is refused with the reason."""
    data = HEADER.encode()

    assert read_header(data) == (HEADER, len(data))
    for end in range(len(data)):
        with pytest.raises(ValueError, match=r"too few|checksum"):
            read_header(data[:end])
    with pytest.raises(ValueError, match="begins with"):
        read_header(b"DOJOWAL\x02" + data[8:])


def test_items_fill_a_payload() -> None:
    """Items come back in order; a payload that does not end with one is refused."""
    payload = item(1, b"body") + item(9, b"")

    assert list(items(payload)) == [(1, b"body"), (9, b"")]
    for end in (1, 6, len(payload) - 1):
        with pytest.raises(ValueError, match=r"are too few|are left"):
            list(items(payload[:end]))


def test_a_pointer_names_its_file() -> None:
    """A pointer comes back, and files of greater indexes have greater names."""
    pointer = Pointer(12, 3, 4, 500, 0xFFFFFFFF)

    assert Pointer.decode(pointer.encode()) == pointer
    assert pointer.name < Pointer(100, 3, 1, 500, 0).name
    with pytest.raises(ValueError, match="bytes"):
        Pointer.decode(b"")
