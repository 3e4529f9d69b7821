"""Cutting a stream into frames, whatever the pieces it comes in, with memory that follows what came."""

from __future__ import annotations

import random
import zlib

import pytest

from dojopool.adapters.raft_frames import BUFFER_BYTES, HEAD, FrameReader, Kind, Rejected, frame


def read(reader: FrameReader, data: bytes, sizes: list[int]) -> list[tuple[Kind, bytes]]:
    """What a reader makes of `data`, handed over in pieces of at most these sizes, again and again."""
    found: list[tuple[Kind, bytes]] = []
    at, turn = 0, 0
    while at < len(data):
        room = reader.room()
        size = min(sizes[turn % len(sizes)], len(room), len(data) - at)
        room[:size] = data[at : at + size]
        del room
        found += [(kind, bytes(body)) for kind, body in reader.received(size)]
        at, turn = at + size, turn + 1
    return found


@pytest.mark.parametrize("sizes", [[1], [7], [HEAD.size], [3, 50_000], [10**9]])
def test_pieces_do_not_matter(sizes: list[int]) -> None:
    """Frames are the same in whatever pieces they come."""
    chance = random.Random(7)
    frames = [(chance.choice(list(Kind)), chance.randbytes(chance.choice([0, 1, 300, 9_000]))) for _ in range(40)]

    assert read(FrameReader(10_000), b"".join(frame(*one) for one in frames), sizes) == frames


def test_layout_of_a_frame() -> None:
    """The layout is fixed: members of the next version must be able to tell this one that it is too old."""
    assert frame(Kind.REFUSED, b"no").hex() == "02000000ab5d74db036e6f"


def test_memory_follows_what_came() -> None:
    """A large frame makes the buffer grow as it arrives, and the buffer is small again afterwards."""
    reader = FrameReader(10 * BUFFER_BYTES)
    large = frame(Kind.CHUNK, bytes(8 * BUFFER_BYTES))
    assert read(reader, large[: BUFFER_BYTES // 2], [10**9]) == []
    assert reader.held_bytes == BUFFER_BYTES
    assert read(reader, large[BUFFER_BYTES // 2 : 3 * BUFFER_BYTES], [10**9]) == []
    assert reader.held_bytes == 4 * BUFFER_BYTES
    assert len(read(reader, large[3 * BUFFER_BYTES :], [10**9])) == 1

    assert reader.held_bytes == BUFFER_BYTES


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (frame(Kind.HELLO, bytes(101)), "a frame claims 101 bytes, at most 100 are taken here"),
        (b"\xff" * HEAD.size, "a frame claims 4294967295 bytes"),
        (frame(Kind.HELLO, b"abc")[:-1] + b"d", "a frame of 3 bytes does not match its checksum"),
        (HEAD.pack(0, 1, 99), "does not match its checksum"),
        (HEAD.pack(0, zlib.crc32(b"\x07"), 7), "a frame is of kind 7, known are 1 to 6"),
        (b"GET / HTTP/1.1\r\n\r\n", "a frame claims"),
    ],
)
def test_c8_what_is_no_frame(data: bytes, why: str) -> None:
    """A frame that is too long, damaged or of no known kind is refused as soon as that can be known."""
    with pytest.raises(Rejected, match=why):
        read(FrameReader(100), data, [1])
