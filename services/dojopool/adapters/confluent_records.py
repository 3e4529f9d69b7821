"""What librdkafka's consumer hands over, as records of partitions.

Cost. A record crosses into Python as a Message, whose fields are methods. What the fold asks of every record is taken
out at once, into a plain object; headers and time, which few ask for, stay where they are.

Order. Records come in runs of one partition, and an error of a partition stands between them. Some errors mean that the
client has passed over something: what comes behind such a one is left out here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, cast

from confluent_kafka import KafkaError, Message

from dojopool.core.record import Record
from dojopool.ports import TopicPartition

GONE: Final = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION, KafkaError.OFFSET_OUT_OF_RANGE})
"""The position lies outside the log."""

UNREADABLE: Final = frozenset(
    {
        KafkaError._BAD_MSG,
        KafkaError._BAD_COMPRESSION,
        KafkaError._NOT_IMPLEMENTED,
        KafkaError.INVALID_MSG,
        KafkaError.MSG_SIZE_TOO_LARGE,
    }
)
"""A record is there that cannot be had."""


class ConfluentRecord:
    """`core.record.Record` made from a Message."""

    __slots__ = ("_message", "key", "offset", "value")

    def __init__(self, message: Message[bytes, bytes]) -> None:
        self._message = message
        self.offset = cast("int", message.offset())
        self.key = message.key()
        self.value = message.value()

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """See `core.record.Record`. None, when the client cannot read them: a name that is not UTF-8 breaks it."""
        try:
            return cast("Sequence[tuple[str, bytes]]", self._message.headers() or ())
        except (SystemError, UnicodeDecodeError):
            return ()

    @property
    def timestamp(self) -> int:
        """See `core.record.Record`."""
        return self._message.timestamp()[1]


@dataclass(slots=True)
class Consumed:
    """What one reading brought, by partition."""

    records: dict[TopicPartition, Sequence[Record]] = field(default_factory=dict)
    ended: set[TopicPartition] = field(default_factory=set)
    """Partitions that a fetch found at their end."""
    stuck: dict[TopicPartition, KafkaError] = field(default_factory=dict)
    """Partitions that must not be read on, and why."""
    passing: KafkaError | None = None
    """An error after which the client goes on where it was; the last one."""


def sort_out(messages: Iterable[Message[bytes, bytes]]) -> Consumed:
    """Split what was consumed into records by partition, and errors."""
    consumed = Consumed()
    for (topic, partition, code), run in groupby(messages, key=_place):
        if topic is None:
            continue  # it is about the consumer's group, which nobody joins
        place = (topic, partition)
        if code is None:
            if place not in consumed.stuck:
                records = [ConfluentRecord(message) for message in run]
                earlier = consumed.records.get(place)
                consumed.records[place] = records if earlier is None else [*earlier, *records]
        elif code == KafkaError._PARTITION_EOF:
            consumed.ended.add(place)
        else:
            error = cast("KafkaError", next(run).error())
            if code in GONE or code in UNREADABLE:
                consumed.stuck.setdefault(place, error)
            else:
                consumed.passing = error
    return consumed


def _place(message: Message[bytes, bytes]) -> tuple[str | None, int, int | None]:
    """Whose message it is, and the code of its error. Codes are compared, not errors: an error compared with None
    leaves an exception behind that strikes later.
    """
    error = message.error()
    code = None if error is None else error.code()
    return message.topic(), cast("int", message.partition()), code
