"""What the tests of faults share."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from dojopool.local.stack import Stack
from support.one_kafka import one_kafka
from support.servers import need_redis


@pytest.fixture
def fault_seed() -> int:
    """The seed of what a test leaves to chance; FAULT_SEED repeats a run as far as the servers allow it."""
    seed = int(os.environ.get("FAULT_SEED") or secrets.randbelow(2**32))
    print(f"FAULT_SEED={seed}")
    return seed


@pytest.fixture
def own_stores(kafka: str, tmp_path: Path) -> Iterator[Stack]:
    """The regions `eu`, `us` and `ap` on one Kafka, each with a Redis that no other test uses."""
    need_redis()
    stack = one_kafka(tmp_path / "stack", kafka, "eu", "us", "ap")
    try:
        for server in stack.redis.values():
            asyncio.run(server.start())
        yield stack
    finally:
        for server in stack.redis.values():
            asyncio.run(server.kill())
