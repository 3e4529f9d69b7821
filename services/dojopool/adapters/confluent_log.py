"""One region's Kafka as `ports.EventLog`, read and joined through librdkafka.

librdkafka fetches and decompresses in threads of its own, beside the one that folds. Writing and managing topics stay
with aiokafka: the records of one append are one batch there, as the port promises, while librdkafka sends what has
reached its queue, and another writer's records may stand in between.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from dojopool.adapters.confluent_client import librdkafka_options
from dojopool.adapters.confluent_membership import open_membership
from dojopool.adapters.confluent_reader import open_reader
from dojopool.adapters.kafka_log import PLAINTEXT, SYSTEM_CLOCK, KafkaLog
from dojopool.ports import Clock, LogReader, Membership
from dojopool.settings import KafkaSecurity


class ConfluentLog(KafkaLog):
    """`ports.EventLog` of one region; made like a KafkaLog."""

    def __init__(
        self,
        bootstrap: str,
        *,
        security: KafkaSecurity = PLAINTEXT,
        client_id: str = "dojo",
        session_timeout_ms: int = 3000,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(
            bootstrap, security=security, client_id=client_id, session_timeout_ms=session_timeout_ms, clock=clock
        )
        self._librdkafka = librdkafka_options(bootstrap, security, client_id)

    def reader(self) -> AbstractAsyncContextManager[LogReader]:
        """See `ports.EventLog`."""
        return open_reader(self._librdkafka)

    def membership(self, *, group: str, topic: str) -> AbstractAsyncContextManager[Membership]:
        """See `ports.EventLog`."""
        return open_membership(self._librdkafka, group=group, topic=topic, session_timeout_ms=self._session_timeout_ms)
