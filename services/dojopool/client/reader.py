"""Reading matches in one region: now, once they contain something, and whenever they change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from math import inf
from typing import Final, TypeAlias

from dojopool.client.config import TIMEOUT_S, ClientConfig
from dojopool.client.feed import RETRY_S, Feed
from dojopool.client.receipts import Accepted, Rejected, Unknown
from dojopool.client.stamps import Stamps
from dojopool.client.status import RegionStatus
from dojopool.client.view import MatchView, read_view
from dojopool.core.clock import VectorClock
from dojopool.core.crdt.maps import RecordKind
from dojopool.core.names import match_fault
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError, Unavailable
from dojopool.ports import ViewReader

AtLeast: TypeAlias = Accepted | Unknown | VectorClock | Mapping[str, int]
"""What a view must contain: an event by its receipt, or everything that a clock names."""

LOOK_S: Final = 5.0
"""Longest time without looking at a view that is waited for, whatever the change stream says."""


class Reader:
    """Views of one region's matches."""

    def __init__(
        self,
        config: ClientConfig,
        *,
        views: ViewReader,
        kind: RecordKind,
        status: RegionStatus,
        stamps: Stamps,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._config, self._views, self._kind, self._status, self._stamps = config, views, kind, status, stamps
        self._tasks = tasks
        self._feeds: dict[int, Feed] = {}
        self._is_closed = False

    async def read(
        self, match: str, *, at_least: AtLeast | Rejected | None = None, timeout_s: float = TIMEOUT_S
    ) -> MatchView:
        """See `Dojo.read`."""
        wanted = clock_of(at_least, match)
        now = asyncio.get_running_loop().time
        deadline_s = now() + timeout_s
        view: MatchView | None = None
        try:
            async with asyncio.timeout_at(deadline_s if timeout_s > 0 else None):
                view = self._shown(match, await self._fields(match))
                if wanted <= view.clock:
                    return view
                with self._feed(match).rings(match) as ring:
                    while now() < deadline_s:  # not left to the timeout: a client may lose it (see `stopping`)
                        ring.clear()
                        view = self._shown(match, await self._fields(match))
                        if wanted <= view.clock:
                            return view
                        await self._rung(ring, deadline_s)
        except TimeoutError:
            if view is None:
                raise Unavailable(
                    f"match {match} was to be read: the store of region {self._config.region} has not answered for"
                    f" {timeout_s} s"
                ) from None
        raise Unavailable(self._missing(view, wanted, timeout_s))

    async def watch(self, match: str) -> AsyncIterator[MatchView]:
        """See `Dojo.watch`."""
        shown: Mapping[str, bytes] | None = None
        with self._feed(match).rings(match) as ring:
            while not self._is_closed:
                ring.clear()
                try:
                    fields = await self._fields(match)
                except Unavailable:
                    if shown is None:
                        raise
                    await asyncio.sleep(RETRY_S)
                    continue
                if fields != shown:
                    shown = fields
                    yield self._shown(match, fields)
                await self._rung(ring)

    @property
    def followers(self) -> list[asyncio.Task[None]]:
        """The tasks that read change streams."""
        return [feed.task for feed in self._feeds.values() if feed.task is not None]

    def close(self) -> None:
        """End every watch and every wait."""
        self._is_closed = True
        for feed in self._feeds.values():
            feed.ring_all()

    async def _fields(self, match: str) -> Mapping[str, bytes]:
        if self._is_closed:
            raise CallerError(f"match {match} was to be read, but the connection is closed")
        return await self._views.view(self._partition(match), match)

    def _shown(self, match: str, fields: Mapping[str, bytes]) -> MatchView:
        staleness_ms = self._status.staleness_ms(self._partition(match))
        view = read_view(match, fields, self._kind, region=self._config.region, staleness_ms=staleness_ms)
        self._stamps.observe(view.stamp)
        return view

    def _partition(self, match: str) -> int:
        """Raises CallerError when `match` is no match id."""
        if fault := match_fault(match):
            raise CallerError(fault)
        return partition_of(match, self._config.partitions)

    def _feed(self, match: str) -> Feed:
        partition = self._partition(match)
        if partition not in self._feeds:
            self._feeds[partition] = Feed(partition, views=self._views, tasks=self._tasks)
        return self._feeds[partition]

    @staticmethod
    async def _rung(ring: asyncio.Event, deadline_s: float = inf) -> None:
        """Wait until it is time to look again, or the deadline."""
        look_s = asyncio.get_running_loop().time() + LOOK_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(look_s, deadline_s)):
                await ring.wait()

    def _missing(self, view: MatchView, wanted: VectorClock, timeout_s: float) -> str:
        """What a view lacks, in words."""
        holes = [
            f"{node} {view.clock.time_of(node) + 1}..{counter}"
            for node, counter in wanted.as_dict().items()
            if counter > view.clock.time_of(node)
        ]
        return (
            f"match {view.match} was to be read with {wanted.as_dict()}; after {timeout_s} s region {view.region} still"
            f" lacks {', '.join(holes)}, {view.pending} events wait, and the newest marks in its state are"
            f" {dict(view.staleness_ms)} ms old: see whether a replica owns partition {self._partition(view.match)}"
        )


def clock_of(at_least: AtLeast | Rejected | None, match: str) -> VectorClock:
    """The clock that `at_least` asks a view of `match` for. Raises CallerError for a receipt that no view can show."""
    if isinstance(at_least, Accepted | Unknown):
        if at_least.match != match:
            raise CallerError(f"at_least is the receipt of an event of match {at_least.match}, not of {match}")
        return at_least.clock
    if isinstance(at_least, Rejected):
        raise CallerError(f"at_least is the receipt of an event that was rejected ({at_least.reason}): it never comes")
    return at_least if isinstance(at_least, VectorClock) else VectorClock(at_least)
