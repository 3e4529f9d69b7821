"""The in-memory store keeps every promise of the store's ports."""

from __future__ import annotations

import pytest

from contracts.state_store import StateStoreContract
from contracts.views import ViewReaderContract
from dojopool.adapters.memory_store import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore(region="eu")


@pytest.fixture
def views(store: MemoryStore) -> MemoryStore:
    """The same store, as anyone may read it."""
    return store


class TestMemoryStore(StateStoreContract, ViewReaderContract):
    """The suite, on memory."""
