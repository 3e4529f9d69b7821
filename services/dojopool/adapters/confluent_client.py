"""What the clients on librdkafka share: options, the meaning of errors, and the one thread that their calls run in.

librdkafka fetches, decompresses and checks in threads of its own, and its calls wait without the event loop. So every
consumer has one Python thread, and all of its calls run there, one after the other: a commit beside a poll that serves
callbacks was seen to hang for ever, one holding the interpreter and the other what it waited for. Waits for records are
cut into slices, since nothing can wake one early: who wants to close or to assign waits for the end of a slice. While
no broker answers it may be that of a question to one, METADATA_TIMEOUT_S.

Errors keep one meaning: those of librdkafka become the ones of aiokafka, whose codes come from the same protocol, and
`kafka_faults` has the rest of the way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

from aiokafka import errors
from confluent_kafka import Consumer, KafkaError, KafkaException

from dojopool.adapters.kafka_client import (
    REQUEST_TIMEOUT_MS,
    START_TIMEOUT_S,
    Fact,
    connection_facts,
    existing_partitions,
    kafka_faults,
)
from dojopool.settings import KafkaSecurity

T = TypeVar("T")

SLICE_S: Final = 0.1
"""The longest wait for records, and so what closing or a new assignment has to wait behind it."""

RECONNECT_MS_MAX: Final = 1000
"""Between two tries to reach a broker; the client's own ten seconds would be most of a recovery."""

START_STEP_S: Final = 1.0
"""One try of a client that starts; after each it is looked at why there is no answer."""

METADATA_TIMEOUT_S: Final = REQUEST_TIMEOUT_MS / 1000

LIBRDKAFKA_NAMES: Final[Mapping[Fact, str]] = {
    "bootstrap": "bootstrap.servers",
    "client": "client.id",
    "timeout": "socket.timeout.ms",
    "protocol": "security.protocol",
    "mechanism": "sasl.mechanism",
    "user": "sasl.username",
    "password": "sasl.password",
}

SEEN_AS: Final[dict[int, type[errors.KafkaError]]] = {
    KafkaError._AUTHENTICATION: errors.AuthenticationFailedError,
    KafkaError._BAD_COMPRESSION: errors.CorruptRecordException,
    KafkaError._BAD_MSG: errors.CorruptRecordException,
    KafkaError._NOT_IMPLEMENTED: errors.UnsupportedCodecError,
    KafkaError._UNKNOWN_PARTITION: errors.UnknownTopicOrPartitionError,
    KafkaError._UNKNOWN_TOPIC: errors.UnknownTopicOrPartitionError,
}
"""Errors that librdkafka finds by itself and that are more than "no answer"."""

HOPELESS: Final = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION})
"""What ends the start of a client at once, the first of them; other troubles may pass within its time."""


def librdkafka_options(bootstrap: str, security: KafkaSecurity, client_id: str) -> dict[str, Any]:
    """Configuration that every client on librdkafka takes. The files of TLS are read when a client is made."""
    facts = connection_facts(bootstrap, security, client_id)
    options = {LIBRDKAFKA_NAMES[fact]: value for fact, value in facts.items()}
    options |= {"reconnect.backoff.max.ms": RECONNECT_MS_MAX, "allow.auto.create.topics": False}
    if security.tls:
        options |= {"ssl.endpoint.identification.algorithm": "https", "enable.ssl.certificate.verification": True}
        files = {"ca": security.ca, "certificate": security.cert, "key": security.key}
        options |= {f"ssl.{name}.location": str(path) for name, path in files.items() if path is not None}
    return options


def seen_as(error: KafkaError) -> errors.KafkaError:
    """The error of aiokafka that says the same."""
    code = error.code()
    kind = errors.for_code(code) if code > 0 else SEEN_AS.get(code, errors.KafkaError)
    return kind(f"{error.name()}: {error.str()}")


@contextmanager
def librdkafka_faults(bootstrap: str, doing: str) -> Iterator[None]:
    """Raise our own errors for those of the client."""
    with kafka_faults(bootstrap, doing):
        try:
            yield
        except KafkaException as error:
            raise seen_as(error.args[0]) from error


class Link:
    """One consumer and the thread that its calls run in, one after the other."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.bootstrap: str = options["bootstrap.servers"]
        self.trouble: KafkaError | None = None
        """Why there is no hope of a connection, as far as is known."""
        self.consumer = Consumer(
            {**options, "error_cb": self._note},
            logger=logging.getLogger("librdkafka"),  # served by `poll`, like all callbacks
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dojo-kafka")

    async def call(self, function: Callable[[], T]) -> T:
        """Run `function` in the thread, behind what runs there. Cancelling leaves it running."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def topic_partitions(self, topic: str) -> frozenset[int]:
        """Numbers of a topic's partitions. Raises CallerError when there is no such topic."""

        async def known() -> Sequence[int]:
            listed = await self.call(lambda: self.consumer.list_topics(timeout=METADATA_TIMEOUT_S))
            return list(listed.topics[topic].partitions) if topic in listed.topics else ()

        with librdkafka_faults(self.bootstrap, f"looking up topic {topic}"):
            return await existing_partitions(known, topic, bootstrap=self.bootstrap)

    def connect(self) -> None:
        """Wait for a first answer, in the thread. Raises KafkaException when there is none."""
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self.consumer.list_topics(timeout=START_STEP_S)
            except KafkaException:
                self.consumer.poll(SLICE_S)  # serves what is waiting, the reason among it
                if self.trouble is not None:
                    raise KafkaException(self.trouble) from None
                if time.monotonic() > deadline_s:
                    raise
            else:
                return

    async def close(self) -> None:
        """Close the consumer, leaving its group, and end the thread."""
        try:
            await asyncio.shield(self.call(self.consumer.close))  # also when cancelled: a group waits for us to leave
        finally:
            self._thread.shutdown(wait=False)

    def _note(self, error: KafkaError) -> None:
        if self.trouble is None and error.code() in HOPELESS:
            self.trouble = error


@asynccontextmanager
async def linked(options: dict[str, Any], doing: str) -> AsyncIterator[Link]:
    """Connect on entry, close on exit. Raises Unavailable when Kafka does not answer in time."""
    bootstrap = options["bootstrap.servers"]
    with librdkafka_faults(bootstrap, doing):
        link = Link(options)
    try:
        with librdkafka_faults(bootstrap, doing):
            await link.call(link.connect)
        yield link
    finally:
        await link.close()
