"""Stored bytes that were damaged are refused, or they are the canonical bytes of some other match; nothing else."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dojopool.errors import CorruptState
from support.everything import KIND, new_fold, replay
from support.strategies import seeded_world


def stored(seed: int) -> bytes:
    """Canonical bytes with every type, waiting events and records of unknown schema."""
    forms = seeded_world(seed, steps=25).events
    match = replay(forms[:-6] + forms[-2:])
    match.undecoded = frozenset([("eu", b"?1"), ("us", b"?1"), ("eu", b"?22")])
    return match.encode(KIND)


SAMPLES = [stored(seed) for seed in range(3)]


def check_damaged(data: bytes) -> None:
    """Read `data`: CorruptState, or a match whose bytes are these and whose values can be read."""
    fold = new_fold()
    try:
        fold.load("m", data)
    except CorruptState:
        assert fold.matches == {}
        return
    match = fold.matches["m"]
    assert match.encode(KIND) == data
    KIND.view(KIND.plain(match.root))


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_shorter_form_is_refused(sample: bytes) -> None:
    """A state that was cut short anywhere, or has anything behind its end, is refused."""
    for damaged in (*(sample[:length] for length in range(len(sample))), sample + b"\0"):
        with pytest.raises(CorruptState):
            new_fold().load("m", damaged)


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_changed_byte(sample: bytes) -> None:
    """Each byte of a state, changed in a few ways, gives a refusal or another canonical form."""
    for place, byte in enumerate(sample):
        for other in {byte ^ 1, byte ^ 0x80, 0, byte + 1 & 0xFF} - {byte}:
            check_damaged(bytes([*sample[:place], other, *sample[place + 1 :]]))


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=300)
def test_pieces_moved_about(sample: bytes, data: st.DataObject) -> None:
    """Pieces of a state cut out, repeated or exchanged are noticed."""
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(sample))] * 2)))
    target = data.draw(st.integers(0, len(sample)))
    piece = sample[begin:end]
    check_damaged(sample[:begin] + sample[end:])
    check_damaged(sample[:target] + piece + sample[target:])
    check_damaged(sample[:begin] + data.draw(st.binary(max_size=12)) + sample[end:])


@given(st.binary(max_size=60))
@example(b"\x01\x00\x00\x00\x00\x00")
@settings(max_examples=300)
def test_noise(data: bytes) -> None:
    """Any bytes behind the format number are refused or canonical."""
    check_damaged(b"\x01" + data)


@pytest.mark.parametrize(
    "huge", [b"\xff" * 200_000, b"\xff" * 9 + b"\x01", b"\xfe\xff\xff\xff\x0f", b"\x80" * 50 + b"\x00"]
)
def test_huge_numbers_cost_nothing(huge: bytes) -> None:
    """A number that announces more than there is, wherever it stands, takes neither time nor memory."""
    sample = SAMPLES[0]
    tracemalloc.start()
    try:
        for place in range(1, len(sample), 7):
            check_damaged(sample[:place] + huge + sample[place:])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4_000_000
