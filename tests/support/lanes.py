"""One lane on an in-memory log and a given store, without the service around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dojopool.adapters.memory_store import MemoryStore
from dojopool.replica.lane import Lane
from dojopool.replica.letters import DeadLetters
from dojopool.replica.loading import take_over
from support.pipeline import POOL, Facts, LoopClock, Pipeline

ENDS = {"eu": 100, "us": None}
"""Where the log of each stream ends, as a reader might say."""


@asynccontextmanager
async def lane_on(store: MemoryStore, pipeline: Pipeline | None = None) -> AsyncIterator[tuple[Lane, Facts]]:
    """The lane of partition 0, taken over, and what it tells its observer."""
    pipeline = pipeline or Pipeline()
    facts, topics = Facts(), pipeline.config.topics
    async with pipeline.log.writer() as writer, pipeline.log.reader() as reader, asyncio.TaskGroup() as tasks:
        partition = await take_over(0, store=store, reader=reader, loaded=POOL, config=pipeline.config)
        letters = DeadLetters(writer, facts, topic=pipeline.config.letters_topic)
        lane = Lane(partition, topics, store, letters, LoopClock(), facts, tasks)
        yield lane, facts
        lane.abandon()
