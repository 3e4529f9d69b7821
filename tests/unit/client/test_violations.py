"""Following violations from a position of one's own."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.adapters.memory_partition import StoredRecord
from dojopool.client.config import ClientConfig
from dojopool.client.violations import Alert, follow
from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.invariants.lifecycle import State
from dojopool.errors import CallerError, OffsetGone
from support.region import NODE, Region
from support.violations import violation

CONFIG = ClientConfig(region="eu", regions=("eu",), partitions=2, prefix="dojo", node=NODE)
FOUND = [violation(), violation(state=State.CLEARED, clock={"eu/gs-1#a": 4}), violation(match="m-2", id="2" * 32)]


def log_with(*values: bytes, partition: int = 0) -> MemoryLog:
    """A violations topic of two partitions with these records."""
    log = MemoryLog(region="eu")
    log.create("dojo.violations", partitions=2, config={})
    append(log, *values, partition=partition)
    return log


def append(log: MemoryLog, *values: bytes, partition: int = 0) -> None:
    """More records."""
    log.copy_in(("dojo.violations", partition), [StoredRecord(-1, None, value, (), 0) for value in values])


def encoded() -> list[bytes]:
    """FOUND in both formats."""
    return [ViolationCodec("json" if index % 2 else "avro").encode(found) for index, found in enumerate(FOUND)]


async def alerts(log: MemoryLog, count: int, **arguments: Any) -> list[Alert]:
    """The next alerts."""
    found: list[Alert] = []
    async with aclosing(follow(log, CONFIG, **({"since": "beginning", "states": None} | arguments))) as following:
        while len(found) < count:
            found.append(await anext(following))
    return found


async def test_everything_comes_in_order() -> None:
    """In either format; what is no violation is passed over."""
    first, *rest = encoded()
    found = await alerts(log_with(first, b"somebody else's", *rest), 3)

    assert [alert.violation for alert in found] == FOUND


async def test_a_cursor_goes_on_behind_its_alert() -> None:
    """Whoever keeps it after its work misses nothing, also of partitions that it had nothing from."""
    log = log_with(*encoded())
    [first, *_] = await alerts(log, 2)
    append(log, ViolationCodec().encode(violation(id="3" * 32)), partition=1)
    rest = await alerts(log, 3, since=first.cursor)

    assert sorted(alert.violation.id for alert in rest) == sorted([FOUND[1].id, FOUND[2].id, "3" * 32])


async def test_states_are_picked() -> None:
    """The others move the cursor on, and no more."""
    [found] = await alerts(log_with(*encoded()), 1, states=["cleared"])

    assert found.violation == FOUND[1]


async def test_without_a_position_it_begins_now() -> None:
    """Alerts of the past are for those who ask for them."""
    log = log_with(*encoded())
    later = violation(id="4" * 32)
    async with aclosing(follow(log, CONFIG, since=None, states=None)) as following, asyncio.TaskGroup() as tasks:

        async def first() -> Alert:
            return await anext(following)

        coming = tasks.create_task(first())
        while not coming.done():  # when it looks for the end is its own affair
            append(log, ViolationCodec().encode(later))
            await asyncio.sleep(0)

    assert coming.result().violation == later


@pytest.mark.parametrize("since", ["", "end", "{}", '{"0":1}', '{"0":1,"1":-1}', '{"0":1,"1":"2"}', "[]", "3"])
async def test_what_is_no_cursor_is_refused(since: str) -> None:
    """Beginning somewhere else would skip alerts."""
    with pytest.raises(CallerError, match="neither 'beginning' nor the cursor"):
        await alerts(log_with(), 1, since=since)


async def test_what_is_no_state_is_refused() -> None:
    """The message names those there are."""
    with pytest.raises(CallerError, match="'open' is no state of a violation: they are suspected, cleared"):
        await alerts(log_with(), 1, states=["open"])


async def test_a_position_that_is_gone_is_told() -> None:
    """What was to come next was trimmed: some alerts were missed."""
    log = log_with(*encoded())
    async with log.admin() as admin:
        await admin.trim(("dojo.violations", 0), before=2)
    with pytest.raises(OffsetGone):
        await alerts(log, 1, since='{"0":1,"1":0}')


async def test_a_connection_follows_its_region() -> None:
    """The SDK's verb is the same."""
    region = Region()
    region.log.create("dojo.violations", partitions=4, config={})
    append(region.log, *encoded(), partition=3)
    async with region.connect() as dojo, aclosing(dojo.violations(since="beginning", states=["suspected"])) as found:
        assert (await anext(found)).violation == FOUND[0]
