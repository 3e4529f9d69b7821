"""The client of Kafka that the settings choose."""

from __future__ import annotations

import sys

import pytest

from dojopool.adapters.confluent_log import ConfluentLog
from dojopool.adapters.event_logs import event_log
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.errors import ConfigError
from dojopool.settings import ClusterSettings


@pytest.mark.parametrize(("value", "kind"), [("", KafkaLog), ("aiokafka", KafkaLog), ("confluent", ConfluentLog)])
def test_the_client_is_chosen_by_its_setting(monkeypatch: pytest.MonkeyPatch, value: str, kind: type) -> None:
    """DOJO_KAFKA_CLIENT names it; aiokafka without it."""
    monkeypatch.setenv("DOJO_KAFKA_CLIENT", value)
    settings = ClusterSettings.load(region="eu", kafka="host:1")

    assert type(event_log(settings, "eu")) is kind


def test_another_client_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is none of the two is found at start."""
    monkeypatch.setenv("DOJO_KAFKA_CLIENT", "kafka-python")
    with pytest.raises(ConfigError, match=r"DOJO_KAFKA_CLIENT is 'kafka-python'.*aiokafka.*confluent"):
        ClusterSettings.load(region="eu", kafka="host:1")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where confluent-kafka is not installed, the error says what to install."""
    for name in [name for name in sys.modules if "confluent" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    settings = ClusterSettings.load(region="eu", kafka="host:1", kafka_client="confluent")
    with pytest.raises(ConfigError, match=r"dojopool\[confluent\]"):
        event_log(settings, "eu")


def test_a_region_nobody_gave_the_address_of_is_refused() -> None:
    """The address is asked of the settings, which say what is missing."""
    settings = ClusterSettings.load(regions="eu,us", kafka="eu=a:1")
    with pytest.raises(ConfigError, match="region us needs one too"):
        event_log(settings, "us")
