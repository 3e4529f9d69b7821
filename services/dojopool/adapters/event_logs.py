"""A region's Kafka, through the client that the settings choose."""

from __future__ import annotations

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.errors import ConfigError
from dojopool.settings import ClusterSettings


def event_log(
    settings: ClusterSettings, region: str, *, client_id: str = "dojo", session_timeout_ms: int = 3000
) -> KafkaLog:
    """A region's Kafka; nothing is connected yet. Raises ConfigError when DOJO_KAFKA does not name it, a TLS file
    cannot be used, or the client of DOJO_KAFKA_CLIENT is not installed.
    """
    kind = KafkaLog if settings.kafka_client == "aiokafka" else _confluent_log()
    return kind(
        settings.kafka_for(region),
        security=settings.kafka_security(),
        client_id=client_id,
        session_timeout_ms=session_timeout_ms,
    )


def _confluent_log() -> type[KafkaLog]:
    try:
        from dojopool.adapters.confluent_log import ConfluentLog  # noqa: PLC0415 - an extra, so it may be missing
    except ModuleNotFoundError as error:
        if error.name != "confluent_kafka":
            raise
        raise ConfigError(
            "DOJO_KAFKA_CLIENT is confluent, but confluent-kafka is not installed: pip install 'dojopool[confluent]',"
            " or leave the setting out to use aiokafka"
        ) from error
    return ConfluentLog
