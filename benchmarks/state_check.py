"""What a row left in Redis, counted: a row that left out work, or did some twice, is no result.

Every event counts once in the clock of its match, so the sum of all clocks is the number of events taken in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from load import PARTITIONS, Totals
from match_state import view_key
from redis.asyncio import Redis

from dojopool.adapters.redis_keys import Keys

KEYS_PER_READ = 500


async def totals_of_replica(redis: Redis, prefix: str) -> Totals:
    """What the views of a replica show."""
    keys = Keys(prefix)
    shown: list[tuple[Any, Any]] = []
    for partition in range(PARTITIONS):
        async with redis.pipeline(transaction=False) as pipeline:
            live: Any = await redis.zrange(keys.matches(partition), 0, -1)
            for match in live:
                pipeline.hmget(keys.view(partition, match.decode()), "@clock", "frames")
            shown += [(json.loads(clock), json.loads(frames)) for clock, frames in await pipeline.execute()]
    return totals(shown)


async def totals_of_loop(redis: Redis, prefix: str) -> Totals:
    """What the views of the hand-written loop or a peer show."""
    keys = [key async for key in redis.scan_iter(match=view_key(prefix, "*"), count=KEYS_PER_READ)]
    texts: Any = await redis.mget(keys) if keys else []
    views = map(json.loads, texts)
    return totals((view["clock"], view["frames"]) for view in views)


def totals(shown: Iterable[tuple[Any, Any]]) -> Totals:
    """Counted over the clock and the frames of each match."""
    matches = events = points = 0
    for clock, frames in shown:
        matches += 1
        events += sum(clock.values())
        points += sum(won for frame in frames.values() for won in frame["points"].values())
    return Totals(matches, events, points)
