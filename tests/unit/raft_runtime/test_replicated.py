"""What the log decides is snapshotted as a whole: sessions and state machine."""

from __future__ import annotations

import pytest

from dojopool.core.raft.messages import ConfState
from dojopool.core.raft.sessions import AnswerKind, Command, CommandKind, encode
from dojopool.errors import CorruptState
from dojopool.raft_runtime.config import Plan
from dojopool.raft_runtime.replicated import Replicated, founding
from support.raft_groups import Ledger, plain


def test_sessions_and_state_survive_together() -> None:
    """C1: what was applied under a session is neither forgotten nor applied again after a snapshot."""
    old, new = Replicated(Ledger(), Plan()), Replicated(machine := Ledger(), Plan())
    old.apply(5, encode(Command(CommandKind.REGISTER)))
    once = encode(Command(CommandKind.ONCE, 5, 1, b"a"))
    first = old.apply(6, once)
    new.restore(old.snapshot())
    again = new.apply(7, once)

    assert (again.kind, again.data) == (AnswerKind.REPEATED, first.data)
    assert machine.commands == [b"a"]
    assert new.snapshot() == old.snapshot()


def test_a_group_is_founded_alike_everywhere() -> None:
    """The founding snapshot depends on the voters and the plan alone, in whatever order they are named."""
    one, other = (founding(Ledger(), voters=voters) for voters in ((3, 1, 2), (1, 2, 3)))

    assert one == other
    assert (one.index, one.config) == (1, ConfState(voters=(1, 2, 3)))
    member = Replicated(machine := Ledger(), Plan())
    member.restore(one.data)
    member.apply(2, encode(plain(b"a")))
    assert machine.commands == [b"a"]


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff\xff", b"\0\0\0\0"])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    """Bytes that no member wrote are refused."""
    with pytest.raises(CorruptState):
        Replicated(Ledger(), Plan()).restore(data)
