"""What the log of a group decides, the same on every member: a state machine behind client sessions."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final, Protocol

from dojopool.core.raft.messages import ConfState, Snapshot
from dojopool.core.raft.sessions import Answer, Sessions
from dojopool.errors import CorruptState
from dojopool.raft_runtime.config import Plan

_LENGTH: Final = Struct("<I")


class StateMachine(Protocol):
    """What all members do alike with the committed commands. The same commands from the same start give the same
    state, answers and snapshots on every member; so no clock, chance or order of hashes.
    """

    def apply(self, index: int, command: bytes) -> bytes:
        """Do a command and return its answer. Must take any bytes: what makes no sense is answered so."""
        ...

    def snapshot(self) -> bytes:
        """The whole state."""
        ...

    def restore(self, data: bytes) -> None:
        """Replace the whole state by one that `snapshot` returned."""
        ...


class Replicated:
    """All that the log decides: the state machine, and the sessions before it that apply a command once."""

    def __init__(self, machine: StateMachine, plan: Plan) -> None:
        self._machine = machine
        self._sessions = Sessions(sessions_max=plan.sessions_max, answers_max=plan.answers_max)

    def apply(self, index: int, data: bytes) -> Answer:
        """Apply a committed entry."""
        return self._sessions.apply(index, data, self._machine.apply)

    def snapshot(self) -> bytes:
        """All of it."""
        sessions = self._sessions.snapshot()
        return _LENGTH.pack(len(sessions)) + sessions + self._machine.snapshot()

    def restore(self, data: bytes) -> None:
        """Undo `snapshot`. Raises CorruptState for what cannot be one."""
        if len(data) < _LENGTH.size:
            raise CorruptState(f"{len(data)} bytes hold no snapshot of a member")
        end = _LENGTH.size + int(_LENGTH.unpack_from(data)[0])
        self._sessions.restore(data[_LENGTH.size : end])
        self._machine.restore(data[end:])


def founding(machine: StateMachine, *, voters: Sequence[int], plan: Plan | None = None) -> Snapshot:
    """The snapshot that a new group begins with, the same on every founding member. It must be durable before the
    member starts. A member that joins later starts with nothing.
    """
    return Snapshot(1, 1, ConfState(voters=tuple(sorted(voters))), Replicated(machine, plan or Plan()).snapshot())
