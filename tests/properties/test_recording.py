"""Whatever callers and the log do, a match's events are in the log without holes, in order, and claim what was seen.

The log fails, falls silent and stores halves; callers have little time, give up and are cancelled at any step; handles
read at any moment. At the end every event is in the log once known, the fold delivers all of them, and a naive model
of who had read what judges every base and context.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from dojopool.client import Accepted, Dojo, Limits, MatchHandle, Receipt, Rejected, Unknown
from dojopool.core.event import Dot, Event
from dojopool.core.partition import partition_of
from support.region import BRISK, PARTITIONS, Region, points
from support.virtual_time import run_in_virtual_time

MATCHES = ("m-1", "m-2", "m-4")
NODES = ("eu/gs-1#a", "eu/gs-2#b")
HANDLES_PER_NODE = 2


@dataclass(frozen=True, slots=True)
class Record:
    """A handle records an event, and its caller may be cancelled after some turns of the loop."""

    handle: int
    match: int
    timeout_s: float
    cancelled_after: int | None


@dataclass(frozen=True, slots=True)
class Read:
    """Everything in the log is folded, and then a handle reads."""

    handle: int
    match: int


@dataclass(frozen=True, slots=True)
class Fault:
    """The next append ends without an answer."""

    stored: bool | int


@dataclass(frozen=True, slots=True)
class Silence:
    """The log answers nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Time passes."""

    seconds: float


HANDLES = st.integers(0, len(NODES) * HANDLES_PER_NODE - 1)
NUMBERS = st.integers(0, len(MATCHES) - 1)
RECORDS = st.builds(
    Record,
    handle=HANDLES,
    match=NUMBERS,
    timeout_s=st.sampled_from([0.002, 0.5, 60.0]),
    cancelled_after=st.none() | st.integers(0, 8),
)
STEPS = st.one_of(
    RECORDS,
    RECORDS,
    RECORDS,
    st.builds(Read, handle=HANDLES, match=NUMBERS),
    st.builds(Fault, stored=st.booleans() | st.integers(1, 3)),
    st.builds(Silence, seconds=st.sampled_from([0.001, 0.1, 30.0])),
    st.builds(Pause, seconds=st.sampled_from([0.0, 0.001, 1.0])),
)


@dataclass(slots=True)
class Game:
    """What is played, and what came of it. An event is told from others by its frame."""

    region: Region
    dojos: list[Dojo]
    handles: dict[tuple[int, int], MatchHandle]
    tasks: asyncio.TaskGroup
    calls: dict[int, asyncio.Task[Receipt]] = field(default_factory=dict)
    by: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Frame -> handle and match that recorded it."""
    known: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    """Handle and match -> frames that it had read or recorded."""
    seen: dict[int, frozenset[int]] = field(default_factory=dict)
    """Frame -> frames that its handle knew when it recorded it."""

    async def do(self, step: Record | Read | Fault | Silence | Pause) -> None:
        """Take one step."""
        if isinstance(step, Record):
            await self.record(step)
        elif isinstance(step, Read):
            await self.read(step.handle, step.match)
        elif isinstance(step, Fault):
            self.region.log.fail_next_append(stored=step.stored)
        elif isinstance(step, Silence):
            self.region.log.stop_answering()
            asyncio.get_running_loop().call_later(step.seconds, self.region.log.answer_again)
        else:
            await asyncio.sleep(step.seconds)

    async def record(self, step: Record) -> None:
        """Begin a call; its event is numbered before this returns, unless it finds no room."""
        frame, key = len(self.calls) + 1, (step.handle, step.match)
        handle = self.handles[key]
        self.seen[frame] = frozenset(self.known.setdefault(key, set()))
        self.known[key].add(frame)
        self.by[frame] = key
        call = self.calls[frame] = self.tasks.create_task(handle.record(points(frame=frame), timeout_s=step.timeout_s))
        await asyncio.sleep(0)
        if step.cancelled_after is not None:
            for _ in range(step.cancelled_after):
                await asyncio.sleep(0)
            call.cancel()

    async def read(self, handle: int, match: int) -> None:
        """Read, and learn the frames in the view."""
        await self.region.fold()
        view = await self.handles[handle, match].read()
        self.known.setdefault((handle, match), set()).update(view.state.frames)

    async def receipts(self) -> dict[int, Receipt]:
        """The receipts of the calls that were not cancelled, doubtful ones settled."""
        await asyncio.wait(self.calls.values())
        given = {frame: call.result() for frame, call in self.calls.items() if not call.cancelled()}
        return {
            frame: await self.dojos[self.by[frame][0] // HANDLES_PER_NODE].settle(receipt, timeout_s=120.0)
            for frame, receipt in given.items()
        }


async def play(steps: list[Record | Read | Fault | Silence | Pause], limits: Limits) -> tuple[Game, dict[int, Receipt]]:
    """Play the steps and close the connections."""
    region = Region()
    async with (
        region.connect(NODES[0], limits=limits, close_timeout_s=600.0) as first,
        region.connect(NODES[1], limits=limits, close_timeout_s=600.0) as second,
        asyncio.TaskGroup() as tasks,
    ):
        dojos = [first, second]
        handles = {
            (handle, match): await dojos[handle // HANDLES_PER_NODE].match(MATCHES[match])
            for handle in range(len(dojos) * HANDLES_PER_NODE)
            for match in range(len(MATCHES))
        }
        game = Game(region, dojos, handles, tasks)
        for step in steps:
            await game.do(step)
        receipts = await game.receipts() if game.calls else {}
    await region.fold()
    return game, receipts


async def judge_the_log(game: Game, receipts: Mapping[int, Receipt]) -> dict[int, Event]:
    """No holes, nothing out of order, twice, lost, or rejected and there all the same. Returns events by frame."""
    events: dict[int, Event] = {}
    for match in MATCHES:
        found = game.region.events(match)
        for node in NODES:
            mine = [event.seq for event in found if event.node == node]
            assert mine == list(range(1, len(mine) + 1)), "a hole, or out of order"
        assert not events.keys() & {event.body.frame for event in found}
        events |= {event.body.frame: event for event in found}
        view = await game.region.store.view(partition_of(match, PARTITIONS), match)
        assert {int(frame) for frame in json.loads(view.get("frames", b"{}"))} == {event.body.frame for event in found}
    assert game.region.waiting() == 0, "an event waits for something that never comes"
    for frame, receipt in receipts.items():
        assert not isinstance(receipt, Unknown), "the log answers again, so every doubt ends"
        assert (frame in events) == isinstance(receipt, Accepted)
        if isinstance(receipt, Accepted):
            assert receipt.dot == events[frame].dot
            assert receipt.position is None or _stored_at(game.region, receipt) == events[frame].data
    lost = game.calls.keys() - events.keys()
    assert all(frame not in receipts or isinstance(receipts[frame], Rejected) for frame in lost)
    return events


def judge_what_was_seen(game: Game, events: Mapping[int, Event]) -> None:
    """Every event claims exactly the foreign events that were read, and of its own node no more than was known."""
    frames: dict[tuple[str, Dot], int] = {(event.match, event.dot): frame for frame, event in events.items()}
    contexts: dict[tuple[str, str], Mapping[str, int]] = {}
    for match in MATCHES:
        for event in game.region.events(match):
            context = contexts.get((match, event.node), {}) if event.context is None else event.context
            contexts[match, event.node] = context
            known = game.seen[event.body.frame]
            foreign = {frames[match, (node, seq)] for node, last in context.items() for seq in range(1, last + 1)}
            assert foreign == {frame for frame in known if frame in events and events[frame].node != event.node}
            base = event.seq - 1 if event.base is None else event.base
            assert {frames[match, (event.node, seq)] for seq in range(1, base + 1)} <= known


def _stored_at(region: Region, receipt: Accepted) -> bytes | None:
    assert receipt.position is not None
    topic, partition, offset = receipt.position
    [record] = region.log.partition((topic, partition)).read(offset, offset + 1)
    return record.value


@given(st.lists(STEPS, max_size=40))
def test_with_room_for_all_nothing_is_lost_and_nothing_is_claimed_that_was_not_seen(
    steps: list[Record | Read | Fault | Silence | Pause],
) -> None:
    """Every event that was recorded is in the log, whoever was cancelled, and its claims fit what its handle knew."""

    async def scenario() -> None:
        game, receipts = await play(steps, replace(BRISK, batch_records_max=3))
        events = await judge_the_log(game, receipts)
        assert events.keys() == game.calls.keys()
        judge_what_was_seen(game, events)

    run_in_virtual_time(scenario())


@given(st.lists(STEPS, max_size=40), st.integers(1, 3))
def test_with_little_room_there_are_no_holes_either(
    steps: list[Record | Read | Fault | Silence | Pause], room: int
) -> None:
    """Who finds no room in time is rejected or cancelled without a trace, and all others are in the log in order."""

    async def scenario() -> None:
        game, receipts = await play(steps, replace(BRISK, queue_records_max=room, batch_records_max=2))
        await judge_the_log(game, receipts)

    run_in_virtual_time(scenario())
