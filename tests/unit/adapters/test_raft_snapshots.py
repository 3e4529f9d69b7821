"""Snapshots in chunks: whole or not at all, and never of two."""

from __future__ import annotations

import tracemalloc
from struct import Struct

import pytest

from dojopool.adapters.raft_frames import Rejected
from dojopool.adapters.raft_snapshots import CHUNK_BYTES, Incoming, Outgoing, decode_done, encode_done
from dojopool.codec.raft_wire import decode_message
from dojopool.core.raft.messages import ConfState, Message, MessageType, Snapshot

HEAD_BYTES = 56


def message(size: int, fill: bytes = b"s") -> Message:
    """A snapshot message with that much data."""
    return Message(MessageType.SNAPSHOT, to=2, from_=1, term=3, snapshot=Snapshot(5, 2, ConfState((1, 2)), fill * size))


def chunks(number: int, sent: Message) -> list[bytes]:
    """All chunks of a transfer."""
    outgoing = Outgoing(number, sent)
    found = []
    while not outgoing.is_cut:
        found.append(outgoing.next_chunk())
    return found


def taken(incoming: Incoming, pieces: list[bytes]) -> list[tuple[int, Message]]:
    """What a receiver hands on."""
    results = [incoming.add(memoryview(piece)) for piece in pieces]
    return [(result[0], decode_message(result[1])) for result in results if result is not None]


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 17])
def test_a_snapshot_arrives(size: int) -> None:
    """A snapshot of any size arrives as it was, in chunks that are small, and nothing of it is kept."""
    incoming, sent = Incoming(), message(size)
    pieces = chunks(1, sent)

    assert taken(incoming, pieces) == [(1, sent)]
    assert max(map(len, pieces)) <= CHUNK_BYTES + HEAD_BYTES
    assert incoming.held_bytes == 0


def test_chunks_of_another_transfer_are_dropped() -> None:
    """A transfer that begins replaces the one under way; late chunks of that one change nothing (rule S7)."""
    first, second = chunks(1, message(3 * CHUNK_BYTES)), chunks(2, message(3 * CHUNK_BYTES, b"t"))
    mixed = [first[0], first[1], second[0], first[2], second[1], first[3], second[2], second[3]]

    assert taken(Incoming(), mixed) == [(2, message(3 * CHUNK_BYTES, b"t"))]


def test_chunks_out_of_place_are_dropped() -> None:
    """A chunk that does not follow the last one is dropped, as is one that comes again."""
    pieces = chunks(1, message(3 * CHUNK_BYTES))

    assert taken(Incoming(), [pieces[1], *pieces[:2], pieces[1], *pieces[2:]]) == [(1, message(3 * CHUNK_BYTES))]
    assert taken(Incoming(), [pieces[0], *pieces[2:]]) == []


def test_damage_ends_a_transfer() -> None:
    """A chunk that does not match the digest is refused, and the transfer is forgotten."""
    incoming, pieces = Incoming(), chunks(1, message(2 * CHUNK_BYTES))
    damaged = pieces[1][:-1] + b"!"
    taken(incoming, pieces[:1])

    with pytest.raises(Rejected, match="does not match its digest"):
        taken(incoming, [damaged])
    assert incoming.held_bytes == 0
    assert taken(incoming, pieces[1:]) == []


@pytest.mark.parametrize(
    ("chunk", "why"),
    [
        (b"", "a chunk has more than 56 bytes"),
        (Struct("<QQQ32s").pack(1, 101, 0, b"") + b"x", "101 bytes is announced, at most 100"),
        (Struct("<QQQ32s").pack(1, 3, 2, b"") + b"xx", "a chunk ends at 4, the snapshot at 3"),
    ],
)
def test_chunks_that_nobody_makes(chunk: bytes, why: str) -> None:
    """Chunks that claim too much or contradict themselves are refused."""
    with pytest.raises(Rejected, match=why):
        Incoming(100).add(memoryview(chunk))


def test_a_claimed_size_costs_nothing() -> None:
    """Memory follows what arrived, not what was announced."""
    incoming = Incoming()
    [first, *_] = chunks(1, message(64 * CHUNK_BYTES))
    tracemalloc.start()
    try:
        incoming.add(memoryview(first))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 10_000


def test_the_end_is_told() -> None:
    """A receiver says which transfer it took."""
    assert decode_done(memoryview(encode_done(7))) == 7
    with pytest.raises(Rejected, match="the end of a transfer is told in 8 bytes, not 3"):
        decode_done(memoryview(b"abc"))
