"""This process's place in a consumer group that shares the partitions of a topic, and nothing else.

The group's consumer is subscribed but every partition stays paused, from the first line of the assignment callback: a
rebalance therefore can neither deliver nor skip a record. Which offsets are read is decided elsewhere, by a consumer
without a group. Partitions are not given up when a rebalance begins, only when its result says so; until the store's
epoch says otherwise, two processes may both believe that they own one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from dojopool.adapters.kafka_client import kafka_faults, partitions_of, started
from dojopool.adapters.kafka_ownership import Ownership
from dojopool.errors import DojoError

POLL_MS: Final = 1000
"""The client counts polls to see that its owner lives; nothing is expected from them."""

COMMIT_TIMEOUT_S: Final = 3.0
HEARTBEATS_PER_SESSION: Final = 3
RETRY_S: Final = 1.0


class KafkaMembership(Ownership, ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """`ports.Membership` on a consumer whose partitions are always paused."""

    def __init__(self, consumer: AIOKafkaConsumer, *, topic: str, bootstrap: str) -> None:
        super().__init__()
        self._consumer = consumer
        self._topic = topic
        self._bootstrap = bootstrap

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Called when a rebalance begins; what is kept must not be interrupted, so nothing happens."""

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Called when a rebalance has ended, after fetching was allowed and before it can happen."""
        self._consumer.pause(*assigned)
        self.own(frozenset(assigned_partition.partition for assigned_partition in assigned))

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """See `ports.Membership`."""
        mine = {
            TopicPartition(self._topic, number): offset for number, offset in offsets.items() if number in self.owned()
        }
        if mine:
            # Lag tools can live with a commit that is lost; the offsets that count are in the store.
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(COMMIT_TIMEOUT_S):
                    await self._consumer.commit(mine)

    async def keep_alive(self) -> None:
        """Poll for ever, so that the client sees that we live, and to hear of what the group refuses."""
        while True:
            try:
                with kafka_faults(self._bootstrap, f"being a member of the group of {self._topic}"):
                    await self._consumer.getmany(timeout_ms=POLL_MS)
            except DojoError as error:
                self.fail(error)
                await asyncio.sleep(RETRY_S)


@asynccontextmanager
async def open_membership(
    options: dict[str, Any], *, group: str, topic: str, session_timeout_ms: int
) -> AsyncIterator[KafkaMembership]:
    """Join on entry, leave on exit. Raises CallerError when there is no such topic, Unavailable without an answer."""
    bootstrap = options["bootstrap_servers"]
    consumer = AIOKafkaConsumer(
        **options,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="latest",  # a paused partition must have some position; none is ever read from
        session_timeout_ms=session_timeout_ms,
        heartbeat_interval_ms=session_timeout_ms // HEARTBEATS_PER_SESSION,
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    async with started(consumer, bootstrap, f"joining group {group}"):
        await partitions_of(consumer._client, topic, bootstrap=bootstrap)
        membership = KafkaMembership(consumer, topic=topic, bootstrap=bootstrap)
        consumer.subscribe([topic], listener=membership)
        polling = asyncio.create_task(membership.keep_alive())  # allowed: ended below, before this returns
        try:
            yield membership
        finally:
            polling.cancel()
            await asyncio.wait([polling])
