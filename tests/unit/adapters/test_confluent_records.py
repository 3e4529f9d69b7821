"""Messages of librdkafka as records of partitions."""

from __future__ import annotations

from typing import Any

from confluent_kafka import TIMESTAMP_CREATE_TIME, KafkaError, Message

from dojopool.adapters.confluent_records import ConfluentRecord, sort_out
from dojopool.core.record import Record
from dojopool.core.streams import Streams
from support.builders import form
from support.everything import new_fold, to_bytes


def message(partition: int, offset: int, value: bytes | None = b"v", *, error: int | None = None, **more: Any) -> Any:
    """What a consumer returns for one record, or one error."""
    fault = None if error is None else KafkaError(error)
    return Message(topic="t", partition=partition, offset=offset, key=b"m", value=value, error=fault, **more)


def test_a_message_is_fed_as_a_record() -> None:
    """The fold takes what was made of a message; headers and time are there when asked for."""
    found = message(0, 0, to_bytes(form("A1")), timestamp=(TIMESTAMP_CREATE_TIME, 123), headers=[("h", b"1")])
    record: Record = ConfluentRecord(found)
    fed = Streams(new_fold(), partition=0, partitions=1, regions=["eu"]).feed("eu", [record])

    assert (fed.delivered, fed.letters) == (1, [])
    assert (record.timestamp, list(record.headers)) == (123, [("h", b"1")])


def test_a_message_without_headers_and_value_is_a_record() -> None:
    """What is absent is empty, and no error."""
    record = ConfluentRecord(message(0, 5, None))

    assert (record.offset, record.key, record.value, list(record.headers)) == (5, b"m", None, [])


def test_runs_of_one_partition_become_one_list() -> None:
    """Partitions that take turns keep their order, each for itself."""
    found = sort_out([message(0, 1), message(0, 2), message(1, 7), message(0, 3), message(1, 9)])

    assert {place: [record.offset for record in records] for place, records in found.records.items()} == {
        ("t", 0): [1, 2, 3],
        ("t", 1): [7, 9],
    }


def test_the_end_of_a_partition_is_no_error() -> None:
    """A partition at its end is named, and what follows it is handed out."""
    eof = KafkaError._PARTITION_EOF
    found = sort_out([message(0, 1), message(0, 2, error=eof), message(1, 4, error=eof), message(0, 2)])

    assert found.ended == {("t", 0), ("t", 1)}
    assert [record.offset for record in found.records["t", 0]] == [1, 2]
    assert (found.stuck, found.passing) == ({}, None)


def test_nothing_behind_an_unreadable_record_is_handed_out() -> None:
    """What comes before the damage and what other partitions hold is; the first error counts."""
    found = sort_out(
        [
            message(0, 1),
            message(0, 2, error=KafkaError._BAD_MSG),
            message(0, 3),
            message(1, 7),
            message(0, 4, error=KafkaError._AUTO_OFFSET_RESET),
            message(0, 5),
        ]
    )

    assert [record.offset for record in found.records["t", 0]] == [1]
    assert [record.offset for record in found.records["t", 1]] == [7]
    assert {place: error.code() for place, error in found.stuck.items()} == {("t", 0): KafkaError._BAD_MSG}


def test_an_error_that_passes_takes_no_records() -> None:
    """After an error that the client overcomes by itself the records go on."""
    found = sort_out([message(0, 1), message(0, 2, error=KafkaError.NOT_LEADER_FOR_PARTITION), message(0, 2)])

    assert [record.offset for record in found.records["t", 0]] == [1, 2]
    assert found.passing is not None
    assert found.passing.code() == KafkaError.NOT_LEADER_FOR_PARTITION


def test_errors_of_the_group_mean_nothing() -> None:
    """A reader joins no group: what concerns one is not told."""
    found = sort_out([Message(error=KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)), message(0, 1)])

    assert (list(found.records), found.stuck, found.passing) == ([("t", 0)], {}, None)


class Nameless(Message):
    """A message whose header names are no text: the client fails to make strings of them."""

    def headers(self) -> Any:
        raise SystemError("returned a result with an exception set")


def test_headers_that_the_client_cannot_read_are_none() -> None:
    """A name that is not UTF-8 costs a record its headers, and the replica nothing."""
    found = Nameless(topic="t", partition=0, offset=0, key=b"m", value=b"v", headers=[("h", b"1")])

    assert list(ConfluentRecord(found).headers) == []
