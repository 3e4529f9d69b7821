"""Partitions read once, to where they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from dojopool.client import whole_log
from dojopool.client.whole_log import read_to_end
from dojopool.core.record import Record
from dojopool.errors import Unavailable
from dojopool.ports import LogReader, TopicPartition
from support.pipeline import Pipeline, Scorer


async def offsets(reader: LogReader, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, list[int]]:
    """The offsets read of each partition."""
    found: dict[TopicPartition, list[int]] = {}
    async for partition, records in read_to_end(reader, partitions, named="the log"):
        found.setdefault(partition, []).extend(record.offset for record in records)
    return found


async def test_every_record_is_read_once_and_empty_partitions_end_at_once() -> None:
    """In order within each partition."""
    pipeline, eu, us = Pipeline(), Scorer(), Scorer("us/gs-2#b")
    mine, theirs = ((pipeline.config.topic_of(region), 0) for region in ("eu", "us"))
    async with pipeline.log.reader() as reader:
        assert await offsets(reader, [mine, theirs]) == {}
        pipeline.append(*(eu.points("m-1") for _ in range(3)))
        pipeline.append(us.points("m-1"), region="us")

        assert await offsets(reader, [mine, theirs]) == {mine: [0, 1, 2], theirs: [0]}


async def test_a_log_that_gives_nothing_before_its_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader does not wait for ever."""
    pipeline, eu = Pipeline(), Scorer()
    pipeline.append(eu.points("m-1"))
    polls = []

    async def nothing(*, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Record]]:
        polls.append(timeout_ms)
        return {}

    async with pipeline.log.reader() as reader:
        monkeypatch.setattr(reader, "poll", nothing)
        with pytest.raises(Unavailable, match="the log does not come to its end"):
            await offsets(reader, [(pipeline.config.own_topic, 0)])

    assert len(polls) == whole_log.SILENT_POLLS_MAX + 1
