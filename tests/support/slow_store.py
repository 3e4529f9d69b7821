"""A store that lets a test look at a write on its way: it waits at a gate, or says what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dojopool.adapters.memory_store import MemoryStore
from dojopool.ports import Batch, Head, Outcome


class SlowStore(MemoryStore):
    """The in-memory store, whose writes wait while the gate is shut."""

    def __init__(self, *, seen: Callable[[Batch], object] = lambda batch: None) -> None:
        super().__init__(region="eu")
        self._gate = asyncio.Event()
        self._gate.set()
        self._seen = seen
        self.begun: list[Batch] = []
        """Every batch whose write was begun, repeats included."""

    def shut(self) -> None:
        """Let writes wait."""
        self._gate.clear()

    def open(self) -> None:
        """Let them go on."""
        self._gate.set()

    async def write(self, batch: Batch) -> tuple[Outcome, Head]:
        """See `ports.StateStore`."""
        self._seen(batch)
        self.begun.append(batch)
        await self._gate.wait()
        return await super().write(batch)
