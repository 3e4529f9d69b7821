"""What every store keeps of the promises of ViewReader; fixtures as for `state_store.py`."""

from __future__ import annotations

import asyncio

import pytest

from contracts.batches import Owner, change, eu
from contracts.waiting import DEADLINE_S, changed_matches
from dojopool.ports import StateStore, ViewReader

CHANGES_KEPT = 10_000
"""Entries of a change stream that are certainly kept."""


class ViewReaderContract:
    """Every promise of ViewReader."""

    async def test_a_match_that_does_not_exist_is_empty(self, views: ViewReader) -> None:
        """Reading what was never written is no error."""
        assert await views.view(0, "m-1") == {}
        assert await views.matches(0, limit=10) == []
        assert await views.status() == {}

    async def test_a_view_keeps_the_fields_that_did_not_change(self, store: StateStore, views: ViewReader) -> None:
        """A batch sets the fields it names; the others of that match stay."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1", phase="live", players=["ana"]), change("m-2", phase="live"))
        await owner.write(eu(2), change("m-1", phase="finished", turn=None))

        assert await views.view(0, "m-1") == {"phase": b'"finished"', "players": b'["ana"]', "turn": b"null"}
        assert await views.view(0, "m-2") == {"phase": b'"live"'}

    async def test_views_of_partitions_are_apart(self, store: StateStore, views: ViewReader) -> None:
        """A view is found in its own partition only."""
        await (await Owner.claim(store, 3)).write(eu(1), change("m-1"))

        assert await views.view(3, "m-1") != {}
        assert await views.view(0, "m-1") == {}
        assert await views.matches(0, limit=10) == []

    async def test_matches_are_listed_newest_first(self, store: StateStore, views: ViewReader) -> None:
        """The list names each match once, with the time of its last change, and no more than asked for."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1"), at_ms=1_754_000_000_001)
        await owner.write(eu(2), change("m-2"), change("m-3"), at_ms=1_754_000_000_002)
        await owner.write(eu(3), change("m-1"), at_ms=1_754_000_000_003)

        listed = await views.matches(0, limit=10)

        assert listed[0] == ("m-1", 1_754_000_000_003)
        assert sorted(listed[1:]) == [("m-2", 1_754_000_000_002), ("m-3", 1_754_000_000_002)]
        assert await views.matches(0, limit=1) == listed[:1]

    async def test_a_wall_clock_that_jumps_back_is_believed(self, store: StateStore, views: ViewReader) -> None:
        """The time listed is that of the last change, also when an earlier change had a later one."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1"), at_ms=9_000)
        await owner.write(eu(2), change("m-1"), at_ms=5_000)

        assert await views.matches(0, limit=10) == [("m-1", 5_000)]

    async def test_every_batch_is_announced(self, store: StateStore, views: ViewReader) -> None:
        """The change stream names the matches of each batch, oldest batch first."""
        owner = await Owner.claim(store)
        start = await views.last_change(0)
        await owner.write(eu(1), change("m-1"), change("m-2"))
        await owner.write(eu(2), change("m-1"))

        changed = await changed_matches(views, 0, after=start, matches=3)

        assert (sorted(changed[:2]), changed[2:]) == (["m-1", "m-2"], ["m-1"])

    async def test_a_batch_that_changes_no_match_wakes_nobody(self, store: StateStore, views: ViewReader) -> None:
        """Positions move about once a second on their own; the change stream stays as it is."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1"))
        newest = await views.last_change(0)
        await owner.write(eu(2, 1))

        assert await views.last_change(0) == newest
        assert list(await views.changes(0, after=newest, timeout_ms=20)) == []

    async def test_reading_changes_goes_on_behind_a_cursor(self, store: StateStore, views: ViewReader) -> None:
        """Each entry's cursor is the place behind it, and the newest one's is what `last_change` says."""
        owner = await Owner.claim(store)
        await owner.write_matches(["m-1", "m-2", "m-3"])
        entries = await views.changes(0, after="0-0", timeout_ms=5_000)

        assert [entry.matches for entry in entries] == [("m-1",), ("m-2",), ("m-3",)]
        assert await views.last_change(0) == entries[2].cursor
        behind_first = await views.changes(0, after=entries[0].cursor, timeout_ms=5_000)
        assert list(behind_first) == list(entries[1:])
        assert list(await views.changes(0, after=entries[2].cursor, timeout_ms=20)) == []

    async def test_changes_of_other_partitions_are_not_seen(self, store: StateStore, views: ViewReader) -> None:
        """Each partition has a stream of its own."""
        await (await Owner.claim(store, 1)).write(eu(1), change("m-1"))

        assert list(await views.changes(0, after="0-0", timeout_ms=20)) == []

    async def test_without_changes_the_wait_ends_in_time(self, views: ViewReader) -> None:
        """Waiting where nothing happens returns empty, and not before its time."""
        loop = asyncio.get_running_loop()
        started = loop.time()

        assert list(await views.changes(0, after=await views.last_change(0), timeout_ms=100)) == []
        assert loop.time() - started >= 0.09

    async def test_a_waiting_reader_wakes_with_the_change(self, store: StateStore, views: ViewReader) -> None:
        """A wait of ten minutes ends with the batch that is written meanwhile, for every reader that waits."""
        owner = await Owner.claim(store)
        start = await views.last_change(0)
        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
            waiting = [group.create_task(views.changes(0, after=start, timeout_ms=600_000)) for _ in range(3)]
            # Let each wait reach the store before the write; were it late, it would find the change all the same.
            await asyncio.sleep(0)
            await owner.write(eu(1), change("m-1"))
            entries = [await each for each in waiting]

        assert [[entry.matches for entry in found] for found in entries] == [[("m-1",)]] * 3

    async def test_a_cancelled_wait_loses_nothing(self, store: StateStore, views: ViewReader) -> None:
        """Changes that come after a wait was cancelled are found behind the same cursor."""
        owner = await Owner.claim(store)
        await owner.write(eu(1), change("m-1"))
        cursor = await views.last_change(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await views.changes(0, after=cursor, timeout_ms=600_000)
        await owner.write(eu(2), change("m-2"))

        assert await changed_matches(views, 0, after=cursor, matches=1) == ["m-2"]

    async def test_the_change_stream_is_capped(self, store: StateStore, views: ViewReader) -> None:
        """Old entries go; a reader that fell behind gets what is left, and the newest is the last."""
        owner = await Owner.claim(store)
        names = [f"m-{number}" for number in range(CHANGES_KEPT + 600)]
        await owner.write_matches(names)
        kept = await views.last_change(0)

        left: list[str] = []
        after = "0-0"
        while after != kept:
            for entry in await views.changes(0, after=after, timeout_ms=5_000):
                left += entry.matches
                after = entry.cursor

        assert CHANGES_KEPT <= len(left) < len(names)
        assert left == names[-len(left) :]
