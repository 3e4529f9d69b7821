"""Views of one region in Redis, as anyone may read them: `ports.ViewReader`.

Reads only. Waiting for changes blocks a connection each, so they have connections of their own, away from the reads
that must answer at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

from redis.asyncio import Redis

from dojopool.adapters.redis_client import READ_TIMEOUT_S, place_of, redis_client, redis_faults
from dojopool.adapters.redis_keys import Keys
from dojopool.errors import Unavailable
from dojopool.ports import ChangeBatch

READING_CONNECTIONS: Final = 8
WAITING_CONNECTIONS: Final = 64
"""Each call of `changes` holds one while it waits; callers beyond that wait for a free one, at most READ_TIMEOUT_S."""

ENTRIES_PER_READ: Final = 100
"""Of the change stream; whoever is behind asks again."""


class RedisViews:
    """`ports.ViewReader`. Make it with `open`."""

    def __init__(self, reading: Redis, waiting: Redis, *, prefix: str, place: str) -> None:
        self._reading, self._waiting = reading, waiting
        self._place = place
        self._keys = Keys(prefix)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, prefix: str, ca: Path | None = None) -> AsyncIterator[Self]:
        """Connect lazily, close on exit. Raises ConfigError when the URL cannot be used."""
        reading = redis_client(url, ca=ca, connections=READING_CONNECTIONS)
        # No limit on a single reply: a wait is ended by the server, and `changes` limits it from outside.
        waiting = redis_client(url, ca=ca, connections=WAITING_CONNECTIONS, read_timeout_s=None)
        try:
            yield cls(reading, waiting, prefix=prefix, place=place_of(url))
        finally:
            await reading.aclose()
            await waiting.aclose()

    async def view(self, partition: int, match: str) -> Mapping[str, bytes]:
        """See `ports.ViewReader`."""
        with self._faults(f"reading match {match}"):
            found: Any = await self._reading.hgetall(self._keys.view(partition, match))
        return {name.decode(): value for name, value in found.items()}

    async def matches(self, partition: int, *, limit: int) -> Sequence[tuple[str, int]]:
        """See `ports.ViewReader`."""
        with self._faults(f"listing matches of partition {partition}"):
            found: Any = await self._reading.zrevrange(self._keys.matches(partition), 0, limit - 1, withscores=True)
        return [(match.decode(), int(at_ms)) for match, at_ms in found]

    async def last_change(self, partition: int) -> str:
        """See `ports.ViewReader`."""
        with self._faults(f"reading the change stream of partition {partition}"):
            newest: Any = await self._reading.xrevrange(self._keys.changes(partition), count=1)
        return newest[0][0].decode() if newest else "0-0"

    async def changes(self, partition: int, *, after: str, timeout_ms: int) -> Sequence[ChangeBatch]:
        """See `ports.ViewReader`."""
        key = self._keys.changes(partition)
        try:
            with self._faults(f"waiting for changes of partition {partition}"):
                async with asyncio.timeout(timeout_ms / 1000 + READ_TIMEOUT_S):
                    # A block of 0 would wait for ever.
                    found: Any = await self._waiting.xread(
                        {key: after}, count=ENTRIES_PER_READ, block=max(timeout_ms, 1)
                    )
        except TimeoutError:
            raise Unavailable(f"Redis at {self._place} did not end a wait of {timeout_ms} ms") from None
        entries = found[0][1] if found else []
        return [ChangeBatch(entry.decode(), tuple(json.loads(fields[b"matches"]))) for entry, fields in entries]

    async def status(self) -> Mapping[str, bytes]:
        """See `ports.ViewReader`."""
        with self._faults("reading the status"):
            found: Any = await self._reading.hgetall(self._keys.status)
        return {name.decode(): value for name, value in found.items()}

    def _faults(self, doing: str) -> AbstractContextManager[None]:
        return redis_faults(self._place, doing)
