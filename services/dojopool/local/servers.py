"""The regions that a command reaches, from what the settings name and what it was told."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dojopool.adapters.event_logs import event_log
from dojopool.adapters.redis_store import RedisStore
from dojopool.adapters.redis_views import RedisViews
from dojopool.adapters.system_clock import SystemClock
from dojopool.client.config import ClientConfig
from dojopool.client.stamps import Stamps
from dojopool.client.status import RegionStatus
from dojopool.errors import ConfigError, Unavailable
from dojopool.local.overview import RegionReport, region_report, unreached
from dojopool.ports import LogReader, StateStore
from dojopool.settings import ClientSettings, ClusterSettings


def reached_regions(settings: ClusterSettings) -> Sequence[str]:
    """The regions whose Kafka a command works on: all, or the one that a single address in DOJO_KAFKA stands for."""
    if "" in settings.kafka and settings.region is not None:
        return (settings.region,)
    return settings.regions


def event_topics(settings: ClusterSettings) -> Mapping[str, str]:
    """The event topics by region."""
    return {region: f"{settings.prefix}.events.{region}" for region in settings.regions}


def reading_config(settings: ClusterSettings, region: str) -> ClientConfig:
    """A connection in `region` that writes nothing, and so needs no incarnation of its own."""
    return ClientConfig(
        region=region,
        regions=settings.regions,
        partitions=settings.partitions,
        prefix=settings.prefix,
        node=f"{region}/reader#0",
    )


def deployment(regions: str | None) -> tuple[ClusterSettings, Sequence[str]]:
    """The settings, and the regions that a command works in: `regions` (comma separated), else all of them.

    Without DOJO_REGIONS those named are the whole deployment. Raises ConfigError when they are not part of it.
    """
    settings = ClusterSettings.load(regions=None if os.environ.get("DOJO_REGIONS") else regions)
    if regions is None:
        return settings, settings.regions
    chosen = tuple(region.strip() for region in regions.split(","))
    if foreign := [region for region in chosen if region not in settings.regions]:
        raise ConfigError(f"--regions names {foreign[0]!r}, not one of DOJO_REGIONS ({','.join(settings.regions)})")
    return settings, chosen


@dataclass(frozen=True, slots=True)
class Operator:
    """What a command that repairs one region works with."""

    store: StateStore
    reader: LogReader
    status: RegionStatus
    topics: Mapping[str, str]
    """The event topics by region."""
    owner: str
    """Names this process in the claims it makes."""


@asynccontextmanager
async def open_operator(settings: ClientSettings) -> AsyncIterator[Operator]:
    """The servers of DOJO_REGION. Raises ConfigError when they are not set, Unavailable when they do not answer."""
    config = reading_config(settings, settings.region)
    url, clock = settings.redis_for(settings.region), SystemClock()
    async with (
        event_log(settings, settings.region).reader() as reader,
        RedisStore.open(url, prefix=settings.prefix, ca=settings.redis_ca) as store,
        RedisViews.open(url, prefix=settings.prefix, ca=settings.redis_ca) as views,
    ):
        yield Operator(
            store=store,
            reader=reader,
            status=RegionStatus(config, views=views, clock=clock, stamps=Stamps(clock)),
            topics=event_topics(settings),
            owner=f"{socket.gethostname()}/{os.getpid()}/operator",
        )


async def look_at_regions(regions: str | None) -> Sequence[RegionReport]:
    """A report of each chosen region (see `deployment`; of the one that a single address stands for, without a choice).

    A server that does not answer is in the report. Raises ConfigError when a server is not set, or refuses us.
    """
    settings, chosen = deployment(regions)
    if regions is None:
        chosen = reached_regions(settings)
    for region in chosen:  # all of them before the first is asked
        settings.kafka_for(region)
        settings.redis_for(region)
    return await asyncio.gather(*(_look_at(settings, region) for region in chosen))


async def _look_at(settings: ClusterSettings, region: str) -> RegionReport:
    clock, config = SystemClock(), reading_config(settings, region)
    try:
        async with (
            event_log(settings, region).reader() as reader,
            RedisViews.open(settings.redis_for(region), prefix=settings.prefix, ca=settings.redis_ca) as views,
        ):
            return await region_report(
                region,
                topics=event_topics(settings),
                partitions=settings.partitions,
                status=RegionStatus(config, views=views, clock=clock, stamps=Stamps(clock)),
                reader=reader,
                clock=clock,
            )
    except Unavailable as error:
        return unreached(region, str(error))
