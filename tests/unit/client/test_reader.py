"""Reading now, reading at least so much, and watching: every last state is seen, and every wait ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dojopool.adapters.memory_store import MemoryStore
from dojopool.client import Accepted, Dojo, MatchView, Rejected
from dojopool.client.reader import LOOK_S
from dojopool.core.clock import VectorClock
from dojopool.errors import CallerError, Unavailable
from dojopool.ports import ChangeBatch
from support.region import NODE, NOW_MS, Region, points
from support.virtual_time import in_virtual_time


class Mute(MemoryStore):
    """A store whose change stream tells nothing, as one does that was trimmed past its reader."""

    async def last_change(self, partition: int) -> str:
        """See `ports.ViewReader`."""
        return "0-0"

    async def changes(self, partition: int, *, after: str, timeout_ms: int) -> Sequence[ChangeBatch]:
        """See `ports.ViewReader`."""
        await asyncio.sleep(timeout_ms / 1000)
        return ()


def score(view: MatchView) -> int:
    """Ana's points in frame 1, 0 before the first."""
    return view.state.frames[1].points["ana"] if 1 in view.state.frames else 0


async def record(dojo: Dojo, match: str = "m-1") -> Accepted:
    """Record one point."""
    receipt = await (await dojo.match(match)).record(points())
    assert isinstance(receipt, Accepted)
    return receipt


@in_virtual_time
async def test_an_unknown_match_can_be_read() -> None:
    """Nothing was recorded yet: that is a view, not an error."""
    async with Region().connect() as dojo:
        view = await dojo.read("m-1")

        assert (view.exists, view.clock, view.pending) == (False, VectorClock(), 0)


@in_virtual_time
async def test_reading_shows_what_the_region_shows_now() -> None:
    """Without `at_least` a read does not wait for what was recorded."""
    region = Region()
    async with region.connect() as dojo:
        await record(dojo)
        before = await dojo.read("m-1")
        await region.fold()

        assert (before.exists, score(await dojo.read("m-1"))) == (False, 1)


@in_virtual_time
async def test_reading_at_least_a_receipt_waits_for_its_event() -> None:
    """The view returned contains the event, and comes as soon as the region shows it."""
    region = Region()
    async with region.connect() as dojo, asyncio.TaskGroup() as tasks:
        receipt = await record(dojo)
        reading = tasks.create_task(dojo.read("m-1", at_least=receipt))
        await asyncio.sleep(3.0)  # of a clock that jumps
        assert not reading.done()
        await region.fold()
        view = await reading

        assert score(view) == 1
        assert asyncio.get_running_loop().time() == 3.0


@in_virtual_time
async def test_reading_at_least_a_clock_waits_for_all_it_names() -> None:
    """A clock is reached when every counter of it is, and the empty one always."""
    region = Region()
    async with region.connect() as dojo:
        await record(dojo)
        await region.fold()

        assert score(await dojo.read("m-1", at_least={NODE: 1})) == 1
        assert score(await dojo.read("m-1", at_least=VectorClock({NODE: 1}))) == 1
        assert score(await dojo.read("m-1", at_least={})) == 1
        with pytest.raises(Unavailable):
            await dojo.read("m-1", at_least={NODE: 1, "us/x#1": 1}, timeout_s=1.0)


@in_virtual_time
async def test_a_read_that_waits_in_vain_says_what_is_missing() -> None:
    """It ends at its deadline, and names counters, marks and whom to look for."""
    region = Region()
    await region.put_marks(eu=NOW_MS - 7_000)
    async with region.connect() as dojo:
        await record(dojo)
        await region.fold()
        with pytest.raises(Unavailable) as raised:
            await dojo.read("m-1", at_least={NODE: 3, "us/x#1": 2}, timeout_s=2.5)

        text = str(raised.value)
        assert "eu/gs-1#a 2..3, us/x#1 1..2" in text
        assert "after 2.5 s region eu still lacks" in text
        assert "'eu': 7000" in text
        assert asyncio.get_running_loop().time() == 2.5


@in_virtual_time
async def test_a_read_without_time_looks_once() -> None:
    """With a timeout of 0 the answer is the view or an error, at once."""
    region = Region()
    async with region.connect() as dojo:
        receipt = await record(dojo)
        with pytest.raises(Unavailable):
            await dojo.read("m-1", at_least=receipt, timeout_s=0)
        await region.fold()

        assert score(await dojo.read("m-1", at_least=receipt, timeout_s=0)) == 1
        assert asyncio.get_running_loop().time() == 0.0


@in_virtual_time
async def test_a_read_waits_out_a_change_stream_that_says_nothing() -> None:
    """The stream is a hint: a view that changed without a word is seen a little later."""
    region = Region()
    region.store = Mute(region="eu")
    async with region.connect() as dojo, asyncio.TaskGroup() as tasks:
        receipt = await record(dojo)
        reading = tasks.create_task(dojo.read("m-1", at_least=receipt))
        await asyncio.sleep(1.5)  # of a clock that jumps
        await region.fold()

        assert score(await reading) == 1
        assert asyncio.get_running_loop().time() == LOOK_S


@in_virtual_time
async def test_receipts_that_no_view_can_show_are_the_callers_fault() -> None:
    """A rejected event never comes, and a receipt belongs to its match."""
    region = Region()
    async with region.connect() as dojo:
        receipt = await record(dojo)

        with pytest.raises(CallerError, match="of match m-1, not of m-2"):
            await dojo.read("m-2", at_least=receipt)
        with pytest.raises(CallerError, match="no such player"):
            await dojo.read("m-1", at_least=Rejected("no such player"))


@in_virtual_time
async def test_a_bad_match_id_is_the_callers_fault() -> None:
    """It is refused before anything is asked, and by every way in."""
    async with Region().connect() as dojo:
        with pytest.raises(CallerError, match="is not 1 to 128"):
            await dojo.read("no spaces")
        with pytest.raises(CallerError, match="is not 1 to 128"):
            await dojo.match("")
        with pytest.raises(CallerError, match="is not 1 to 128"):
            await anext(dojo.watch("no spaces"))


@in_virtual_time
async def test_a_store_that_does_not_answer_is_reported() -> None:
    """A read does not pretend that nothing is there."""
    region = Region()
    async with region.connect() as dojo:
        region.store.stop_answering()
        with pytest.raises(Unavailable, match="does not answer"):
            await dojo.read("m-1")
        region.store.answer_again()


@in_virtual_time
async def test_watching_shows_the_match_as_it_is_and_then_its_changes() -> None:
    """The first view comes at once, the next with the change and not before."""
    region = Region()
    async with region.connect() as dojo, asyncio.TaskGroup() as tasks:
        watch = dojo.watch("m-1")
        assert not (await anext(watch)).exists
        following = tasks.create_task(_next(watch))
        await asyncio.sleep(60.0)  # of a clock that jumps
        assert not following.done()
        await record(dojo)
        await region.fold()

        assert score(await following) == 1


@in_virtual_time
async def test_a_slow_watcher_gets_the_latest_state() -> None:
    """Changes that happened meanwhile are one, and the last state is never missed."""
    region = Region()
    async with region.connect() as dojo:
        watch = dojo.watch("m-1")
        await anext(watch)
        for _ in range(5):
            await record(dojo)
            await region.fold()
            await asyncio.sleep(0.1)  # of a clock that jumps

        assert score(await anext(watch)) == 5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100.0):
                await anext(watch)


@in_virtual_time
async def test_a_watch_outlives_an_outage() -> None:
    """What changed while the store did not answer is shown once it does."""
    region = Region()
    async with region.connect() as dojo, asyncio.TaskGroup() as tasks:
        watch = dojo.watch("m-1")
        await anext(watch)
        following = tasks.create_task(_next(watch))
        region.store.stop_answering()
        await asyncio.sleep(20.0)  # of a clock that jumps
        assert not following.done()
        region.store.answer_again()
        await record(dojo)
        await region.fold()

        assert score(await following) == 1


@in_virtual_time
async def test_a_watch_that_cannot_begin_says_so() -> None:
    """Only the first look raises."""
    region = Region()
    async with region.connect() as dojo:
        region.store.stop_answering()
        with pytest.raises(Unavailable):
            await anext(dojo.watch("m-1"))


@in_virtual_time
async def test_closing_ends_watches_and_waits() -> None:
    """A watch ends, a read that waits is told, and later reads are the caller's fault."""
    region = Region()
    async with asyncio.TaskGroup() as tasks:
        async with region.connect() as dojo:
            watching = tasks.create_task(_collected(dojo))
            reading = tasks.create_task(_refused(dojo))
            await asyncio.sleep(1.0)  # of a clock that jumps

        assert [view.exists for view in await watching] == [False]
        assert "connection is closed" in await reading
        assert asyncio.get_running_loop().time() == 1.0
        with pytest.raises(CallerError, match="connection is closed"):
            await dojo.read("m-1")


@in_virtual_time
async def test_views_say_how_old_they_may_be() -> None:
    """Staleness is per region, as of the read."""
    region = Region()
    await region.put_marks(eu=NOW_MS - 100)
    async with region.connect() as dojo:
        region.clock.at_ms += 50

        assert (await dojo.read("m-1")).staleness_ms == {"eu": 150, "us": None}


async def _next(watch: object) -> MatchView:
    """The next view of a watch, as a coroutine that a task can run."""
    view: MatchView = await anext(watch)  # type: ignore[call-overload]  # any asynchronous iterator of views
    return view


async def _collected(dojo: Dojo) -> list[MatchView]:
    return [view async for view in dojo.watch("m-1")]


async def _refused(dojo: Dojo) -> str:
    with pytest.raises(CallerError) as raised:
        await dojo.read("m-1", at_least={NODE: 9}, timeout_s=99.0)
    return str(raised.value)
