"""The in-memory log keeps every promise of the log's ports."""

from __future__ import annotations

import pytest

from contracts.event_log import EventLogContract
from dojopool.adapters.memory_log import MemoryLog
from dojopool.ports import EventLog


@pytest.fixture
def log() -> EventLog:
    """An empty log."""
    return MemoryLog(region="eu")


class TestMemoryLog(EventLogContract):
    """The suite, on memory."""
