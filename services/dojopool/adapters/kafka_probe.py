"""What a Kafka says of itself and lets its user do, found out without changing anything in our topics and groups."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    for_code,
)

from dojopool.adapters.kafka_client import START_TIMEOUT_S, client_options, kafka_faults
from dojopool.settings import KafkaSecurity

COORDINATOR_RETRY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """One cluster as its user sees it."""

    brokers: int
    settings: Mapping[str, str] | None
    """Of one of its brokers; None when this user may not read them."""
    sees_group: bool
    """Whether this user may look at the group, which is the least that joining it takes."""


async def probe_kafka(bootstrap: str, *, security: KafkaSecurity, group: str) -> KafkaFacts:
    """Ask a cluster. Raises Unavailable when it does not answer, ConfigError when it refuses the login.

    A cluster in which there never was a group makes its own internal topic for them on the way.
    """
    client = AIOKafkaAdminClient(**client_options(bootstrap, security, "dojo-doctor"))
    try:
        with kafka_faults(bootstrap, "asking for its settings"):
            async with asyncio.timeout(START_TIMEOUT_S):
                await client.start()
                brokers = (await client.describe_cluster())["brokers"]
                settings = await _settings(client, brokers[0]["node_id"])
                return KafkaFacts(len(brokers), settings, await _sees(client, group))
    finally:
        await client.close()


async def _settings(client: AIOKafkaAdminClient, node: Any) -> Mapping[str, str] | None:
    [reply] = await client.describe_configs([ConfigResource(ConfigResourceType.BROKER, str(node))])
    code, message, _, _, entries, *_ = reply.resources[0]
    if for_code(code) is ClusterAuthorizationFailedError:
        return None
    if code:
        raise for_code(code)(message)
    return {entry[0]: entry[1] for entry in entries if entry[1] is not None}


async def _sees(client: AIOKafkaAdminClient, group: str) -> bool:
    while True:  # until the deadline of `probe_kafka`
        try:
            await client.find_coordinator(group)
        except GroupAuthorizationFailedError:
            return False
        except GroupCoordinatorNotAvailableError:  # the cluster makes its topic of groups, for the first one asked for
            await asyncio.sleep(COORDINATOR_RETRY_S)
        else:
            return True
