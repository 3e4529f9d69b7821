"""Checkers live by seconds: of marks, retries, pauses. Their tests run on a clock that jumps, so none of them waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from support.virtual_time import VirtualTimeLoop

REAL_TIME = frozenset[str]()
"""These speak to sockets, for which the clock does not jump."""


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop a test of this folder runs on."""
    return {"real": asyncio.SelectorEventLoop} if item.path.name in REAL_TIME else {"virtual": VirtualTimeLoop}
