"""What an event in the log claims to have seen is what its handle had read, no less and no more."""

from __future__ import annotations

from dojopool.client import Accepted, MatchHandle, Rejected
from dojopool.core.event import Event, happened_before
from dojopool.games.pool import FrameStarted, PlayerJoined, PointsAwarded
from support.region import NODE, Region, points
from support.virtual_time import in_virtual_time

OTHER = "eu/gs-2#b"


async def record(match: MatchHandle) -> Accepted:
    """Record one point."""
    receipt = await match.record(points())
    assert isinstance(receipt, Accepted)
    return receipt


def claims(events: list[Event]) -> list[tuple[int, int | None, dict[str, int] | None]]:
    """Number, base and context of events."""
    return [(event.seq, event.base, None if event.context is None else dict(event.context)) for event in events]


@in_virtual_time
async def test_the_first_events_of_a_new_match_carry_no_context() -> None:
    """Nothing was read, and of the own events everything is seen: most events carry no map."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        for _ in range(3):
            await record(match)

    assert claims(region.events("m-1")) == [(1, None, None), (2, None, None), (3, None, None)]


@in_virtual_time
async def test_the_context_is_the_clock_of_the_view_that_was_read() -> None:
    """It is sent with the first event after it changed, without the own node, and not again."""
    region = Region()
    async with region.connect() as dojo, region.connect(OTHER) as other:
        theirs = await other.match("m-1")
        await record(theirs)
        await region.fold()
        match = await dojo.match("m-1")
        await record(match)
        await record(match)
        await record(theirs)
        await region.fold()
        assert match.view.clock.as_dict() == {OTHER: 1}
        view = await match.read()
        await record(match)
        await record(match)

    assert view is match.view
    assert view.clock.as_dict() == {NODE: 2, OTHER: 2}
    mine = [event for event in region.events("m-1") if event.node == NODE]
    assert claims(mine) == [(1, None, {OTHER: 1}), (2, None, None), (3, None, {OTHER: 2}), (4, None, None)]


@in_virtual_time
async def test_what_was_recorded_meanwhile_is_not_claimed_before_it_is_read() -> None:
    """Two nodes that did not read each other write concurrent events, accepted or not."""
    region = Region()
    async with region.connect() as dojo, region.connect(OTHER) as other:
        mine, theirs = await dojo.match("m-1"), await other.match("m-1")
        await record(mine)
        await record(theirs)
        await region.fold()
        await dojo.read("m-1")
        await record(mine)

    assert claims(region.events("m-1")) == [(1, None, None), (1, None, None), (2, None, None)]


@in_virtual_time
async def test_handles_of_one_process_share_numbers_and_not_knowledge() -> None:
    """Events of two handles that did not read each other are concurrent, and after reading they are not."""
    region = Region()
    async with region.connect() as dojo:
        ana, bo = await dojo.match("m-1"), await dojo.match("m-1")
        await record(ana)
        await record(bo)
        await record(ana)
        await region.fold()
        await bo.read()
        await record(bo)

    first, second, third, fourth = region.events("m-1")
    assert claims([first, second, third, fourth]) == [(1, None, None), (2, 0, None), (3, 1, None), (4, None, None)]
    assert not happened_before(first, second)
    assert not happened_before(second, third)
    assert happened_before(third, fourth)


@in_virtual_time
async def test_handles_with_different_knowledge_say_it_each_time() -> None:
    """No context means that of the node's previous event, so a handle that had read less sends the empty one."""
    region = Region()
    async with region.connect() as dojo, region.connect(OTHER) as other:
        before = await dojo.match("m-1")
        await record(await other.match("m-1"))
        await region.fold()
        after = await dojo.match("m-1")
        for match in (before, after, after, before, before):
            await record(match)

    mine = [event for event in region.events("m-1") if event.node == NODE]
    contexts = [claim[2] for claim in claims(mine)]
    assert contexts == [None, {OTHER: 1}, None, {}, None]


@in_virtual_time
async def test_events_are_stamped_above_the_view_that_was_read() -> None:
    """A writer whose clock is behind still comes after what it had seen."""
    region = Region()
    region.clock.at_ms += 3_000
    async with region.connect(OTHER) as other:
        await record(await other.match("m-1"))
    await region.fold()
    region.clock.at_ms -= 3_000
    async with region.connect() as dojo:
        await record(await dojo.match("m-1"))

    first, second = region.events("m-1")
    assert second.stamp == first.stamp + 1


@in_virtual_time
async def test_an_event_carries_the_models_values() -> None:
    """A model becomes the body, by the name of its class."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        await match.record(PlayerJoined(player="ana"))
        await match.record(FrameStarted(frame=1, breaker="ana"))
        await match.record_body("points_awarded", {"frame": 1, "player": "ana", "points": -2})

    joined, started, awarded = region.events("m-1")
    assert (joined.type, joined.body.player) == ("player_joined", "ana")
    assert (started.type, started.body.frame, started.body.breaker) == ("frame_started", 1, "ana")
    assert (awarded.type, awarded.body.points) == ("points_awarded", -2)


@in_virtual_time
async def test_a_model_that_cannot_be_written_is_rejected() -> None:
    """Half a surrogate pair has no UTF-8, an arbitrary object no JSON, and a refused event takes no number."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        half = await match.record(PlayerJoined.model_construct(player="\ud800"))
        foreign = await match.record(PlayerJoined.model_construct(player=object()))
        number = await match.record(PlayerJoined.model_construct(player=7))
        await record(match)

    assert isinstance(half, Rejected)
    assert isinstance(foreign, Rejected)
    assert "PlayerJoined cannot be written as JSON" in foreign.reason
    assert isinstance(number, Rejected)
    assert number.reason == "body.player: 7 is not a string"
    assert region.dots("m-1") == [(NODE, 1)]


@in_virtual_time
async def test_a_handle_names_its_match() -> None:
    """By `id` and in its text."""
    async with Region().connect() as dojo:
        match = await dojo.match("m-1")

        assert (match.id, repr(match)) == ("m-1", "MatchHandle('m-1')")


@in_virtual_time
async def test_after_a_refusal_handles_go_on_as_a_new_node() -> None:
    """A record that the log never takes burns its number; what follows is seen by nobody as waiting for it."""
    region = Region(config={"max.message.bytes": "400"})
    async with region.connect() as dojo:
        match, beside = await dojo.match("m-1"), await dojo.match("m-1")
        await record(match)
        refused = await match.record(PointsAwarded.model_construct(frame=1, player="x" * 1000, points=1))
        await record(match)
        await record(beside)
        await region.fold()

        assert isinstance(refused, Rejected)
        assert region.waiting() == 0
        assert region.dots("m-1") == [(NODE, 1), (f"{NODE}.2", 1), (f"{NODE}.2", 2)]
        assert claims(region.events("m-1")[1:]) == [(1, None, {NODE: 1}), (2, 0, {})]
        assert (await dojo.read("m-1")).state.frames[1].points["ana"] == 3
