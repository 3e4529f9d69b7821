"""What members of a Raft group exchange comes back from its bytes, and no other bytes are taken for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dojopool.codec import raft_wire
from dojopool.errors import RefusedRecord
from support import raft_strategies

Encode = Callable[[Any], bytes]
Decode = Callable[[bytes], Any]

FORMS: list[tuple[st.SearchStrategy[Any], Encode, Decode]] = [
    (raft_strategies.messages, raft_wire.encode_message, raft_wire.decode_message),
    (
        st.lists(raft_strategies.entries, max_size=6).map(tuple),
        raft_wire.encode_entries,
        raft_wire.decode_entries,
    ),
    (raft_strategies.snapshots, raft_wire.encode_snapshot, raft_wire.decode_snapshot),
    (raft_strategies.configs, raft_wire.encode_config, raft_wire.decode_config),
    (raft_strategies.hard_states, raft_wire.encode_hard_state, raft_wire.decode_hard_state),
]

every_form = pytest.mark.parametrize(
    ("values", "encode", "decode"), FORMS, ids=["message", "entries", "snapshot", "config", "hard-state"]
)


def check_refused_or_canonical(data: bytes, encode: Encode, decode: Decode) -> None:
    """Decoding gives a value whose bytes these are, or a refusal, and never anything else."""
    try:
        value = decode(data)
    except RefusedRecord:
        return
    assert encode(value) == data


def flipped(data: bytes) -> Iterator[bytes]:
    """`data` with each of its bits turned once."""
    for place in range(len(data)):
        for bit in range(8):
            yield bytes([*data[:place], data[place] ^ 1 << bit, *data[place + 1 :]])


@every_form
@given(data=st.data())
def test_round_trip(values: st.SearchStrategy[Any], encode: Encode, decode: Decode, data: st.DataObject) -> None:
    """Every value comes back as it was."""
    value = data.draw(values)

    assert decode(encode(value)) == value


@every_form
@given(data=st.data())
@settings(max_examples=30)
def test_cut_short_anywhere(
    values: st.SearchStrategy[Any], encode: Encode, decode: Decode, data: st.DataObject
) -> None:
    """Cut at any offset it is refused, unless what is left is itself the form of a value."""
    whole = encode(data.draw(values))
    for length in range(len(whole)):
        check_refused_or_canonical(whole[:length], encode, decode)
    check_refused_or_canonical(whole + b"\0", encode, decode)


@every_form
@given(data=st.data())
@settings(max_examples=15)
def test_turned_bits(values: st.SearchStrategy[Any], encode: Encode, decode: Decode, data: st.DataObject) -> None:
    """Any one bit turned gives a refusal or the form of another value."""
    whole = encode(data.draw(values))
    for damaged in flipped(whole[:400]):
        check_refused_or_canonical(damaged + whole[400:], encode, decode)


@every_form
@given(noise=st.binary(max_size=300))
@settings(max_examples=200)
def test_noise(values: st.SearchStrategy[Any], encode: Encode, decode: Decode, noise: bytes) -> None:
    """Arbitrary bytes are refused, or they are the form of a value."""
    check_refused_or_canonical(noise, encode, decode)
