"""The log's promises, on a real Kafka broker."""

from __future__ import annotations

import pytest

from contracts.event_log import EventLogContract
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.ports import EventLog

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


@pytest.fixture
def log(kafka: str) -> EventLog:
    """The run's broker; topics keep tests apart."""
    return KafkaLog(kafka, client_id="contract")


class TestKafka(EventLogContract):
    """KafkaLog keeps every promise."""
