"""Managing topics of one region's Kafka.

The client raises nothing for a topic that was refused, so every reply is looked at; and it asks for topics by name,
which can create them, so they are looked up in the list of all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import OffsetOutOfRangeError, for_code

from dojopool.adapters.kafka_client import START_TIMEOUT_S, kafka_faults
from dojopool.errors import CallerError, Unavailable
from dojopool.ports import TopicInfo
from dojopool.ports import TopicPartition as Partition

TOPIC_EXISTS: Final = 36
BROKER_DEFAULT: Final = -1
"""As replication factor: what the cluster's operator set."""

VISIBLE_TIMEOUT_S: Final = 10.0
VISIBLE_RETRY_S: Final = 0.05


class KafkaAdmin:
    """`ports.LogAdmin`."""

    def __init__(self, client: AIOKafkaAdminClient, *, bootstrap: str) -> None:
        self._client = client
        self._bootstrap = bootstrap

    async def create_topic(self, name: str, *, partitions: int, config: Mapping[str, str]) -> bool:
        """See `ports.LogAdmin`. On return the topic can be used; its replication is the cluster's default."""
        wanted = NewTopic(name, partitions, BROKER_DEFAULT, replica_assignments={}, topic_configs=dict(config))
        doing = f"creating topic {name}"
        with kafka_faults(self._bootstrap, doing):
            reply = await self._client.create_topics([wanted])
        _, code, *message = reply.topic_errors[0]
        if code == TOPIC_EXISTS:
            return False
        if code:
            error = for_code(code)
            kind = Unavailable if error.retriable else CallerError
            raise kind(
                f"{doing}: Kafka at {self._bootstrap} refused it: {error.__name__} {' '.join(map(str, message))}"
            )
        await self._wait_until_visible(name, partitions)
        return True

    async def _wait_until_visible(self, name: str, partitions: int) -> None:
        """The controller knows a topic before the brokers do."""
        try:
            async with asyncio.timeout(VISIBLE_TIMEOUT_S):
                while len(await self._leaders(name) or ()) < partitions:  # noqa: ASYNC110 - a broker sends no event
                    await asyncio.sleep(VISIBLE_RETRY_S)
        except TimeoutError:
            raise Unavailable(f"topic {name} was created, but not all of its partitions have a leader yet") from None

    async def _leaders(self, name: str) -> list[int] | None:
        """Leaders of a topic's partitions that have one, None when there is no such topic."""
        with kafka_faults(self._bootstrap, f"looking up topic {name}"):
            topics = await self._client.describe_topics()
        for topic in topics:
            if topic["topic"] == name:
                return [partition["leader"] for partition in topic["partitions"] if partition["leader"] >= 0]
        return None

    async def describe_topic(self, name: str) -> TopicInfo | None:
        """See `ports.LogAdmin`."""
        leaders = await self._leaders(name)
        if leaders is None:
            return None
        with kafka_faults(self._bootstrap, f"describing topic {name}"):
            [reply] = await self._client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
            code, message, _, _, entries, *_ = reply.resources[0]
            if code:
                raise for_code(code)(message)
        return TopicInfo(len(leaders), {entry[0]: entry[1] for entry in entries if entry[1] is not None})

    async def trim(self, partition: Partition, *, before: int) -> None:
        """See `ports.LogAdmin`."""
        doing = f"trimming {partition[0]}/{partition[1]} before {before}"
        if await self._leaders(partition[0]) is None:
            raise CallerError(f"{doing}: Kafka at {self._bootstrap} has no such topic")
        try:
            with kafka_faults(self._bootstrap, doing):
                await self._client.delete_records({TopicPartition(*partition): RecordsToDelete(before)})
        except Unavailable as error:
            if isinstance(error.__cause__, OffsetOutOfRangeError):
                raise CallerError(f"{doing}: that is above the end of the log") from error
            raise


@asynccontextmanager
async def open_admin(options: dict[str, Any]) -> AsyncIterator[KafkaAdmin]:
    """Connect on entry, close on exit. Raises Unavailable when Kafka does not answer."""
    client = AIOKafkaAdminClient(**options)
    try:
        with kafka_faults(options["bootstrap_servers"], "starting an admin client"):
            async with asyncio.timeout(START_TIMEOUT_S):
                await client.start()
        yield KafkaAdmin(client, bootstrap=options["bootstrap_servers"])
    finally:
        await client.close()
