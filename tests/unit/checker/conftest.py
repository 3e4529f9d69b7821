"""Checkers live by seconds: of retries, pauses, rates. Their tests run on a clock that jumps, so none of them waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from support.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop a test of this folder runs on."""
    return {"virtual": VirtualTimeLoop}
