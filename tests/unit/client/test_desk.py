"""What can be refused is refused before it is numbered, and what is numbered is sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from enum import Enum

import pytest
from pydantic import BaseModel, Field

from dojopool.client import Accepted, Rejected, Unknown
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError
from dojopool.games.pool import MatchFinished
from dojopool.ports import Ended, Headers
from support.region import BRISK, NODE, PARTITIONS, Region, points
from support.virtual_time import in_virtual_time


class BreakRule(Enum):
    """An enumeration of somebody's own."""

    ALTERNATE = "alternate"


class MatchScheduled(BaseModel):
    """Somebody's own model of an event, with a field under another name."""

    players: tuple[str, ...]
    frames: int = Field(serialization_alias="frames_to_play")
    break_rule: BreakRule
    max_score: int


class BallPotted(BaseModel):
    """No event of pool."""


class PlayerJoined(BaseModel):
    """Named like an event, and unlike it in its fields."""

    name: str


@in_virtual_time
async def test_a_model_is_known_by_its_name_and_written_as_json() -> None:
    """Any pydantic model serves that is named after an event; aliases, enumerations and tuples are as in its JSON."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        event = MatchScheduled(players=("ana", "bo"), frames=7, break_rule=BreakRule.ALTERNATE, max_score=10)
        assert isinstance(await match.record(event), Accepted)
        assert isinstance(await match.record(MatchFinished()), Accepted)

    body = region.events("m-1")[0].body
    assert (list(body.players), body.frames_to_play, body.break_rule) == (["ana", "bo"], 7, "alternate")


@in_virtual_time
async def test_a_class_that_is_no_event_is_the_callers_fault() -> None:
    """The mistake is in the program, so it is an exception, and it names the events there are."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        with pytest.raises(CallerError, match=r"test_desk.BallPotted is not an event of this game: .* points_awarded"):
            await match.record(BallPotted())
        with pytest.raises(CallerError, match=r"builtins.dict is not an event"):
            await match.record({"frame": 1})  # type: ignore[arg-type]  # the wrong type is the test

    assert region.dots("m-1") == []


@in_virtual_time
async def test_an_event_that_breaks_its_schema_is_rejected_with_the_reason() -> None:
    """Wrong values are an outcome; they take no number and are not in the log."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        unlike = await match.record(PlayerJoined(name="ana"))
        huge = await match.record_body("player_joined", {"player": "x" * 70_000})
        unknown = await match.record_body("ball_potted", {})
        await match.record(points())

    assert isinstance(unlike, Rejected)
    assert "'name' is not a field" in unlike.reason
    assert isinstance(huge, Rejected)
    assert "65536" in huge.reason
    assert isinstance(unknown, Rejected)
    assert "'ball_potted' is not an event of this game" in unknown.reason
    assert region.dots("m-1") == [(NODE, 1)]


@in_virtual_time
async def test_a_full_outbox_is_waited_for_until_the_deadline() -> None:
    """Who finds no room in time is rejected without a number, so no hole is left."""
    region = Region()
    async with region.connect(limits=replace(BRISK, queue_records_max=2)) as dojo, asyncio.TaskGroup() as tasks:
        match = await dojo.match("m-1")
        region.log.stop_answering()
        inside = [tasks.create_task(match.record(points())) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await match.record(points(), timeout_s=3.0)
        assert asyncio.get_running_loop().time() == 3.0
        patient = tasks.create_task(match.record(points(), timeout_s=60.0))
        await asyncio.sleep(1.0)  # of a clock that jumps
        region.log.answer_again()

        assert isinstance(refused, Rejected)
        assert "no more fit" in refused.reason
        assert [type(await task) for task in (*inside, patient)] == [Accepted] * 3
    assert region.dots("m-1") == [(NODE, 1), (NODE, 2), (NODE, 3)]


@in_virtual_time
async def test_an_event_that_waited_in_vain_for_its_schema_lets_the_next_in() -> None:
    """Room that a rejected event did not use is the next one's."""
    region = Region()
    async with region.connect(limits=replace(BRISK, queue_records_max=1)) as dojo, asyncio.TaskGroup() as tasks:
        match = await dojo.match("m-1")
        region.log.stop_answering()
        first = tasks.create_task(match.record(points()))
        await asyncio.sleep(0.1)  # of a clock that jumps
        wrong = tasks.create_task(match.record(PlayerJoined(name="ana"), timeout_s=60.0))
        right = tasks.create_task(match.record(points(), timeout_s=60.0))
        await asyncio.sleep(0.1)  # of a clock that jumps
        region.log.answer_again()

        assert [type(await task) for task in (first, wrong, right)] == [Accepted, Rejected, Accepted]
        assert asyncio.get_running_loop().time() < 1.0


@in_virtual_time
async def test_events_enter_in_the_order_of_the_calls() -> None:
    """Whether or not they had to wait for room, and whichever handle they came through."""
    region = Region()
    async with region.connect(limits=replace(BRISK, queue_records_max=3, batch_records_max=2)) as dojo:
        handles = [await dojo.match("m-1"), await dojo.match("m-1")]
        receipts = await asyncio.gather(*(handles[number % 2].record(points(frame=number)) for number in range(1, 31)))

    assert [receipt.dot for receipt in receipts if isinstance(receipt, Accepted)] == [
        (NODE, seq) for seq in range(1, 31)
    ]
    assert [event.body.frame for event in region.events("m-1")] == list(range(1, 31))


@in_virtual_time
async def test_a_cancelled_call_leaves_no_hole() -> None:
    """What was numbered is sent without its caller; what waited for room is not."""
    region = Region()
    async with region.connect(limits=replace(BRISK, queue_records_max=2)) as dojo, asyncio.TaskGroup() as tasks:
        match = await dojo.match("m-1")
        region.log.stop_answering()
        calls = [tasks.create_task(match.record(points(frame=number))) for number in (1, 2, 3, 4)]
        await asyncio.sleep(0.1)  # of a clock that jumps
        calls[0].cancel()
        calls[2].cancel()
        await asyncio.sleep(0.1)  # of a clock that jumps
        region.log.answer_again()
        assert [type(await call) for call in (calls[1], calls[3])] == [Accepted, Accepted]

    assert [(event.seq, event.body.frame) for event in region.events("m-1")] == [(1, 1), (2, 2), (3, 4)]


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan")])
@in_virtual_time
async def test_no_time_is_the_callers_fault(timeout_s: float) -> None:
    """Every call has a deadline ahead of it."""
    region = Region()
    async with region.connect() as dojo:
        match = await dojo.match("m-1")
        with pytest.raises(CallerError, match="must be above 0"):
            await match.record(points(), timeout_s=timeout_s)

    assert region.dots("m-1") == []


@in_virtual_time
async def test_partitions_do_not_hold_each_other_up() -> None:
    """While one partition's outbox is full, matches of others are recorded."""
    region = Region()
    here = "m-1"
    there = next(f"m-{number}" for number in range(99) if partition_of(f"m-{number}", 4) != partition_of(here, 4))
    async with region.connect(limits=replace(BRISK, queue_records_max=1)) as dojo, asyncio.TaskGroup() as tasks:
        full, free = await dojo.match(here), await dojo.match(there)
        region.log.stop_answering()
        calls = [tasks.create_task(match.record(points(), timeout_s=5.0)) for match in (full, full, free)]

        assert [type(await call) for call in calls] == [Unknown, Rejected, Unknown]
        region.log.answer_again()
    assert [len(region.dots(match)) for match in (here, there)] == [1, 1]


@in_virtual_time
async def test_numbers_go_on_when_a_handle_is_gone() -> None:
    """A match that was written is remembered by its connection: a new handle never gives a number twice."""
    region = Region()
    async with region.connect() as dojo:
        for _ in range(3):
            await (await dojo.match("m-1")).record(points())
            await dojo.match("m-2")

    assert [seq for _, seq in region.dots("m-1")] == [1, 2, 3]
    assert [event.base for event in region.events("m-1")] == [None, 0, 0]


class Followed:
    """A tracer that remembers what it was told."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.ended: list[tuple[int | None, str | None]] = []

    def begin(self, match: str, *, partition: int) -> tuple[Headers, Ended]:
        """An event sets out."""
        self.begun.append((match, partition))

        def ended(*, offset: int | None, error: str | None) -> None:
            self.ended.append((offset, error))

        return (("trace", b"%d" % len(self.begun)),), ended


@in_virtual_time
async def test_a_tracer_hears_of_every_numbered_event_once() -> None:
    """How it ended is told as its receipt says it, the first time; what was refused before its number is not followed;
    and each record carries the headers it was given.
    """
    region, followed = Region(), Followed()
    async with region.connect(tracer=followed) as dojo, asyncio.TaskGroup() as tasks:
        match = await dojo.match("m-1")
        await match.record(points())
        await match.record_body("ball_potted", {})
        region.log.stop_answering()
        impatient = tasks.create_task(match.record(points()))
        await asyncio.sleep(0)
        impatient.cancel()
        unknown = await match.record(points(), timeout_s=1.0)
        region.log.answer_again()
        assert isinstance(unknown, Unknown)
        assert isinstance(await dojo.settle(unknown), Accepted)
    where = partition_of("m-1", PARTITIONS)
    records = region.log.partition((region.topic, where)).read(0)

    assert followed.begun == [("m-1", where)] * 3
    assert followed.ended == [(0, None), (None, "cancelled"), (None, "unknown")]
    assert sorted({record.headers for record in records}) == [(("trace", b"%d" % number),) for number in (1, 2, 3)]


@in_virtual_time
async def test_a_tracer_hears_of_a_record_the_log_refuses() -> None:
    """What the log can never take ends as rejected."""
    region, followed = Region(config={"max.message.bytes": "150"}), Followed()
    async with region.connect(tracer=followed) as dojo:
        match = await dojo.match("m-1")
        await match.record(points(player="x" * 120))

    assert followed.ended == [(None, "rejected")]
