from __future__ import annotations

import socket

import pytest

from dojopool.errors import Unavailable
from dojopool.local.stack import ports


def test_ports_are_different_and_below_the_ephemeral_range() -> None:
    """Chosen ports never collide with each other, nor with what the system hands to outgoing connections."""
    chosen = ports.free_ports(20)

    assert len(set(chosen)) == 20
    assert all(20_000 <= port <= 32_000 for port in chosen)


def test_a_port_with_a_listener_is_not_free() -> None:
    """A port is free until something listens on it."""
    [port] = ports.free_ports(1)
    assert ports.is_free(port)
    with socket.create_server((ports.LOOPBACK, port)):
        assert not ports.is_free(port)


def test_no_free_port_is_an_error_not_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search gives up after a bounded number of taken ports and says how many it wanted."""
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    with pytest.raises(Unavailable, match=r"looked for 3 free ports .* found 0"):
        ports.free_ports(3)
