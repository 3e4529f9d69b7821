"""The least that each program must be allowed in its region's Kafka, and the commands that allow it.

Five users, named after the prefix: `dojo-sdk` (game servers), `dojo-replica`, `dojo-checker`, `dojo-mirror`
(MirrorMaker 2, which reads the region's own events here and writes the other regions') and `dojo-operator` (the
commands that make topics, look and repair). Who only reads state needs no right in Kafka at all. Regions have Kafkas of
their own, so the names are the same in each, and a user of one region is nobody in another.

Writing implies describing, and idempotent writing needs no right of its own since Kafka 2.8. Left out: rights to trim
or delete, which no program of today uses, and users' passwords, which are the broker's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dojopool.local.topics import topic_specs

Program = Literal["sdk", "replica", "checker", "mirror", "operator"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What one program may do to one resource, or to all whose names begin alike."""

    program: Program
    resource: Literal["topic", "group", "cluster"]
    name: str
    """Of the resource; empty for the cluster."""
    operations: tuple[str, ...]
    is_prefix: bool = False
    """Whether `name` is the beginning of the names meant."""


def grants(*, region: str, regions: Sequence[str], prefix: str) -> tuple[Grant, ...]:
    """Everything that is to be allowed in the Kafka of `region`, in a deployment of `regions`."""
    own, letters = f"{prefix}.events.{region}", f"{prefix}.dead-letters"
    others = [other for other in regions if other != region]
    found = [
        Grant("sdk", "topic", own, ("Write",)),
        # Marks go to the own topic.
        Grant("replica", "topic", own, ("Read", "Write", "DescribeConfigs")),
        Grant("replica", "topic", letters, ("Write", "DescribeConfigs")),
        Grant("replica", "group", f"{prefix}.replica.{region}", ("Read",)),
        *(Grant("replica", "topic", f"{prefix}.events.{other}", ("Read", "DescribeConfigs")) for other in others),
    ]
    found += [
        *(Grant("checker", "topic", f"{prefix}.events.{each}", ("Read", "DescribeConfigs")) for each in regions),
        # Whoever takes a partition over reads what is published of it.
        Grant("checker", "topic", f"{prefix}.violations", ("Read", "Write", "DescribeConfigs")),
        Grant("checker", "group", f"{prefix}.checker.{region}", ("Read",)),
        *(
            Grant("operator", "topic", topic.name, ("Create", "Describe", "DescribeConfigs"))
            for topic in topic_specs(regions=regions, partitions=1, prefix=prefix)
        ),
        Grant("operator", "group", f"{prefix}.replica.{region}", ("Describe",)),
        Grant("operator", "cluster", "", ("DescribeConfigs",)),
    ]
    if others:
        found += _mirror(own, others, prefix)
    return tuple(found)


def _mirror(own: str, others: Sequence[str], prefix: str) -> list[Grant]:
    """A flow reads where events come from, and keeps its own books (topics and a group of Connect) where they go."""
    book_keeping = ("Create", "Read", "Write", "DescribeConfigs")
    return [
        Grant("mirror", "topic", own, ("Read", "DescribeConfigs")),
        Grant("mirror", "topic", "mm2-", book_keeping, is_prefix=True),
        *(Grant("mirror", "topic", f"{prefix}.events.{other}", ("Write", "DescribeConfigs")) for other in others),
        *(Grant("mirror", "group", f"{other}-mm2", ("Read",)) for other in others),
    ]


def user_of(grant: Grant, *, prefix: str) -> str:
    """The name that the program logs in to Kafka with."""
    return f"{prefix}-{grant.program}"


def command_words(grant: Grant, *, prefix: str) -> list[str]:
    """The words behind `kafka-acls.sh` and its connection that allow it. Allowing again changes nothing."""
    operations = [word for operation in grant.operations for word in ("--operation", operation)]
    named = ["--cluster"] if grant.resource == "cluster" else [f"--{grant.resource}", grant.name]
    pattern = ["--resource-pattern-type", "prefixed"] if grant.is_prefix else []
    return ["--add", "--allow-principal", f"User:{user_of(grant, prefix=prefix)}", *operations, *named, *pattern]
