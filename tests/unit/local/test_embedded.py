"""The embedded default: production's programs over the in-memory twins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dojopool.client import Accepted, Dojo
from dojopool.games.loading import load_game
from dojopool.games.pool import PlayerJoined
from dojopool.local.demo import Watcher
from dojopool.local.embedded import Embedded, embedded
from support.virtual_time import in_virtual_time


@asynccontextmanager
async def two_regions() -> AsyncIterator[tuple[Embedded, Dojo, Dojo]]:
    """The pipeline of eu and us, with a connection to each."""
    observers = {"eu": Watcher(), "us": Watcher()}
    async with (
        embedded(load_game("pool"), regions=("eu", "us"), partitions=2, observers=observers) as pipeline,
        pipeline.connect("eu") as eu,
        pipeline.connect("us") as us,
    ):
        yield pipeline, eu, us


@in_virtual_time
async def test_what_one_region_accepts_the_other_shows() -> None:
    """An event recorded in eu is readable in us, and the digests agree."""
    async with two_regions() as (pipeline, eu, us):
        receipt = await (await eu.match("m-1")).record(PlayerJoined(player="ana"))
        assert isinstance(receipt, Accepted)
        view = await us.read("m-1", at_least=receipt)
        digests = await pipeline.region_digests()

    assert view.state.players == ("ana",)
    assert digests["eu"] == digests["us"]


@in_virtual_time
async def test_a_cut_link_keeps_regions_apart_until_it_is_healed() -> None:
    """While the link is cut us does not see what eu accepts; after the heal it does."""
    async with two_regions() as (pipeline, eu, us):
        pipeline.cut()
        receipt = await (await eu.match("m-1")).record(PlayerJoined(player="ana"))
        await eu.read("m-1", at_least=receipt)
        before = await us.read("m-1")
        pipeline.heal()
        after = await us.read("m-1", at_least=receipt)

    assert (before.exists, after.state.players) == (False, ("ana",))
