"""The words of the protocol stay what is stored and sent."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from dojopool.core.raft.messages import Entry, EntryType, HardState, Message, MessageType, Stored


def test_numbers_that_are_stored_or_sent_never_change() -> None:
    """A disk or a member of another version reads the same."""
    assert [kind.value for kind in (EntryType.NORMAL, EntryType.CONF_CHANGE, EntryType.CONF_CHANGE_V2)] == [0, 1, 2]
    assert list(range(1, 15)) == [
        kind.value
        for kind in (
            MessageType.APPEND,
            MessageType.APPEND_RESPONSE,
            MessageType.HEARTBEAT,
            MessageType.HEARTBEAT_RESPONSE,
            MessageType.VOTE,
            MessageType.VOTE_RESPONSE,
            MessageType.PRE_VOTE,
            MessageType.PRE_VOTE_RESPONSE,
            MessageType.SNAPSHOT,
            MessageType.TIMEOUT_NOW,
            MessageType.PROPOSE,
            MessageType.READ_INDEX,
            MessageType.READ_INDEX_RESPONSE,
            MessageType.TRANSFER_LEADER,
        )
    ]


def test_nothing_is_shared_that_could_change() -> None:
    """Nodes, disks and wires can hand the same value around."""
    with pytest.raises(FrozenInstanceError):
        Entry(1, 1).term = 2  # type: ignore[misc]  # that it fails is the test
    assert hash(Message(MessageType.APPEND, 1, entries=(Entry(1, 1),))) == hash(
        Message(MessageType.APPEND, 1, entries=(Entry(1, 1),))
    )


def test_a_node_that_never_ran_finds_nothing() -> None:
    """No term, no vote, no log."""
    assert (Stored().hard_state, Stored().snapshot, Stored().entries) == (HardState(0, 0, 0), None, ())
