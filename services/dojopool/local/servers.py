"""The servers that the settings name, as ports: what commands that reach several regions are handed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.errors import ConfigError
from dojopool.ports import EventLog
from dojopool.settings import ClusterSettings


def event_log(settings: ClusterSettings, region: str) -> EventLog:
    """A region's Kafka; nothing is connected yet. Raises ConfigError when DOJO_KAFKA does not name it."""
    return KafkaLog(settings.kafka_for(region), security=settings.kafka_security())


def reached_regions(settings: ClusterSettings) -> Sequence[str]:
    """The regions whose Kafka a command works on: all, or the one that a single address in DOJO_KAFKA stands for."""
    if "" in settings.kafka and settings.region is not None:
        return (settings.region,)
    return settings.regions


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
