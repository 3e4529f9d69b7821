"""What a member of a consumer group knows of its share, and whom it tells.

Shared by the clients of Kafka: how a share is learnt is theirs, how it is waited for is the same.
"""

from __future__ import annotations

import asyncio

from dojopool.errors import DojoError


class Ownership:
    """The waiting half of `ports.Membership`. Used from the event loop alone."""

    def __init__(self) -> None:
        self._owned: frozenset[int] = frozenset()
        self._told: frozenset[int] = frozenset()
        self._news = asyncio.Event()
        self._failure: DojoError | None = None

    async def changed(self) -> frozenset[int]:
        """See `ports.Membership`. Raises ConfigError when the group does not take us, as often as Kafka says so."""
        while self._owned == self._told:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            self._news.clear()
            await self._news.wait()
        self._told = self._owned
        return self._told

    def owned(self) -> frozenset[int]:
        """See `ports.Membership`."""
        return self._owned

    def own(self, partitions: frozenset[int]) -> None:
        """From now on the share is `partitions`."""
        self._owned = partitions
        self._news.set()

    def fail(self, error: DojoError) -> None:
        """Who waits is told `error`, once."""
        self._failure = error
        self._news.set()
