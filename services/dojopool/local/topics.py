"""The topics of a deployment: which there must be in each region's Kafka, making them, and checking those that exist.

Every region's Kafka holds every region's events topic, its own to write and the others for the mirror, all with the
same number of partitions; a match lives in the partition of its id, so that number is fixed for ever. Events are kept
until compaction trims them: Kafka's defaults would drop them after a week, and nobody would notice before a rebuild.

A setting is checked only where the system would be wrong with another one; what is the operator's choice (replication,
`min.insync.replicas`, how long letters are kept) is left alone. An existing topic is never changed: it is named with
what was found and what is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from dojopool.ports import LogAdmin, TopicInfo

EVENTS_CONFIG: Final[Mapping[str, str]] = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "CreateTime",
}


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic that must be there."""

    name: str
    partitions: int
    required: Mapping[str, str]
    """Settings the system relies on."""
    initial: Mapping[str, str] = field(default_factory=dict)
    """Settings a new topic is given besides; the operator may change them."""


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What became of one topic in one region's Kafka."""

    region: str
    topic: str
    partitions: int
    """That it must have."""
    outcome: Literal["created", "exists", "missing", "differs"]
    problems: tuple[str, ...] = ()
    """What was found and what is needed, a sentence each; none unless it `differs`."""

    @property
    def is_good(self) -> bool:
        """Whether the topic is there and as it must be."""
        return self.outcome in ("created", "exists")


def topic_specs(*, regions: Sequence[str], partitions: int, prefix: str) -> tuple[TopicSpec, ...]:
    """The topics of every region's Kafka, in a deployment of `regions`."""
    kept, compacted = {"cleanup.policy": "delete"}, {"cleanup.policy": "compact"}
    return (
        *(TopicSpec(f"{prefix}.events.{region}", partitions, EVENTS_CONFIG) for region in regions),
        # A letter may hold the only copy of what somebody wrote, so it does not go by itself; and it is longer than the
        # record in it, by its headers.
        TopicSpec(f"{prefix}.dead-letters", partitions, kept, {"retention.ms": "-1", "max.message.bytes": "2097152"}),
        TopicSpec(f"{prefix}.violations", partitions, kept),
        TopicSpec(f"{prefix}.modes", 1, kept),
        TopicSpec(f"{prefix}.snapshots", 1, compacted),
    )


async def create_topics(
    admins: Mapping[str, LogAdmin], *, regions: Sequence[str], partitions: int, prefix: str
) -> tuple[TopicReport, ...]:
    """Make what is missing in the Kafka of each region of `admins`, and check what is there.

    May be repeated, also while another does the same. Raises Unavailable, or CallerError when a topic is refused; the
    topics made before that stay.
    """
    specs = topic_specs(regions=regions, partitions=partitions, prefix=prefix)
    return tuple([await _created(region, admin, spec) for region, admin in admins.items() for spec in specs])


async def check_topics(
    admins: Mapping[str, LogAdmin], *, regions: Sequence[str], partitions: int, prefix: str
) -> tuple[TopicReport, ...]:
    """Compare what is in the Kafka of each region of `admins` with what must be, and change nothing. Raises
    Unavailable.
    """
    specs = topic_specs(regions=regions, partitions=partitions, prefix=prefix)
    return tuple([await _checked(region, admin, spec) for region, admin in admins.items() for spec in specs])


async def _created(region: str, admin: LogAdmin, spec: TopicSpec) -> TopicReport:
    config = {**spec.required, **spec.initial}
    if await admin.create_topic(spec.name, partitions=spec.partitions, config=config):
        return TopicReport(region, spec.name, spec.partitions, "created")
    return await _checked(region, admin, spec)


async def _checked(region: str, admin: LogAdmin, spec: TopicSpec) -> TopicReport:
    found = await admin.describe_topic(spec.name)
    if found is None:
        return TopicReport(region, spec.name, spec.partitions, "missing")
    problems = tuple(_problems(spec, found))
    return TopicReport(region, spec.name, spec.partitions, "differs" if problems else "exists", problems)


def _problems(spec: TopicSpec, found: TopicInfo) -> list[str]:
    problems = []
    if found.partitions != spec.partitions:
        problems.append(f"has {_partitions(found.partitions)}, {_partitions(spec.partitions)} needed")
    for name, wanted in spec.required.items():
        value = found.config.get(name, "not set")
        if value != wanted:
            problems.append(f"has {name}={value}, {name}={wanted} needed")
    return problems


def _partitions(count: int) -> str:
    return "1 partition" if count == 1 else f"{count} partitions"
