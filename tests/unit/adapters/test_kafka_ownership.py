"""Waiting for a share of a group."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.adapters.kafka_ownership import Ownership
from dojopool.errors import ConfigError


async def test_a_change_wakes_who_waits() -> None:
    """`changed` returns what is owned now, and what was in between is not told."""
    share = Ownership()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(share.changed())
        await asyncio.sleep(0)
        share.own(frozenset({1}))
        share.own(frozenset({1, 2}))

    assert waiting.result() == {1, 2} == share.owned()


async def test_the_same_share_again_is_no_change() -> None:
    """A rebalance that gives back what was owned wakes nobody."""
    share = Ownership()
    share.own(frozenset({1}))
    await share.changed()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(share.changed())
        await asyncio.sleep(0)
        share.own(frozenset({1}))
        await asyncio.sleep(0)

        assert not waiting.done()
        share.own(frozenset())

    assert waiting.result() == frozenset()


async def test_a_failure_is_told_once() -> None:
    """Who waits hears of it; the share stays as it was."""
    share = Ownership()
    share.fail(ConfigError("not taken"))
    with pytest.raises(ConfigError, match="not taken"):
        await share.changed()
    share.own(frozenset({3}))

    assert await share.changed() == {3}
