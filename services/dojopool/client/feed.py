"""Who waits for which match of a partition, woken by the partition's change stream.

The stream is a hint and the view is the truth: it is capped, it may be lost with its store, and a process that slept
may find its part of it gone. So a ring means "look again", one ring may stand for many changes, everyone is rung when
the stream cannot vouch for what was missed, and whoever waits looks again by himself now and then.

One task reads a partition's stream for all who wait. It starts with the first and ends some time after the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from dojopool.errors import DojoError
from dojopool.ports import ChangeBatch, ViewReader

WAIT_MS: Final = 1_000
"""One wait for changes. When it ends without any, the stream is checked to be the one that was read before."""

LINGER_S: Final = 10.0
"""How long a stream is read after the last one stopped waiting: readers of their own writes come again and again."""

RETRY_S: Final = 0.5
"""Pause after a store that did not answer."""


class Feed:
    """Rings for the matches of one partition."""

    def __init__(self, partition: int, *, views: ViewReader, tasks: asyncio.TaskGroup) -> None:
        self._partition, self._views, self._tasks = partition, views, tasks
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.task: asyncio.Task[None] | None = None
        """Reads the stream, while anyone wants it."""

    @contextmanager
    def rings(self, match: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the match may have changed since it was cleared last; also at the start."""
        ring = asyncio.Event()
        self._waiting.setdefault(match, set()).add(ring)
        if self.task is None:
            self.task = self._tasks.create_task(self._run())
        try:
            yield ring
        finally:
            self._waiting[match].discard(ring)
            if not self._waiting[match]:
                del self._waiting[match]

    def ring_all(self) -> None:
        """Let everyone look again."""
        for rings in self._waiting.values():
            for ring in rings:
                ring.set()

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        cursor: str | None = None
        wanted_at_s = now()
        while self._waiting or now() < wanted_at_s + LINGER_S:
            wanted_at_s = now() if self._waiting else wanted_at_s
            try:
                cursor = await self._follow(cursor)
            except DojoError:
                # Whoever waits looks at the view and meets the same trouble, with his own deadline.
                self.ring_all()
                await asyncio.sleep(RETRY_S)
        self.task = None

    async def _follow(self, cursor: str | None) -> str:
        """Ring for what changed behind `cursor`, and return where to go on."""
        if cursor is not None:
            entries = await self._views.changes(self._partition, after=cursor, timeout_ms=WAIT_MS)
            if entries:
                self._ring(entries)
                return entries[-1].cursor
        newest = await self._views.last_change(self._partition)
        if newest != cursor:
            # The first look, or a stream that began anew: what came before it was not heard.
            self.ring_all()
        return newest

    def _ring(self, entries: Sequence[ChangeBatch]) -> None:
        for entry in entries:
            for match in entry.matches:
                for ring in self._waiting.get(match, ()):
                    ring.set()
