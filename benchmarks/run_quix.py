"""Quix Streams at the same job, as its documentation shows it: two topics put together, a stateful function, a batching
sink.

State is its own (RocksDB and a changelog topic, both on as by default), checkpoints every second, at least once. The
sink writes once per checkpoint, each match once however often it changed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

from child import Stopwatch, await_go
from match_state import Match, decode, merge, new_match, read_schema, view, view_key
from quixstreams import Application, State
from quixstreams.sinks import BaseSink
from redis import Redis

COMMIT_S = 1.0


class RedisSink(BaseSink):  # type: ignore[misc]  # not installed where this is checked
    """Sets the last view of each match since the checkpoint before; ends the application when all events are in.

    Not a BatchingSink: that one keeps a batch per topic, and of a match that both topics changed it would write the
    views in the order of the topics, not of the changes.
    """

    def __init__(self, application: Application, redis: Redis, watch: Stopwatch, *, prefix: str, wanted: int) -> None:
        super().__init__()
        self._application, self._redis, self._watch = application, redis, watch
        self._prefix, self._left = prefix, wanted
        self._last: dict[bytes, Match] = {}

    def add(
        self, value: Match, key: bytes, timestamp: int, headers: Any, topic: str, partition: int, offset: int
    ) -> None:
        """One result."""
        self._last[key] = value
        self._left -= 1

    def flush(self) -> None:
        """Called at a checkpoint."""
        if not self._last:
            return
        self._redis.mset({view_key(self._prefix, key.decode()): view(match) for key, match in self._last.items()})
        self._last.clear()
        self._watch.stop()
        if self._left <= 0:
            self._application.stop()


def main(bootstrap: str, redis_url: str, prefix: str, wanted: int, schema_path: str) -> None:
    """Read `wanted` events and end."""
    schema = read_schema(schema_path)
    watch = Stopwatch()

    def step(value: bytes, state: State) -> Match:
        watch.start()
        match: Match = state.get("match") or new_match()
        merge(match, decode(value, schema))
        state.set("match", match)
        return match

    with tempfile.TemporaryDirectory(prefix="quix-state-") as folder, Redis.from_url(redis_url) as redis:
        application = Application(
            broker_address=bootstrap,
            consumer_group=f"{prefix}.quix.{os.getpid()}",
            auto_offset_reset="earliest",
            commit_interval=COMMIT_S,
            state_dir=folder,
            loglevel="WARNING",
        )
        eu, us = (application.dataframe(_topic(application, f"{prefix}.events.{region}")) for region in ("eu", "us"))
        events = eu.concat(us)
        events = events.filter(lambda _value, key, _time, _headers: key is not None, metadata=True)  # no marks
        events.apply(step, stateful=True).sink(RedisSink(application, redis, watch, prefix=prefix, wanted=wanted))
        await_go()
        application.run()
    watch.report()


def _topic(application: Application, name: str) -> Any:
    return application.topic(name, key_deserializer="bytes", value_deserializer="bytes")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
