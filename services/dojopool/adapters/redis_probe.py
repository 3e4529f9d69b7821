"""What a Redis says of itself and lets its user do, found out without changing anything in it.

A right is probed by queueing the command in a transaction that is discarded: the server judges the user when a command
is queued, and a discarded one never runs. Nothing is loaded, so a new server stays new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time_ns
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from dojopool.adapters.lua import DOJO_LIBRARY
from dojopool.adapters.redis_client import place_of, redis_client, redis_faults
from dojopool.adapters.redis_keys import Keys

PROBED_PARTITION: Final = 0
PROBED_MATCH: Final = "dojo-doctor"

OLDEST_REDIS: Final = 7
"""The first with functions, which every write of a replica is."""


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """One server as its user sees it."""

    version: str
    """Of Redis, or what Valkey says it is like."""
    policy: str
    """maxmemory-policy."""
    is_append_only: bool
    """Whether writes go to a file at once, or nearly so."""
    ahead_ms: int
    """Its clock minus ours, when its answer was under way."""
    partitions: int | None
    """That its replicas work with, None before the first."""
    refused: Mapping[str, tuple[str, ...]]
    """Program -> the commands it needs and this user may not give; empty for programs whose work it may do. No
    programs at all when the server is too old for them."""


async def probe_redis(url: str, *, prefix: str, ca: Path | None = None) -> RedisFacts:
    """Ask a server. Raises Unavailable when it does not answer, ConfigError when it refuses us altogether."""
    client, place = redis_client(url, ca=ca, connections=1), place_of(url)
    try:
        with redis_faults(place, "asking for its settings"):
            info: Any = await client.info()
            before_ns = time_ns()
            seconds, microseconds = await client.time()
            here_ms = (before_ns + time_ns()) // 2_000_000
            keys = Keys(prefix)
            stored = await client.hget(keys.status, "partitions")
            needed = _needed(keys) if has_functions(str(info["redis_version"])) else {}
            refused = {program: await _refused(client, commands) for program, commands in needed.items()}
    finally:
        await client.aclose()
    return RedisFacts(
        version=str(info["redis_version"]),
        policy=str(info["maxmemory_policy"]),
        is_append_only=bool(info["aof_enabled"]),
        ahead_ms=seconds * 1000 + microseconds // 1000 - here_ms,
        partitions=None if stored is None else int(stored),
        refused=refused,
    )


def has_functions(version: str) -> bool:
    """Whether a server that calls itself this is new enough. One that has no functions cannot be asked for them."""
    major = re.match(r"\d+", version)
    return major is not None and int(major[0]) >= OLDEST_REDIS


def _needed(keys: Keys) -> Mapping[str, Sequence[tuple[str, ...]]]:
    """Program -> the commands of its work, on keys of its own."""
    state, view = keys.state(PROBED_PARTITION), keys.view(PROBED_PARTITION, PROBED_MATCH)
    matches, changes = keys.matches(PROBED_PARTITION), keys.changes(PROBED_PARTITION)
    functions = [
        ("FUNCTION", "LIST"),
        ("FUNCTION", "LOAD", DOJO_LIBRARY),
        ("FCALL", "dojo_claim", "1", state, "owner"),
        ("TIME",),
        ("INFO",),
        ("HGET", state, "@epoch"),
        ("HMGET", state, "@epoch"),
        ("HSET", state, "@epoch", "1"),
        ("UNLINK", state),
    ]
    return {
        "replica": [
            *functions,
            ("HSCAN", state, "0"),
            ("HSET", view, "@at", "1"),
            ("ZADD", matches, "1", PROBED_MATCH),
            ("XADD", changes, "*", "matches", "[]"),
            ("HSET", keys.status, "region", "x"),
            ("HGET", keys.status, "partitions"),
        ],
        "sdk": [
            ("HGETALL", view),
            ("ZREVRANGE", matches, "0", "1"),
            ("XREVRANGE", changes, "+", "-"),
            ("XREAD", "STREAMS", changes, "0-0"),
            ("HGETALL", keys.status),
        ],
        "operator": [*functions, ("HGETALL", keys.status)],
    }


async def _refused(client: Redis, commands: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The names of the commands that this user may not give, with the key when there is one."""
    refused = []
    connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py left it untyped
    try:
        for command in commands:
            # Commands of a transaction's own are not the client's to parse: it would expect their results.
            await _answer(connection, "MULTI")
            try:
                await _answer(connection, *command)
            except NoPermissionError:
                refused.append(" ".join(part for part in command[:2] if part != DOJO_LIBRARY))
            await _answer(connection, "DISCARD")
    except ResponseError:
        await connection.disconnect()  # whatever was queued is gone with it
        raise
    finally:
        await client.connection_pool.release(connection)
    return tuple(refused)


async def _answer(connection: Any, *command: str) -> Any:
    await connection.send_command(*command)
    return await connection.read_response()
