"""The regions that a command reaches, from what the settings name and what it was told."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dojopool.errors import ConfigError
from dojopool.settings import ClusterSettings


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
