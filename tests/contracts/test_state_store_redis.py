"""The store's promises, on a real Redis or Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contracts.state_store import StateStoreContract
from contracts.views import ViewReaderContract
from dojopool.adapters.redis_store import RedisStore
from dojopool.adapters.redis_views import RedisViews
from dojopool.ports import StateStore, ViewReader

pytestmark = pytest.mark.stack


@pytest.fixture
async def store(redis_url: str, unique_prefix: str) -> AsyncIterator[StateStore]:
    """A store under a prefix of its own."""
    async with RedisStore.open(redis_url, prefix=unique_prefix) as opened:
        yield opened


@pytest.fixture
async def views(redis_url: str, unique_prefix: str) -> AsyncIterator[ViewReader]:
    """A reader of the same keys."""
    async with RedisViews.open(redis_url, prefix=unique_prefix) as opened:
        yield opened


class TestRedis(StateStoreContract, ViewReaderContract):
    """RedisStore and RedisViews keep every promise."""
