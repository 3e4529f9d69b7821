"""How fresh a region's state is, from the status hash that its replicas write about once a second.

A replica says, per partition, when it last wrote and the time of the newest mark of every region that it has read.
What is missing or old there is as telling as what is there: a replica that died, or a link that is cut, shows by its
marks standing still. So facts once read are kept, and age.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dojopool.client.config import ClientConfig
from dojopool.client.receipts import Mode
from dojopool.client.stamps import Stamps
from dojopool.errors import ConfigError, CorruptState, DojoError
from dojopool.ports import Clock, ViewReader

REFRESH_S: Final = 1.0
"""Marks and the status hash are written once a second; reading more often would show nothing new."""

LOCAL_ONLY_MS: Final = 5_000
"""Age of another region's newest mark from which on it counts as not heard of: several marks in a row are missing."""


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """What the owner of a partition said last. Who died says nothing more, so all of it may be old: `at_ms` tells."""

    at_ms: int
    """When the owner last stored a batch (its wall clock)."""
    marks: Mapping[str, int]
    """Per region, the time of the newest mark that is in the state; regions of which none was read are left out."""
    offsets: Mapping[str, int]
    """Per region, the next offset of its stream; empty where the replica is of an older release."""
    owner: str | None
    epoch: int
    """Of the owner's claim; 0 where the replica is of an older release."""


class RegionStatus:
    """The freshness of one region as last read. `refresh` once before use, then let `keep` run."""

    def __init__(self, config: ClientConfig, *, views: ViewReader, clock: Clock, stamps: Stamps) -> None:
        self._config, self._views, self._clock, self._stamps = config, views, clock, stamps
        self.partitions: Mapping[int, PartitionStatus] = {}
        """By number, as last read; a partition that was never stored is absent."""

    def mode_of(self, partition: int) -> Mode:
        """The mode of one partition: `local-only` when its state contains no young mark of another region.

        Every partition has a stream and a mirror's copy of its own, so one may be cut off while others are not.
        """
        return self._judged(self._marks_of(partition))

    @property
    def mode(self) -> Mode:
        """The mode of the region as a whole, by the newest mark in any partition: `local-only` when another region is
        heard of in none.
        """
        return self._judged(self._newest())

    def staleness_ms(self, partition: int) -> dict[str, int | None]:
        """Per region, milliseconds since the newest of its marks that this partition's state is known to contain.

        None when no replica has told of any. What was recorded before that mark is in the state, or waits in it for
        what it depends on.
        """
        marks = self._marks_of(partition)
        now_ms = self._clock.now_ms()
        return {region: max(0, now_ms - marks[region]) if region in marks else None for region in self._config.regions}

    async def refresh(self) -> None:
        """Read the status hash. Raises Unavailable, CorruptState, or ConfigError when the region has another number of
        partitions.
        """
        try:
            fields = await self._views.status()
            self._check_partitions(fields)
            self.partitions = {int(name): _decoded(name, text) for name, text in fields.items() if name.isdecimal()}
        finally:
            self._guard_stamps()

    async def keep(self) -> None:
        """Refresh once a second until cancelled. What cannot be read is not news: the facts go on ageing."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except DojoError:
                continue

    def _marks_of(self, partition: int) -> Mapping[str, int]:
        return self.partitions[partition].marks if partition in self.partitions else {}

    def _newest(self) -> dict[str, int]:
        """The newest mark of each region in any partition."""
        newest: dict[str, int] = {}
        for partition in self.partitions.values():
            for region, mark_ms in partition.marks.items():
                newest[region] = max(mark_ms, newest.get(region, mark_ms))
        return newest

    def _judged(self, marks: Mapping[str, int]) -> Mode:
        heard_after_ms = self._clock.now_ms() - LOCAL_ONLY_MS
        others = [region for region in self._config.regions if region != self._config.region]
        is_heard = all(marks.get(region, 0) >= heard_after_ms for region in others)
        return "healthy" if is_heard else "local-only"

    def _guard_stamps(self) -> None:
        """Guard the stamps by the newest mark of the own region."""
        own_ms = self._newest().get(self._config.region)
        if own_ms is not None:
            self._stamps.observe_region(own_ms)

    def _check_partitions(self, fields: Mapping[str, bytes]) -> None:
        stored = fields.get("partitions")
        if stored is not None and stored != b"%d" % self._config.partitions:
            raise ConfigError(
                f"region {self._config.region} works with {stored.decode()} partitions, this connection was told"
                f" {self._config.partitions}: its events would land where nobody looks for them."
                f" Set DOJO_PARTITIONS={stored.decode()}"
            )


def _decoded(name: str, text: bytes) -> PartitionStatus:
    """The status of partition `name`; in its marks, zeros stand for "none read yet"."""
    try:
        found: Any = json.loads(text)
        return PartitionStatus(
            at_ms=int(found["at"]),
            marks={str(region): int(mark_ms) for region, mark_ms in found["marks"].items() if mark_ms},
            offsets={str(region): int(offset) for region, offset in found.get("offsets", {}).items()},
            owner=found.get("owner"),
            epoch=int(found.get("epoch", 0)),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptState(f"the status of partition {name} is not what a replica writes: {text[:80]!r}") from error
