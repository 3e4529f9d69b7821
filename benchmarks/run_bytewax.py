"""Bytewax at the same job: its Kafka source, a stateful operator that takes batches, a sink that writes batches.

One worker, state in memory, recovery off (the default): a restart would read everything again. It ends at the end of
the topics.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main
from child import Stopwatch, await_go
from match_state import Match, decode, merge, new_match, read_schema, view, view_key
from redis import Redis

Keyed = tuple[str, Any]


class MatchLogic(StatefulBatchLogic[Any, str, Match]):  # type: ignore[misc]  # not installed where this is checked
    """The state of one match. Emits its view once per batch of events."""

    def __init__(self, state: Match | None) -> None:
        self._match = new_match() if state is None else state

    def on_batch(self, values: list[Any]) -> tuple[Iterable[str], bool]:
        """Take events in, and show what came of them."""
        for event in values:
            merge(self._match, event)
        return [view(self._match)], StatefulBatchLogic.RETAIN

    def snapshot(self) -> Match:
        """Not asked for while recovery is off."""
        return self._match


class RedisPartition(StatelessSinkPartition[Keyed]):  # type: ignore[misc]  # not installed where this is checked
    """Sets the last view of each match of a batch with one command."""

    def __init__(self, redis: Redis, watch: Stopwatch, prefix: str) -> None:
        self._redis, self._watch, self._prefix = redis, watch, prefix

    def write_batch(self, items: list[Keyed]) -> None:
        """What came out of one step of the dataflow."""
        self._redis.mset({view_key(self._prefix, match): shown for match, shown in dict(items).items()})
        self._watch.stop()


class RedisSink(DynamicSink[Keyed]):  # type: ignore[misc]  # not installed where this is checked
    """One partition per worker, and there is one worker."""

    def __init__(self, redis: Redis, watch: Stopwatch, prefix: str) -> None:
        self._partition = RedisPartition(redis, watch, prefix)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> RedisPartition:
        """See DynamicSink."""
        return self._partition


def main(bootstrap: str, redis_url: str, prefix: str, schema_path: str) -> None:
    """Read the topics to their end."""
    schema = read_schema(schema_path)
    watch = Stopwatch()

    def decode_batch(records: list[Any]) -> Iterable[Keyed]:
        watch.start()
        events = [decode(record.value, schema) for record in records if record.key is not None]  # no marks
        return [(event["match"], event) for event in events]

    topics = [f"{prefix}.events.{region}" for region in ("eu", "us")]
    flow = Dataflow("benchmark")
    with Redis.from_url(redis_url) as redis:
        records = op.input("records", flow, KafkaSource([bootstrap], topics, tail=False))
        events = op.flat_map_batch("decode", records, decode_batch)
        shown = op.stateful_batch("merge", events, MatchLogic)
        op.output("write", shown, RedisSink(redis, watch, prefix))
        await_go()
        cli_main(flow)
    watch.report()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[5])
