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
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.ports import LogReader, Membership


class ConfluentLog(KafkaLog):
    """`ports.EventLog` of one region; made like a KafkaLog."""

    def reader(self) -> AbstractAsyncContextManager[LogReader]:
        """See `ports.EventLog`."""
        return open_reader(librdkafka_options(*self._connection))

    def membership(self, *, group: str, topic: str) -> AbstractAsyncContextManager[Membership]:
        """See `ports.EventLog`."""
        options = librdkafka_options(*self._connection)
        return open_membership(options, group=group, topic=topic, session_timeout_ms=self._session_timeout_ms)
