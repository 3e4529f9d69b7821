"""This process's place in a consumer group, on librdkafka: ownership and nothing else.

The group is told that we took what it gave us, and the client is assigned nothing of it: so a rebalance can neither
deliver nor skip a record. Heartbeats come from the client's own threads, so that a busy event loop costs no partition.
Nothing is given up when a rebalance begins, only when its result says so.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from dojopool.adapters.confluent_client import SLICE_S, Link, librdkafka_faults, linked, seen_as
from dojopool.adapters.kafka_client import kafka_faults
from dojopool.adapters.kafka_membership import HEARTBEATS_PER_SESSION
from dojopool.adapters.kafka_ownership import Ownership
from dojopool.errors import DojoError

RETRY_S: Final = 1.0

POLL_INTERVAL_MS_MAX: Final = 300_000
"""For a poll of ours before the group takes us for dead: as much as the longest session allowed."""


class ConfluentMembership(Ownership):
    """`ports.Membership` on a consumer that is subscribed and reads nothing."""

    def __init__(self, link: Link, *, topic: str) -> None:
        super().__init__()
        self._link = link
        self._topic = topic
        self._loop = asyncio.get_running_loop()
        self._is_leaving = threading.Event()
        self._to_commit: Mapping[int, int] = {}

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """See `ports.Membership`. Returns at once; of two before the client's next poll the later one counts."""
        self._to_commit = {number: offset for number, offset in offsets.items() if number in self.owned()}

    async def stay(self) -> None:
        """Subscribe, and be a member until `leave`."""
        while not self._is_leaving.is_set():
            try:
                await self._link.call(self._keep_polling)
            except KafkaException as error:  # told, and tried again: a member that no longer polls would go unnoticed
                self._refused(error.args[0])
                await asyncio.sleep(RETRY_S)

    def leave(self) -> None:
        """Let `stay` end."""
        self._is_leaving.set()

    def _keep_polling(self) -> None:
        """Serve the client's callbacks. Runs in the thread."""
        consumer = self._link.consumer
        consumer.subscribe([self._topic], on_assign=self._assigned, on_revoke=_keep, on_lost=_keep)
        while not self._is_leaving.is_set():
            self._commit()
            message = consumer.poll(SLICE_S)
            if message is not None:
                error = message.error()
                assert error is not None, "a member that is assigned nothing reads no record"
                self._loop.call_soon_threadsafe(self._refused, error)

    def _commit(self) -> None:
        wanted, self._to_commit = self._to_commit, {}
        if wanted:
            # Lag tools can live with a commit that is lost; the offsets that count are in the store.
            with suppress(KafkaException):
                places = [TopicPartition(self._topic, number, offset) for number, offset in wanted.items()]
                self._link.consumer.commit(offsets=places, asynchronous=True)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign([])
        self._loop.call_soon_threadsafe(self.own, frozenset(partition.partition for partition in partitions))

    def _refused(self, error: KafkaError) -> None:
        try:
            with kafka_faults(self._link.bootstrap, f"being a member of the group of {self._topic}"):
                raise seen_as(error)
        except DojoError as ours:
            self.fail(ours)


def _keep(consumer: Consumer, partitions: list[TopicPartition]) -> None:
    """Called when a rebalance begins, or the group has forgotten us; ownership ends with its result."""
    consumer.unassign()


@asynccontextmanager
async def open_membership(
    options: dict[str, Any], *, group: str, topic: str, session_timeout_ms: int
) -> AsyncIterator[ConfluentMembership]:
    """Join on entry, leave on exit. Raises CallerError when there is no such topic, Unavailable without an answer."""
    wanted = {
        **options,
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "session.timeout.ms": session_timeout_ms,
        "heartbeat.interval.ms": session_timeout_ms // HEARTBEATS_PER_SESSION,
        "max.poll.interval.ms": max(session_timeout_ms, POLL_INTERVAL_MS_MAX),
        "partition.assignment.strategy": "range",
    }
    with librdkafka_faults(options["bootstrap.servers"], f"joining group {group}"):
        async with linked(wanted, f"joining group {group}") as link:
            await link.topic_partitions(topic)
            membership = ConfluentMembership(link, topic=topic)
            staying = asyncio.create_task(membership.stay())  # allowed: ended below, before this returns
            try:
                yield membership
            finally:
                membership.leave()
                await staying
