"""Raft's words as bytes: their fixed layout, and what is said about bytes that are none."""

from __future__ import annotations

import tracemalloc

import pytest

from dojopool.codec.raft_wire import (
    decode_config,
    decode_entries,
    decode_hard_state,
    decode_message,
    decode_snapshot,
    encode_config,
    encode_entries,
    encode_hard_state,
    encode_message,
    encode_snapshot,
)
from dojopool.core.raft.messages import ConfState, Entry, EntryType, HardState, Message, MessageType, Snapshot
from dojopool.errors import RefusedRecord

HEARTBEAT = Message(MessageType.HEARTBEAT, to=2, from_=1, term=3, commit=4, context=b"r")
JOINT = ConfState(voters=(1, 2), voters_outgoing=(1, 3), learners=(9,), auto_leave=True)


def test_layout_of_a_message() -> None:
    """The layout is fixed: other versions of this program read it."""
    assert encode_message(HEARTBEAT).hex() == (
        "0300"  # type, flags
        "0200000000000000010000000000000003000000000000000000000000000000"  # to, from, term, log_term
        "0000000000000000040000000000000000000000000000000000000000000000"  # index, commit, commit_term, reject_hint
        "0100000072"  # context
        "0400000000000000"  # entries: none
    )


def test_layout_of_entries() -> None:
    """The heads of entries stand before their data, so that they are read in one step."""
    assert encode_entries([Entry(1, 2, data=b"ab"), Entry(1, 3, EntryType.CONF_CHANGE_V2)]).hex() == (
        "020000000100000000000000020000000000000000020000000100000000000000030000000000000002000000006162"
    )


def test_layout_of_what_is_stored() -> None:
    """Snapshots, configurations and hard states have a fixed layout too: it is on disks."""
    assert encode_hard_state(HardState(term=1, vote=2, commit=3)).hex() == (
        "010000000000000002000000000000000300000000000000"
    )
    assert encode_config(ConfState((1,), (2,), (), (), auto_leave=True)).hex() == (
        "010100000001000000000000000000000001000000000000000200000000000000"
    )
    assert encode_snapshot(Snapshot(5, 2, ConfState(), b"xy")).hex() == (
        "050000000000000002000000000000001100000000" + "00" * 16 + "7879"
    )


def test_a_value_read_from_a_view_outlives_it() -> None:
    """What was decoded shares no memory with the buffer it came from, which is reused."""
    message = Message(MessageType.APPEND, to=1, entries=(Entry(1, 1, data=b"data"),), snapshot=Snapshot(1, 1, JOINT))
    buffer = bytearray(encode_message(message))
    found = decode_message(memoryview(buffer))
    buffer[:] = bytes(len(buffer))

    assert found == message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "message: the head would take 66 bytes at offset 0, 0 are left"),
        (b"\x63" + encode_message(HEARTBEAT)[1:], "message: its type is 99, known are 1 to 14 (offset 0)"),
        (b"\x01\x04" + encode_message(HEARTBEAT)[2:], "message: unknown flags 0x04 (offset 1)"),
        (encode_message(HEARTBEAT) + b"!", "message: 1 bytes follow its end at offset 79"),
        (
            encode_message(HEARTBEAT)[:-4] + b"\xff\xff\xff\xff",
            "message, entries: the heads of 4294967295 entries would take 90194313195 bytes at offset 79, 0 are left",
        ),
    ],
)
def test_damage_is_named(data: bytes, reason: str) -> None:
    """A refusal says which part is wrong, what was found and where."""
    with pytest.raises(RefusedRecord) as refused:
        decode_message(data)

    assert str(refused.value) == reason


def test_an_unknown_type_of_entry_is_named() -> None:
    """An entry of a later version is not taken for a command."""
    data = bytearray(encode_entries([Entry(1, 1)]))
    data[4 + 16] = 7

    with pytest.raises(RefusedRecord, match="entries: an entry is of type 7, known are 0 to 2"):
        decode_entries(data)


@pytest.mark.parametrize("voters", [(2, 1), (1, 1), (0, 1)])
def test_ids_out_of_order_are_refused(voters: tuple[int, ...]) -> None:
    """A configuration has one form: ids ascend, none is nobody, none stands twice."""
    with pytest.raises(RefusedRecord, match="the ids of voters are not ascending from 1"):
        decode_config(encode_config(ConfState(voters)))


def test_a_flag_that_is_neither() -> None:
    """A truth value is 0 or 1."""
    with pytest.raises(RefusedRecord, match="auto_leave is 2"):
        decode_config(b"\x02" + encode_config(ConfState())[1:])


@pytest.mark.parametrize("decode", [decode_entries, decode_config, decode_snapshot, decode_hard_state])
def test_claimed_sizes_cost_nothing(decode: object) -> None:
    """Counts that the input does not bear out are refused before memory is asked for."""
    assert callable(decode)
    data = b"\x01" + b"\xff" * 200
    tracemalloc.start()
    try:
        with pytest.raises(RefusedRecord):
            decode(data)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 100_000
