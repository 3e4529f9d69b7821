"""What a replica says of itself: the region's status hash, committed offsets for lag tools, and readiness."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dojopool.errors import Unavailable
from dojopool.ports import Membership, StateStore
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.lane import Lane
from dojopool.replica.rendering import to_json

STATUS_PERIOD_S: Final = 1.0
"""How often the status hash is written: readers compute staleness from it."""


@dataclass(slots=True)
class Health:
    """What the replica's loop knows of its own state."""

    has_joined: bool = False
    """Whether the group has ever given this process an answer."""
    wanted: frozenset[int] = frozenset()
    """Partitions that the group says are this process's."""
    trouble: str | None = None
    """Why nothing can be read at the moment."""
    failed: dict[int, str] = field(default_factory=dict)
    """Partitions that cannot be taken over, with the reason."""


@dataclass(frozen=True, slots=True)
class Report:
    """Whether the replica can do its work, and what stands in the way."""

    is_ready: bool
    owned: tuple[int, ...]
    problems: tuple[str, ...]


def report(health: Health, lanes: Mapping[int, Lane]) -> Report:
    """Readiness: joined, everything wanted is held, and nothing is broken."""
    problems = [f"partition {number}: {reason}" for number, reason in sorted(health.failed.items())]
    for number, lane in sorted(lanes.items()):
        problems += [f"partition {number}: {reason}" for reason in lane.partition.broken.values()]
    if not health.has_joined:
        problems.append("the consumer group has not answered yet")
    if health.trouble:
        problems.append(health.trouble)
    is_held = health.wanted <= set(lanes)
    return Report(is_ready=is_held and not problems, owned=tuple(sorted(lanes)), problems=tuple(problems))


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
        await asyncio.sleep(STATUS_PERIOD_S)
        held = lanes()
        with contextlib.suppress(Unavailable):
            await store.put_status(fixed | {str(n): to_json(_partition_status(lane)) for n, lane in held.items()})
        await membership.commit(
            {n: lane.stored[config.region] for n, lane in held.items() if config.region in lane.stored}
        )


def _partition_status(lane: Lane) -> dict[str, object]:
    return {"at": lane.partition.written_at_ms, "marks": lane.partition.mark_times_ms()}
