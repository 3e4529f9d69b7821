"""Matches are read alike from a store and from a running `dojo dev`, and what is missing is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dojopool.client.config import ClientConfig
from dojopool.errors import CallerError, ConfigError, Unavailable
from dojopool.local.dev import dev
from dojopool.local.league import SAMPLE, read_league
from dojopool.local.matches import ADDRESS_FILE, Changed, Matches, open_matches, open_stored
from dojopool.replica.health import serve
from support.region import NOW_MS, PARTITIONS, Region, points

CONFIG = ClientConfig(region="eu", regions=("eu", "us"), partitions=PARTITIONS, prefix="dojo", node="eu/reader#1")
PLANS = read_league(SAMPLE)[:3]


@pytest.fixture(autouse=True)
def _own_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty data folder."""
    monkeypatch.setenv("DOJO_DATA_DIR", str(tmp_path))


@pytest.fixture
def region() -> Region:
    """A region with a store and no matches."""
    return Region()


@pytest.fixture
async def matches(region: Region) -> AsyncIterator[Matches]:
    """The matches in the region's store."""
    async with open_stored(CONFIG, views=region.store, kind=region.loaded.game.kind, clock=region.clock) as opened:
        yield opened


async def record(region: Region, match: str, count: int = 1, *, node: str = "eu/gs#1") -> None:
    """Award points in a match, and bring them into the store."""
    async with region.connect(node) as dojo:
        handle = await dojo.match(match)
        await handle.record(points(count))
    await region.fold()


async def test_a_match_is_shown_as_json(region: Region, matches: Matches) -> None:
    """A known match has its state, clock and freshness; an unknown one is None."""
    await region.put_marks(eu=NOW_MS)
    await record(region, "m-1", 3)
    view = await matches.show("m-1")

    assert view is not None
    assert view["state"]["frames"] == {"1": {"breaker": None, "points": {"ana": 3}, "fouls": {}, "winner": []}}
    assert (view["match"], view["region"], view["clock"], view["pending"]) == ("m-1", "eu", {"eu/gs#1": 1}, 0)
    assert view["at_ms"] == NOW_MS
    assert json.loads(json.dumps(view)) == view
    assert await matches.show("m-2") is None


async def test_a_name_that_is_no_match_is_refused(matches: Matches) -> None:
    """What can be no match id is told, instead of being looked for."""
    with pytest.raises(CallerError, match="letters, digits"):
        await matches.show("m 1")


async def test_the_newest_come_first(region: Region, matches: Matches) -> None:
    """Matches of all partitions are listed together, by their last change, no more than asked for."""
    for number in range(12):
        region.clock.at_ms = NOW_MS + number
        await record(region, f"m-{number}", node=f"eu/gs#{number}")

    assert await matches.newest(limit=3) == [Changed(NOW_MS + number, f"m-{number}") for number in (11, 10, 9)]
    assert [changed.match for changed in await matches.newest(limit=100)] == [f"m-{n}" for n in range(11, -1, -1)]


async def test_a_watch_shows_changes(region: Region, matches: Matches) -> None:
    """A watch begins with what there is, be it nothing, and goes on with each change."""
    async with aclosing(matches.watch("m-1")) as views:
        first = await anext(views)
        await record(region, "m-1", 3)
        second = await anext(views)

    assert first["clock"] == {}
    assert second["state"]["frames"]["1"]["points"] == {"ana": 3}


async def test_another_number_of_partitions_is_refused(region: Region) -> None:
    """A reader that looks for matches in the wrong partitions is told so, instead of finding nothing."""
    await region.store.put_status({"partitions": b"7"})

    with pytest.raises(ConfigError, match="DOJO_PARTITIONS=7"):
        async with open_stored(CONFIG, views=region.store, kind=region.loaded.game.kind, clock=region.clock):
            pass


async def test_a_silent_store_is_told_as_it_is(region: Region, matches: Matches) -> None:
    """The error of a store that does not answer comes bare, not in a group."""
    region.store.stop_answering()
    with pytest.raises(Unavailable):
        async with open_stored(CONFIG, views=region.store, kind=region.loaded.game.kind, clock=region.clock):
            pass
    with pytest.raises(Unavailable):
        await matches.show("m-1")


async def test_an_error_in_the_block_is_not_wrapped(region: Region) -> None:
    """What the caller raises inside the context comes out as it was."""
    with pytest.raises(LookupError):
        async with open_stored(CONFIG, views=region.store, kind=region.loaded.game.kind, clock=region.clock):
            raise LookupError


async def test_a_running_dev_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """Without DOJO_REDIS matches come from the `dojo dev` that runs here, in the region asked for, by no proxy."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_tcp_port}")
    match = PLANS[0].match
    async with dev(PLANS, data_dir=tmp_path, port=0), open_matches("us") as matches:
        async with aclosing(matches.watch(match)) as views:
            async for view in views:
                if view["clock"]:
                    break
        shown, unknown, listed = await matches.show(match), await matches.show("m-none"), await matches.newest(limit=2)
        odd = [await matches.show(name) for name in ("..", ".", "a:b-c_d.e")]
        with pytest.raises(CallerError, match="letters, digits"):
            await matches.show("a/b?c")

    assert shown is not None
    assert (shown["match"], shown["region"], view["region"]) == (match, "us", "us")
    assert [unknown, *odd] == [None] * 4
    assert 1 <= len(listed) <= 2
    assert {changed.match for changed in listed} <= {plan.match for plan in PLANS}


async def test_a_watch_tells_that_dev_has_ended(tmp_path: Path) -> None:
    """A watch does not end in silence when the `dojo dev` behind it does."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(dev(PLANS, data_dir=tmp_path, port=0))
        async with open_matches() as matches, aclosing(matches.watch(PLANS[0].match)) as views:
            await anext(views)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(stack.aclose())
                with pytest.raises(Unavailable, match="`dojo dev`"):
                    async for _ in views:
                        pass


async def test_a_watch_that_is_closed_properly_has_ended_too(tmp_path: Path) -> None:
    """A stream that comes to its end is as little an answer as one that breaks: a watch has none."""

    async def one_line(request: Request) -> Response:
        return Response('{"match": "m-1"}\n')

    async with serve(Starlette(routes=[Route("/matches/m-1/watch", one_line)]), host="127.0.0.1", port=0) as port:
        (tmp_path / ADDRESS_FILE).write_text(json.dumps({"url": f"http://127.0.0.1:{port}"}))
        async with open_matches() as matches, aclosing(matches.watch("m-1")) as views:
            assert await anext(views) == {"match": "m-1"}
            with pytest.raises(Unavailable, match="has ended: start it again"):
                await anext(views)


async def test_an_unknown_region_of_dev_is_told(tmp_path: Path) -> None:
    """A region that `dojo dev` does not have is the caller's error, also for a watch."""
    async with dev(PLANS, data_dir=tmp_path, port=0), open_matches("mars") as matches:
        with pytest.raises(CallerError, match="mars"):
            await matches.newest(limit=1)
        with pytest.raises(CallerError, match="mars"):
            await anext(matches.watch("m-1"))


async def test_another_program_is_not_taken_for_dev(tmp_path: Path) -> None:
    """What answers at the address without being `dojo dev` is told, not read as an unknown match."""
    async with serve(Starlette(), host="127.0.0.1", port=0) as port:
        (tmp_path / ADDRESS_FILE).write_text(json.dumps({"url": f"http://127.0.0.1:{port}"}))
        async with open_matches() as matches:
            with pytest.raises(Unavailable, match="answered 404 and no JSON"):
                await matches.show("m-1")


async def test_without_redis_and_dev_there_is_nothing(tmp_path: Path) -> None:
    """When there is nothing to read from, both ways out are named."""
    with pytest.raises(Unavailable) as told:
        async with open_matches():
            pass

    assert "Start `dojo dev`, or set DOJO_REDIS" in str(told.value)
    assert str(tmp_path / ADDRESS_FILE) in str(told.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": '])
async def test_a_damaged_address_is_told(tmp_path: Path, content: str) -> None:
    """An address file that holds something else is named, not trusted."""
    (tmp_path / ADDRESS_FILE).write_text(content)

    with pytest.raises(Unavailable, match="is not what `dojo dev` writes"):
        async with open_matches():
            pass


async def test_a_dev_that_is_gone_is_told(tmp_path: Path, unused_tcp_port: int) -> None:
    """A `dojo dev` that ended without removing its address is told with that address."""
    (tmp_path / ADDRESS_FILE).write_text(json.dumps({"url": f"http://127.0.0.1:{unused_tcp_port}"}))
    async with open_matches() as matches:
        with pytest.raises(Unavailable, match=f":{unused_tcp_port}"):
            await matches.show("m-1")
        with pytest.raises(Unavailable, match=f":{unused_tcp_port}"):
            await anext(matches.watch("m-1"))
