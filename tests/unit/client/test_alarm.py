"""One timer serves many deadlines."""

from __future__ import annotations

import asyncio
from math import inf

from dojopool.client.alarm import Alarm
from support.virtual_time import run_in_virtual_time


def test_it_rings_once_at_the_earliest_time() -> None:
    """Of several times the earliest counts, in whatever order they were set; then it must be set again."""

    async def scenario() -> None:
        rung: list[float] = []
        loop = asyncio.get_running_loop()
        alarm = Alarm(lambda: rung.append(loop.time()))
        for when_s in (7.0, 3.0, 5.0, inf):
            alarm.at(when_s)
        await asyncio.sleep(10.0)  # of a clock that jumps
        assert rung == [3.0]

        alarm.at(12.0)
        await asyncio.sleep(10.0)  # of a clock that jumps
        assert rung == [3.0, 12.0]

    run_in_virtual_time(scenario())


def test_a_cancelled_alarm_does_not_ring() -> None:
    """After cancelling it is silent until it is set anew, also to a later time than before."""

    async def scenario() -> None:
        rung: list[float] = []
        loop = asyncio.get_running_loop()
        alarm = Alarm(lambda: rung.append(loop.time()))
        alarm.at(3.0)
        alarm.cancel()
        alarm.at(4.0)
        await asyncio.sleep(10.0)  # of a clock that jumps
        assert rung == [4.0]

    run_in_virtual_time(scenario())
