"""Options and errors of clients on librdkafka."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException
from pydantic import SecretStr

from dojopool.adapters.confluent_client import Link, librdkafka_faults, librdkafka_options, linked
from dojopool.errors import CallerError, ConfigError, StreamBroken, Unavailable
from dojopool.settings import KafkaSecurity
from support.certificates import self_signed
from support.protocols import PROTOCOLS


@pytest.mark.parametrize(("security", "protocol"), PROTOCOLS)
def test_the_protocol_follows_from_tls_and_login(security: KafkaSecurity, protocol: str) -> None:
    """The four names of Kafka are two questions."""
    options = librdkafka_options("host:1", security, "me")

    assert options["security.protocol"] == protocol
    assert (options.get("sasl.mechanism"), options.get("sasl.username")) == (security.sasl, security.user)
    assert options.get("sasl.password") == ("x" if security.sasl else None)


def test_tls_verifies_by_default() -> None:
    """A broker shows a certificate for its name that is vouched for."""
    options = librdkafka_options("host:1", KafkaSecurity(tls=True), "me")

    assert options["enable.ssl.certificate.verification"] is True
    assert options["ssl.endpoint.identification.algorithm"] == "https"


async def test_a_client_takes_the_options_and_files_as_they_are(tmp_path: Path) -> None:
    """librdkafka knows every option, reads the PEM files, and closes before it was ever connected."""
    certificate, key = self_signed(tmp_path)
    security = KafkaSecurity(
        tls=True, ca=certificate, cert=certificate, key=key, sasl="PLAIN", user="app", password=SecretStr("x")
    )
    options = librdkafka_options("127.0.0.1:1", security, "me")
    link = Link({**options, "group.id": "g"})
    await link.close()

    assert options["ssl.ca.location"] == str(certificate)
    assert (options["ssl.certificate.location"], options["ssl.key.location"]) == (str(certificate), str(key))


async def test_an_option_that_librdkafka_does_not_take_is_no_silence() -> None:
    """What the client refuses when it is made is raised with its words."""
    with pytest.raises(Unavailable, match=r"no\.such\.option"):
        async with linked({"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "no.such.option": 1}, "starting"):
            pass


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        (KafkaError._TRANSPORT, Unavailable),
        (KafkaError._ALL_BROKERS_DOWN, Unavailable),
        (KafkaError._TIMED_OUT, Unavailable),
        (KafkaError.NOT_ENOUGH_REPLICAS, Unavailable),
        (KafkaError._UNKNOWN_TOPIC, CallerError),
        (KafkaError._UNKNOWN_PARTITION, CallerError),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, CallerError),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, ConfigError),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, ConfigError),
        (KafkaError._AUTHENTICATION, ConfigError),
        (KafkaError.INVALID_SESSION_TIMEOUT, ConfigError),
    ],
)
def test_each_error_says_who_is_at_fault(code: int, ours: type[Exception]) -> None:
    """The verdicts are those on the same errors of aiokafka."""
    with pytest.raises(ours, match=r"reading: .*host:1") as raised, librdkafka_faults("host:1", "reading"):
        raise KafkaException(KafkaError(code))

    assert type(raised.value) is ours


def test_our_own_errors_pass() -> None:
    """What was said in our words already stays as it is."""
    with pytest.raises(StreamBroken), librdkafka_faults("host:1", "reading"):
        raise StreamBroken("a gap")
