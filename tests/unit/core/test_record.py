"""Records as clients read them are records as the fold wants them."""

from __future__ import annotations

from aiokafka import ConsumerRecord

from dojopool.core.record import Record
from dojopool.core.streams import Streams
from support.builders import form
from support.everything import new_fold, to_bytes


def test_a_record_of_the_kafka_client_is_a_record() -> None:
    """What aiokafka returns is fed as it is, without a copy."""
    data = to_bytes(form("A1"))
    read: Record = ConsumerRecord("events", 0, 0, 123, 0, b"m", data, None, 1, len(data), ())
    streams = Streams(new_fold(), partition=0, partitions=1, regions=["eu"])
    fed = streams.feed("eu", [read])

    assert (fed.delivered, fed.letters) == (1, [])
    assert (read.timestamp, list(read.headers)) == (123, [])
