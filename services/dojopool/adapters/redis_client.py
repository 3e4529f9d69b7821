"""Connections to one Redis or Valkey server, and what its errors mean to us.

Every wait has a limit and nothing is retried here: whether a write arrived is for the caller to find out, and the
store's own answer tells (see `StateStore.write`). Left out: Redis Cluster and Sentinel; a URL names one primary.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dojopool.errors import ConfigError, Unavailable

CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 5.0
"""For one reply. A batch takes milliseconds; a server that is silent this long is gone or busy saving."""

PASSING_PREFIXES: Final = ("OOM", "READONLY", "MISCONF", "BUSY", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN", "CLUSTERDOWN")
"""Replies of a server that is well but cannot take this now."""


def redis_client(
    url: str, *, ca: Path | None, connections: int, read_timeout_s: float | None = READ_TIMEOUT_S
) -> Redis:
    """A client that holds at most `connections`; more callers wait for a free one. Nothing is connected yet.

    Raises ConfigError when the URL or the file of authorities cannot be used.
    """
    options: dict[str, Any] = {"ssl_ca_certs": str(ca)} if ca is not None else {}
    if ca is not None and not ca.is_file():
        raise ConfigError(f"DOJO_REDIS_CA is {ca}, which is no file")
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=READ_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=read_timeout_s,
            retry=Retry(NoBackoff(), 0),
            decode_responses=False,
            protocol=2,  # the replies we read look the same in both; the older one needs no greeting
            **options,
        )
    except ValueError as error:
        raise ConfigError(f"the Redis URL of {place_of(url)} cannot be used: {error}") from None
    return Redis.from_pool(pool)


def place_of(url: str) -> str:
    """`host:port/database` of a URL, without user and password: for messages."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return f"{place}{parts.path}" or "?"


@contextmanager
def redis_faults(place: str, doing: str) -> Iterator[None]:
    """Raise our own errors for those of the client; what only a bug of ours can cause passes as it is."""
    try:
        yield
    except (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError) as error:
        raise ConfigError(f"{doing}: Redis at {place} refused our user or password: {error}") from error
    except exceptions.MovedError as error:
        raise ConfigError(f"{doing}: Redis at {place} is part of a cluster, one primary is needed") from error
    except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
        raise Unavailable(f"{doing}: Redis at {place} does not answer: {error}") from error
    except exceptions.ResponseError as error:
        text = str(error)
        if "unknown command" in text.lower():
            raise ConfigError(f"{doing}: Redis at {place} must be 7.0 or newer, or Valkey: {text}") from error
        if isinstance(error, exceptions.OutOfMemoryError | exceptions.ReadOnlyError | exceptions.ClusterDownError):
            raise Unavailable(f"{doing}: Redis at {place} cannot take writes now: {text}") from error
        if text.startswith(PASSING_PREFIXES):
            raise Unavailable(f"{doing}: Redis at {place} cannot do it now: {text}") from error
        raise
