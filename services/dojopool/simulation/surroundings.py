"""What a simulated process asks of the world that it runs in."""

from __future__ import annotations

from typing import Protocol

from dojopool.core.raft.messages import Message


class Surroundings(Protocol):
    """What a process asks of the world it runs in."""

    def send(self, messages: tuple[Message, ...]) -> None:
        """Put messages on the links."""

    def ended(self, node: int) -> None:
        """A process died by itself."""

    def flush_delay(self, node: int) -> int:
        """How long the next flush takes."""

    def ack_delay(self, node: int) -> int:
        """How long what became durable takes to be told."""

    def apply_delay(self, node: int) -> int:
        """How long applying takes."""
