"""The log's promises, on a real Kafka broker, through librdkafka."""

from __future__ import annotations

import pytest

from contracts.event_log import EventLogContract
from dojopool.adapters.confluent_log import ConfluentLog
from dojopool.ports import EventLog

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


@pytest.fixture
def log(kafka: str) -> EventLog:
    """The run's broker; topics keep tests apart."""
    return ConfluentLog(kafka, client_id="contract")


class TestConfluent(EventLogContract):
    """ConfluentLog keeps every promise."""
