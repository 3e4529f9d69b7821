"""What a replica says of itself: the region's status hash, committed offsets for lag tools, and readiness."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dojopool.errors import Unavailable
from dojopool.ports import Membership, StateStore
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.intake import Intake
from dojopool.replica.lane import Lane
from dojopool.replica.rendering import to_json

STATUS_PERIOD_S: Final = 1.0
"""How often the status hash is written: readers compute staleness from it."""

MISSING_MATCHES_MAX: Final = 3
"""Matches named for a stream that is full: enough to know where to look."""


@dataclass(slots=True)
class Health:
    """What the replica's loop knows of its own state."""

    has_joined: bool = False
    """Whether the group has ever given this process an answer."""
    wanted: frozenset[int] = frozenset()
    """Partitions that the group says are this process's."""
    troubles: dict[str, tuple[str, float]] = field(default_factory=dict)
    """What does not work at the moment -> why, and until when (in seconds of the loop's clock) to go on saying so."""


@dataclass(frozen=True, slots=True)
class Report:
    """Whether the replica can do its work, and what stands in the way."""

    is_ready: bool
    owned: tuple[int, ...]
    problems: tuple[str, ...]


def report(health: Health, lanes: Mapping[int, Intake], failed: Mapping[int, str], *, now_s: float) -> Report:
    """Readiness: joined, everything wanted is held, and nothing stands in the way of any of it."""
    problems = [f"{what}: {why}" for what, (why, until_s) in health.troubles.items() if now_s < until_s]
    if not health.has_joined:
        problems.append("the consumer group has not answered yet")
    for number in sorted(health.wanted | set(lanes)):
        if number in lanes:
            problems += [f"partition {number}: {reason}" for reason in _problems_of(lanes[number])]
        else:
            problems.append(f"partition {number}: {failed.get(number, 'is being taken over')}")
    return Report(is_ready=not problems, owned=tuple(sorted(lanes)), problems=tuple(problems))


def _problems_of(lane: Intake) -> Iterator[str]:
    if lane.trouble is not None:
        yield lane.trouble
    yield from lane.partition.broken.values()
    streams = lane.partition.streams
    for region in streams.positions:
        if streams.is_full(region):
            fold = lane.partition.fold
            missing = fold.missing(most=MISSING_MATCHES_MAX) or "no events"
            yield (
                f"the stream of {region} is not read on: {fold.waiting(region)} of its events wait,"
                f" {fold.waiting_bytes(region)} bytes;"
                f" {fold.undecoded()} records are of an unknown schema, and missing are {missing}"
            )


async def keep_status(
    config: ReplicaConfig,
    *,
    version: str,
    store: StateStore,
    membership: Membership,
    lanes: Callable[[], Mapping[int, Lane]],
) -> None:
    """Write the status hash and commit offsets, once a second, until cancelled. A store that does not answer is asked
    again.
    """
    fixed = {
        "region": config.region.encode(),
        "partitions": b"%d" % config.partitions,
        "version": version.encode(),
    }
    while True:
        stored = {number: lane for number, lane in lanes().items() if lane.stored}
        with contextlib.suppress(Unavailable):
            by_number = {str(n): to_json(_partition_status(lane, config.owner)) for n, lane in stored.items()}
            await store.put_status(fixed | by_number)
        if stored:
            config.failpoints.reach("committing")
        await membership.commit({number: lane.stored[config.region].next_offset for number, lane in stored.items()})
        await asyncio.sleep(STATUS_PERIOD_S)


def _partition_status(lane: Lane, owner: str) -> dict[str, object]:
    """What is stored, not what was read: readers judge by it how old the views may be."""
    return {
        "at": lane.stored_at_ms,
        "marks": {region: position.mark_time_ms for region, position in lane.stored.items()},
        "offsets": {region: position.next_offset for region, position in lane.stored.items()},
        "owner": owner,
        "epoch": lane.partition.epoch,
    }
