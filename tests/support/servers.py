"""Real servers for tests: one Kafka and one Redis a run, and one whole stack of two regions, all started on first use.

A machine without Java, Maven or Redis skips these tests with one reason, and the run's last lines say so loudly; with
CI=true they fail instead, since a run that proves less must not look green.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

from dojopool.errors import Unavailable
from dojopool.local.stack import KafkaBroker, RedisServer, Stack
from dojopool.local.stack.java import find_java
from dojopool.local.stack.ports import free_ports
from dojopool.local.stack.redis_server import find_redis_server

STACK_PARTITIONS = 4
STACK_PREFIXES = tuple(f"test{number}" for number in range(15))
"""A mirror is told its topics when it starts, so the names for its tests are set aside beforehand."""

_free_prefixes = iter(STACK_PREFIXES)

MISSING = "real servers are missing"


@pytest.fixture
def unique_prefix() -> str:
    """A prefix for topic and key names that no other test uses: servers are shared, names are not."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of one real Kafka broker, shared by the run."""
    broker = start_kafka(tmp_path_factory)
    yield broker.bootstrap
    asyncio.run(broker.kill())


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of one real Redis or Valkey server, shared by the run."""
    with own_redis(tmp_path_factory) as server:
        yield server.url


@pytest.fixture(scope="session")
def real_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two regions, `eu` and `us`, on real Kafka and Redis with a mirror between, shared by the run."""
    need_java()
    need_redis()
    folder = tmp_path_factory.mktemp("stack") / "stack"
    stack = asyncio.run(
        Stack.up(folder, regions=("eu", "us"), partitions=STACK_PARTITIONS, prefixes=STACK_PREFIXES, report=print)
    )
    yield stack
    asyncio.run(stack.down())


@pytest.fixture
def stack_prefix(real_stack: Stack) -> str:
    """A prefix whose events topics exist and are mirrored in `real_stack`, and that no other test uses."""
    prefix = next(_free_prefixes, None)
    assert prefix is not None, "more tests use stack_prefix than STACK_PREFIXES has names: make it longer"
    return prefix


@contextmanager
def own_redis(tmp_path_factory: pytest.TempPathFactory, kind: type[RedisServer] = RedisServer) -> Iterator[RedisServer]:
    """A Redis of one's own, for tests that empty it, stop it or tell it things."""
    need_redis()
    [port] = free_ports(1)
    server = kind(name="redis", folder=tmp_path_factory.mktemp("redis"), port=port)
    asyncio.run(server.start())
    try:
        yield server
    finally:
        asyncio.run(server.kill())


def start_kafka(tmp_path_factory: pytest.TempPathFactory) -> KafkaBroker:
    """Start a broker of one's own, for a test that kills or restarts it; the caller ends it."""
    need_java()
    port, controller_port = free_ports(2)
    folder = tmp_path_factory.mktemp("kafka")
    broker = KafkaBroker(name="kafka", folder=folder, port=port, controller_port=controller_port)
    asyncio.run(broker.start())
    return broker


def need_java() -> None:
    """Return when brokers can be started here; otherwise skip the test, or fail it on CI."""
    try:
        asyncio.run(find_java())
    except Unavailable as error:
        reason = str(error)
    else:
        return
    _skip_or_fail(reason)


def need_redis() -> None:
    """Return when a Redis can be started here; otherwise skip the test, or fail it on CI."""
    try:
        asyncio.run(find_redis_server())
    except Unavailable as error:
        reason = str(error)
    else:
        return
    _skip_or_fail(reason)


def missing_line(skip_reasons: list[str]) -> str | None:
    """Return the loud line for the end of a run from the reasons of its skipped tests, None when no server lacked."""
    missing = [reason for reason in skip_reasons if MISSING in reason]
    if not missing:
        return None
    reasons = sorted({reason.partition(f"{MISSING}: ")[2] for reason in missing})
    return f"REAL SERVERS MISSING: {len(missing)} tests skipped: {'; '.join(reasons)}"


def _skip_or_fail(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{MISSING}: {reason}", pytrace=False)
    pytest.skip(f"{MISSING}: {reason}")
