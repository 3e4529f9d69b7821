"""The embedded default: several regions in one process, over the in-memory twins.

The programs are the ones of production: the same replica, the same SDK, the same fold, over a log and a store that keep
partitions, offsets, redelivery and fencing and pass the contract suites that Kafka and Redis pass. What is missing is
durability: everything is gone with the process.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from dojopool.adapters.memory_log import MemoryLog
from dojopool.adapters.memory_mirror import MemoryMirror
from dojopool.adapters.memory_store import MemoryStore
from dojopool.adapters.system_clock import SystemClock
from dojopool.client.dojo import Dojo, open_dojo
from dojopool.core.match import digest, region_digest
from dojopool.games.loading import LoadedGame
from dojopool.local.topics import create_topics
from dojopool.ports import Observer
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.service import Replica

PREFIX: Final = "dojo"
MIRROR_DELAY_MS: Final = 20
"""One way between two regions of one continent."""

MIRROR_REPEATS: Final = 10
"""Records per partition that a mirror copies again when its link is healed."""


@dataclass(frozen=True, slots=True)
class Region:
    """One region of the embedded default."""

    name: str
    log: MemoryLog
    store: MemoryStore
    replica: Replica


class Embedded:
    """A running pipeline. Made by `embedded`."""

    def __init__(self, regions: Mapping[str, Region], mirrors: list[MemoryMirror], loaded: LoadedGame) -> None:
        self.regions = regions
        self.loaded = loaded
        self.partitions = next(iter(regions.values())).replica.config.partitions
        self._mirrors = mirrors

    def connect(self, region: str) -> AbstractAsyncContextManager[Dojo]:
        """An SDK connection of one region, as `dojopool.connect()` gives it on Kafka and Redis."""
        here = self.regions[region]
        return open_dojo(
            log=here.log,
            views=here.store,
            clock=SystemClock(),
            loaded=self.loaded,
            region=region,
            regions=tuple(self.regions),
            partitions=self.partitions,
            prefix=PREFIX,
            node=f"{region}/embedded#{secrets.token_hex(3)}",
        )

    def cut(self) -> None:
        """Cut every link between regions."""
        for mirror in self._mirrors:
            mirror.cut()

    def heal(self) -> None:
        """Heal every link: what was written meanwhile is copied, and the last of what was copied before once more, as
        MirrorMaker does when it comes back.
        """
        for mirror in self._mirrors:
            mirror.restart(repeat=MIRROR_REPEATS)
            mirror.heal()

    async def digests(self) -> dict[str, dict[str, str]]:
        """Per region, the digest of every match as its store holds it."""
        return {name: await self._digests_of(region) for name, region in self.regions.items()}

    async def region_digests(self) -> dict[str, str]:
        """Per region, one digest over all its matches."""
        return {name: region_digest(digests) for name, digests in (await self.digests()).items()}

    async def _digests_of(self, region: Region) -> dict[str, str]:
        digests = {}
        for number in range(self.partitions):
            async for chunk in region.store.states(number):
                digests.update({match_id: digest(state) for match_id, state in chunk})
        return digests


@asynccontextmanager
async def embedded(
    loaded: LoadedGame, *, regions: tuple[str, ...], partitions: int, observers: Mapping[str, Observer]
) -> AsyncIterator[Embedded]:
    """Start logs, mirrors, stores and one replica per region; everything ends with the context."""
    logs = {name: MemoryLog(region=name) for name in regions}
    stores = {name: MemoryStore(region=name) for name in regions}
    for name in regions:
        async with logs[name].admin() as admin:
            await create_topics({name: admin}, regions=regions, partitions=partitions, prefix=PREFIX)
    running = {}
    for name in regions:
        config = ReplicaConfig(
            region=name, regions=regions, partitions=partitions, prefix=PREFIX, owner=f"{name}/embedded"
        )
        replica = Replica(
            config,
            log=logs[name],
            store=stores[name],
            loaded=loaded,
            clock=SystemClock(),
            observer=observers[name],
        )
        running[name] = Region(name, logs[name], stores[name], replica)
    mirrors = [
        MemoryMirror(logs[source], logs[target], f"{PREFIX}.events.{source}", delay_ms=MIRROR_DELAY_MS)
        for source in regions
        for target in regions
        if source != target
    ]
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        copying = [tasks.create_task(mirror.run()) for mirror in mirrors]
        for region in running.values():
            tasks.create_task(region.replica.run())
        try:
            yield Embedded(running, mirrors, loaded)
        except Exception as error:  # noqa: BLE001 - raised again below, as it came: the group would wrap it
            failure = error
        finally:
            for region in running.values():
                region.replica.stop()
            for task in copying:
                task.cancel()
    if failure is not None:
        raise failure
