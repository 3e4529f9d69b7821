"""The state machine of simulated groups."""

from __future__ import annotations

from dojopool.simulation.machine import ANSWER, WRITE, Register


def test_a_write_is_applied_once() -> None:
    """The same operation again gets the same answer and changes nothing."""
    register = Register()
    first = register.apply(WRITE.pack(1, 5, 7))

    assert ANSWER.unpack(first) == (1, 7)
    assert register.apply(WRITE.pack(1, 5, 7)) == first
    assert register.read(1) == (1, 7)


def test_an_operation_that_the_client_left_behind_is_dropped() -> None:
    """Once a client went on, its earlier operation does nothing and has no answer."""
    register = Register()
    register.apply(WRITE.pack(1, 5, 8))

    assert register.apply(WRITE.pack(1, 5, 7)) == b""
    assert register.read(1) == (1, 8)
    assert register.read(2) == (0, 0)


def test_a_snapshot_is_the_whole_state() -> None:
    """What is restored answers as before, keeps what clients did, and gives the same bytes."""
    register, again = Register(), Register()
    register.apply(WRITE.pack(2, 6, 9))
    answer = register.apply(WRITE.pack(1, 5, 7))
    again.restore(register.snapshot())

    assert again.snapshot() == register.snapshot()
    assert again.apply(WRITE.pack(1, 5, 7)) == answer
    again.restore(b"")
    assert again.snapshot() == Register().snapshot()
