"""Free TCP ports on the loopback address.

Problem: a server gets its port in a file before it starts, so the port is chosen without being held, and something
else may take it meanwhile. The usual thief is an outgoing connection, to which the system hands a number from its
ephemeral range. We choose below that range, at random, so that two stacks starting at once seldom meet.
"""

from __future__ import annotations

import random
import socket

from dojopool.errors import Unavailable

LOOPBACK = "127.0.0.1"
LOWEST, HIGHEST = 20_000, 32_000
"""Linux hands outgoing connections 32768 and up, macOS 49152 and up."""

ATTEMPTS_MAX = 200
"""With a random choice among 12,000 ports, 200 taken ones in a row mean that something is wrong with the machine."""


def is_free(port: int) -> bool:
    """True when a server can listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return this many different loopback ports on which nothing listens now.

    Raises Unavailable when no free port is found in 200 attempts.
    """
    found: set[int] = set()
    for _ in range(ATTEMPTS_MAX + count):
        if len(found) == count:
            return list(found)
        candidate = random.randint(LOWEST, HIGHEST)  # noqa: S311  # spread, not secrecy
        if is_free(candidate):
            found.add(candidate)
    raise Unavailable(
        f"looked for {count} free ports between {LOWEST} and {HIGHEST} on {LOOPBACK} and found {len(found)};"
        " end some servers on this machine and try again"
    )
