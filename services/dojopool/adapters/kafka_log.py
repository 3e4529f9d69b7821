"""One region's Kafka as `ports.EventLog`, on aiokafka. Each part has a file of its own; here they are put together."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Final

from dojopool.adapters.kafka_admin import open_admin
from dojopool.adapters.kafka_client import client_options
from dojopool.adapters.kafka_membership import open_membership
from dojopool.adapters.kafka_reader import open_reader
from dojopool.adapters.kafka_writer import open_writer
from dojopool.adapters.system_clock import SystemClock
from dojopool.ports import Clock, LogAdmin, LogReader, LogWriter, Membership
from dojopool.settings import KafkaSecurity

PLAINTEXT: Final = KafkaSecurity()
SYSTEM_CLOCK: Final = SystemClock()


class KafkaLog:
    """`ports.EventLog` of one region.

    `bootstrap` is `host:port,host:port`. `client_id` names us in the broker's logs and quotas. `session_timeout_ms` is
    how long a silent member of a group keeps its partitions. `clock` gives records their time. Raises ConfigError when
    a TLS file cannot be used; nothing is connected before a context is entered.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        security: KafkaSecurity = PLAINTEXT,
        client_id: str = "dojo",
        session_timeout_ms: int = 3000,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._connection = (bootstrap, security, client_id)
        self._options = client_options(*self._connection)
        self._session_timeout_ms = session_timeout_ms
        self._clock = clock

    def writer(self) -> AbstractAsyncContextManager[LogWriter]:
        """See `ports.EventLog`."""
        return open_writer(self._options, clock=self._clock)

    def reader(self) -> AbstractAsyncContextManager[LogReader]:
        """See `ports.EventLog`."""
        return open_reader(self._options)

    def membership(self, *, group: str, topic: str) -> AbstractAsyncContextManager[Membership]:
        """See `ports.EventLog`."""
        return open_membership(self._options, group=group, topic=topic, session_timeout_ms=self._session_timeout_ms)

    def admin(self) -> AbstractAsyncContextManager[LogAdmin]:
        """See `ports.EventLog`."""
        return open_admin(self._options)
