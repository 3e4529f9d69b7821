"""What every Kafka client of ours shares: options, the meaning of errors, and whether a topic exists.

A topic is always looked up in the list of all topics and never asked for by name: a broker that may create topics by
itself would answer by creating it, with whatever number of partitions. And a consumer assigned to a topic that is
missing asks for it two thousand times a second.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from aiokafka import errors
from aiokafka.client import AIOKafkaClient

from dojopool.errors import CallerError, ConfigError, Unavailable
from dojopool.settings import KafkaSecurity

REQUEST_TIMEOUT_MS: Final = 10_000
"""For one reply of a broker; then the connection is taken for dead and made anew."""

START_TIMEOUT_S: Final = 20.0
"""For a client to connect, log in and get its identity."""

TOPIC_GRACE_S: Final = 2.0
"""How long a topic may be missing before it counts as missing: brokers learn of a new one at different times."""

TOPIC_RETRY_S: Final = 0.1

Fact: TypeAlias = Literal["bootstrap", "client", "timeout", "protocol", "mechanism", "user", "password"]

AIOKAFKA_NAMES: Final[Mapping[Fact, str]] = {
    "bootstrap": "bootstrap_servers",
    "client": "client_id",
    "timeout": "request_timeout_ms",
    "protocol": "security_protocol",
    "mechanism": "sasl_mechanism",
    "user": "sasl_plain_username",
    "password": "sasl_plain_password",
}

NEVER_TAKEN: Final = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidTopicError,
    errors.InvalidTimestampError,
    errors.PolicyViolationError,
    errors.UnsupportedVersionError,
    errors.UnsupportedForMessageFormatError,
)
NOT_ALLOWED: Final = (
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.AuthenticationFailedError,
    errors.SaslAuthenticationFailed,
    errors.UnsupportedSaslMechanismError,
)


def client_options(bootstrap: str, security: KafkaSecurity, client_id: str) -> dict[str, Any]:
    """Arguments that every aiokafka client takes. Raises ConfigError when a TLS file cannot be used."""
    facts = connection_facts(bootstrap, security, client_id)
    options = {AIOKAFKA_NAMES[fact]: value for fact, value in facts.items()}
    if security.tls:
        options["ssl_context"] = _tls_context(security)
    return options


def connection_facts(bootstrap: str, security: KafkaSecurity, client_id: str) -> dict[Fact, Any]:
    """What every client is told to connect and log in, whatever it calls that."""
    facts: dict[Fact, Any] = {
        "bootstrap": bootstrap,
        "client": client_id,
        "timeout": REQUEST_TIMEOUT_MS,
        "protocol": ("SASL_" if security.sasl else "") + ("SSL" if security.tls else "PLAINTEXT"),
    }
    if security.sasl:
        password = security.password and security.password.get_secret_value()
        facts |= {"mechanism": security.sasl, "user": security.user, "password": password}
    return facts


def _tls_context(security: KafkaSecurity) -> ssl.SSLContext:
    """Verify the broker's name and certificate, show our own where one is set."""
    with _using("DOJO_KAFKA_CA", security.ca):
        context = ssl.create_default_context(cafile=security.ca)
    if security.cert is not None:
        with _using("DOJO_KAFKA_CERT or DOJO_KAFKA_KEY", security.cert):
            context.load_cert_chain(security.cert, security.key)
    return context


@contextmanager
def _using(variable: str, path: Path | None) -> Iterator[None]:
    try:
        yield
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{variable} ({path}) cannot be used as a PEM file: {error}") from error


@contextmanager
def kafka_faults(bootstrap: str, doing: str) -> Iterator[None]:
    """Raise our own errors for those of the client."""
    try:
        yield
    except NEVER_TAKEN as error:
        raise CallerError(f"{doing}: Kafka at {bootstrap} will never take it: {error!r}") from error
    except NOT_ALLOWED as error:
        raise ConfigError(f"{doing}: Kafka at {bootstrap} does not allow it to this user: {error!r}") from error
    except errors.UnknownTopicOrPartitionError as error:
        raise CallerError(f"{doing}: Kafka at {bootstrap} has no such topic or partition") from error
    except errors.InvalidSessionTimeoutError as error:
        raise ConfigError(
            f"{doing}: Kafka at {bootstrap} does not allow this session timeout; raise DOJO_SESSION_TIMEOUT_MS to at"
            " least its group.min.session.timeout.ms"
        ) from error
    except errors.UnsupportedCodecError as error:
        raise ConfigError(
            f"{doing}: Kafka at {bootstrap} holds records that are compressed in a way this installation cannot read;"
            f" install aiokafka[all]: {error}"
        ) from error
    except (errors.KafkaError, TimeoutError) as error:
        raise Unavailable(f"{doing}: Kafka at {bootstrap} does not answer: {error!r}") from error


@asynccontextmanager
async def started(client: Any, bootstrap: str, doing: str) -> AsyncIterator[None]:
    """Start an aiokafka client and stop it on exit. Raises Unavailable when it does not get ready in time."""
    try:
        with kafka_faults(bootstrap, doing):
            async with asyncio.timeout(START_TIMEOUT_S):
                await client.start()
        yield
    finally:
        await client.stop()


async def partitions_of(client: AIOKafkaClient, topic: str, *, bootstrap: str) -> frozenset[int]:
    """Numbers of a topic's partitions. Raises CallerError when there is no such topic."""

    async def known() -> Collection[int]:
        with kafka_faults(bootstrap, f"looking up topic {topic}"):
            return (await client.fetch_all_metadata()).partitions_for_topic(topic) or ()

    return await existing_partitions(known, topic, bootstrap=bootstrap)


async def existing_partitions(
    known: Callable[[], Awaitable[Collection[int]]], topic: str, *, bootstrap: str
) -> frozenset[int]:
    """What `known` answers once that is something. Raises CallerError when it stays empty for too long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + TOPIC_GRACE_S
    while not (partitions := await known()):
        if loop.time() > deadline:
            raise CallerError(f"Kafka at {bootstrap} has no topic {topic}: create it (`dojo topics create`)")
        await asyncio.sleep(TOPIC_RETRY_S)
    return frozenset(partitions)
