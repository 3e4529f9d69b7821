"""A reader in a process of its own: follows the change streams of all partitions and reads the clock of what changed.

    python run_watcher.py REDIS_URL PREFIX FILE

Runs until its input ends and nothing changes any more, then writes `[match, number, nanoseconds]`: at that time, by the
machine's monotonic clock, it had read that the view holds the events of the match's one writer up to that number. It
asks for nothing while nothing changes: Redis holds its one read until there is an entry.
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path
from typing import Any, Final

from child import await_go
from load import PARTITIONS
from redis import Redis

from dojopool.adapters.redis_keys import Keys

WAIT_MS: Final = 200


def main(redis_url: str, prefix: str, file: str) -> None:
    """Watch, then write down what was seen."""
    keys = Keys(prefix)
    cursors: dict[Any, Any] = {keys.changes(number): "0-0" for number in range(PARTITIONS)}
    seen: list[tuple[str, int, int]] = []
    with Redis.from_url(redis_url) as redis:
        redis.ping()
        await_go()
        has_ended = False
        found: Any = None
        while found or not has_ended:
            has_ended = bool(select.select([sys.stdin], [], [], 0)[0])
            found = redis.xread(cursors, block=WAIT_MS)
            for stream, entries in found or ():
                cursors[stream.decode()] = entries[-1][0]
                partition = int(stream.split(b"{")[1].split(b"}")[0])
                changed = {match for _, fields in entries for match in json.loads(fields[b"matches"])}
                seen += _read(redis, keys, partition, sorted(changed))
    Path(file).write_text(json.dumps(seen))
    print(json.dumps({"reads": len(seen)}))


def _read(redis: Redis, keys: Keys, partition: int, matches: list[str]) -> list[tuple[str, int, int]]:
    """The clocks of matches, as they are now, with the time at which they were known."""
    with redis.pipeline(transaction=False) as pipeline:
        for match in matches:
            pipeline.hget(keys.view(partition, match), "@clock")
        clocks: Any = pipeline.execute()
    now_ns = time.monotonic_ns()
    return [(match, sum(json.loads(clock).values()), now_ns) for match, clock in zip(matches, clocks, strict=True)]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
