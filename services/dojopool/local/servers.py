"""The servers that the settings name, as ports: what commands that reach several regions are handed."""

from __future__ import annotations

from collections.abc import Sequence

from dojopool.adapters.kafka_log import KafkaLog
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
