"""What comes out at the far end of a link that is slow, cut, healed and restarted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from contracts.waiting import drain
from dojopool.adapters.memory_log import MemoryLog
from dojopool.adapters.memory_mirror import MemoryMirror
from dojopool.adapters.memory_partition import StoredRecord
from dojopool.ports import Outgoing
from support.virtual_time import run_in_virtual_time

TOPIC = "dojo.events.eu"


class Link:
    """Two logs and the mirror from one to the other."""

    def __init__(self, *, delay_ms: float = 0.0) -> None:
        self.eu, self.us = MemoryLog(region="eu"), MemoryLog(region="us")
        self.eu.create(TOPIC, partitions=2, config={})
        self.mirror = MemoryMirror(self.eu, self.us, TOPIC, delay_ms=delay_ms)

    def write(self, *values: str, partition: int = 0) -> None:
        """Append to the source."""
        records = [StoredRecord(-1, b"m-1", value.encode(), (), 1_000) for value in values]
        self.eu.copy_in((TOPIC, partition), records)

    def arrived(self, partition: int = 0) -> list[str]:
        """What the target holds."""
        if self.us.topic(TOPIC) is None:
            return []
        return [(record.value or b"").decode() for record in self.us.partition((TOPIC, partition)).read(0)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the mirror for as long as the context lasts."""
        async with asyncio.TaskGroup() as group:
            run: Coroutine[Any, Any, Any] = self.mirror.run()
            task = group.create_task(run)
            yield
            task.cancel()

    async def settled(self) -> None:
        """Wait until nothing is on its way; only in virtual time, where the wait is free."""
        await asyncio.sleep(self.mirror.delay_ms / 1000 + 1.0)


async def test_a_copy_differs_only_in_its_offset() -> None:
    """Partition, key, value, headers, timestamp and order survive the way; offsets do not."""
    link = Link()
    link.write("trimmed", partition=1)
    link.eu.partition((TOPIC, 1)).trim(1)
    async with link.running(), link.eu.writer() as writer, link.us.reader() as reader:
        sent = [Outgoing(b"m-1", b"a", (("h", b"1"), ("h", b"2"))), Outgoing(None, b"")]
        await writer.append(TOPIC, 1, sent, timeout_s=1.0)
        reader.assign({(TOPIC, 0): 0, (TOPIC, 1): 0})
        drained = await drain(reader, 2)

    originals = link.eu.partition((TOPIC, 1)).read(0)
    assert drained == {(TOPIC, 1): link.us.partition((TOPIC, 1)).read(0)}
    assert [(each.offset, each.key, each.value, each.headers) for each in drained[TOPIC, 1]] == [
        (0, b"m-1", b"a", (("h", b"1"), ("h", b"2"))),
        (1, None, b"", ()),
    ]
    assert [(each.offset, each.timestamp) for each in originals] == [
        (each.offset + 1, each.timestamp) for each in drained[TOPIC, 1]
    ]


def test_the_target_topic_is_made_like_the_source() -> None:
    """A topic that appears in the source later is made in the target, with as many partitions."""

    async def play() -> int:
        eu, us = MemoryLog(region="eu"), MemoryLog(region="us")
        mirror = MemoryMirror(eu, us, TOPIC)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(mirror.run())
            await asyncio.sleep(1.0)  # virtual: the mirror finds nothing to copy
            assert us.topic(TOPIC) is None
            eu.create(TOPIC, partitions=3, config={})
            await asyncio.sleep(1.0)  # virtual: it heard of the topic
            task.cancel()
        made = us.topic(TOPIC)
        assert made is not None
        return len(made.partitions)

    assert run_in_virtual_time(play()) == 3


def test_records_arrive_after_the_delay_and_not_before() -> None:
    """The delay is latency: records written at different times are on their way together."""

    async def play() -> list[tuple[float, int]]:
        link, loop = Link(delay_ms=80), asyncio.get_running_loop()
        seen = []
        async with link.running():
            for value in ("a", "b", "c"):
                link.write(value)
                await asyncio.sleep(0.01)  # virtual: 10 ms between writes
            for moment in (0.079, 0.081, 0.089, 0.091, 0.101):
                await asyncio.sleep(moment - loop.time())
                seen.append((moment, len(link.arrived())))
        return seen

    assert run_in_virtual_time(play()) == [(0.079, 0), (0.081, 1), (0.089, 1), (0.091, 2), (0.101, 3)]


def test_a_shorter_delay_lets_nothing_overtake() -> None:
    """Records behind a slow one wait for it."""

    async def play() -> tuple[list[str], list[str]]:
        link = Link(delay_ms=1_000)
        async with link.running():
            link.write("slow")
            await asyncio.sleep(0.1)  # virtual: it is on its way
            link.mirror.delay_ms = 10
            link.write("fast")
            await asyncio.sleep(0.5)  # virtual: time enough for the fast one alone
            before = link.arrived()
            await link.settled()
        return before, link.arrived()

    assert run_in_virtual_time(play()) == ([], ["slow", "fast"])


def test_a_cut_link_lets_nothing_through_and_a_healed_one_everything() -> None:
    """What was on its way and what was written meanwhile comes after the healing, in order and once."""

    async def play() -> tuple[list[str], int, list[str], int]:
        link = Link(delay_ms=100)
        async with link.running():
            link.write("a")
            await link.settled()
            link.write("b")
            await asyncio.sleep(0.05)  # virtual: half way
            link.mirror.cut()
            link.write("c", "d")
            await link.settled()
            cut, waiting = link.arrived(), link.mirror.waiting()
            link.mirror.heal()
            await link.settled()
        return cut, waiting, link.arrived(), link.mirror.waiting()

    assert run_in_virtual_time(play()) == (["a"], 3, ["a", "b", "c", "d"], 0)


@pytest.mark.parametrize(
    ("repeat", "again"), [(0, []), (1, ["c"]), (2, ["b", "c"]), (3, ["a", "b", "c"]), (99, ["a", "b", "c"])]
)
def test_a_restart_repeats_the_last_records(repeat: int, again: list[str]) -> None:
    """As many as asked for come once more, per partition and in order, and new ones follow."""

    async def play() -> list[list[str]]:
        link = Link()
        async with link.running():
            link.write("a", "b", "c")
            link.write("x", partition=1)
            await link.settled()
            link.mirror.restart(repeat=repeat)
            await link.settled()
            repeated = link.arrived()
            link.write("d")
            await link.settled()
        return [repeated, link.arrived(), link.arrived(1)]

    whole = ["a", "b", "c", *again]
    assert run_in_virtual_time(play()) == [whole, [*whole, "d"], ["x", "x"] if repeat else ["x"]]


def test_a_restart_loses_what_is_on_its_way_and_sends_it_again() -> None:
    """Records in flight are neither lost for good nor out of order."""

    async def play() -> list[str]:
        link = Link(delay_ms=100)
        async with link.running():
            link.write("a")
            await link.settled()
            link.write("b")
            await asyncio.sleep(0.05)  # virtual: half way
            link.mirror.restart(repeat=1)
            await link.settled()
        return link.arrived()

    assert run_in_virtual_time(play()) == ["a", "a", "b"]


def test_a_stopped_mirror_goes_on_where_it_was() -> None:
    """Running again repeats nothing and skips nothing."""

    async def play() -> list[str]:
        link = Link()
        for values in (["a", "b"], ["c"]):
            link.write(*values)
            async with link.running():
                await link.settled()
        return link.arrived()

    assert run_in_virtual_time(play()) == ["a", "b", "c"]


def test_what_the_source_trimmed_never_arrives() -> None:
    """A mirror that was cut off for too long goes on with the oldest record there is, and says nothing."""

    async def play() -> list[str]:
        link = Link()
        async with link.running():
            link.write("a")
            await link.settled()
            link.mirror.cut()
            link.write("b", "c", "d")
            link.eu.partition((TOPIC, 0)).trim(3)
            link.mirror.heal()
            await link.settled()
        return link.arrived()

    assert run_in_virtual_time(play()) == ["a", "d"]


def test_a_source_that_was_replaced_is_copied_from_its_start() -> None:
    """When the source's end lies below the mirror's place, everything it holds comes."""

    async def play() -> list[str]:
        link = Link()
        async with link.running():
            link.write("a", "b", "c")
            await link.settled()
            link.eu.recreate_topic(TOPIC)
            await link.settled()
            link.write("x")
            await link.settled()
            link.eu.cut_tail((TOPIC, 0), 1)
            await link.settled()
            link.write("y")
            await link.settled()
        return link.arrived()

    assert run_in_virtual_time(play()) == ["a", "b", "c", "x", "y"]


def test_a_tail_that_is_lost_on_its_way_never_arrives() -> None:
    """When the source loses a record that was not copied yet, the others arrive once and later ones follow."""

    async def play() -> list[str]:
        link = Link(delay_ms=100)
        async with link.running():
            link.write("a", "b")
            await asyncio.sleep(0.05)  # virtual: half way
            link.eu.cut_tail((TOPIC, 0), 1)
            await link.settled()
            link.write("x")
            await link.settled()
        return link.arrived()

    assert run_in_virtual_time(play()) == ["a", "x"]


def test_what_replaces_a_lost_tail_arrives_once() -> None:
    """When lost offsets are given again while the lost records were on their way, the new ones come, and once."""

    async def play() -> list[str]:
        link = Link(delay_ms=100)
        async with link.running():
            link.write("a", "b")
            await asyncio.sleep(0.05)  # virtual: half way
            link.eu.cut_tail((TOPIC, 0), 1)
            await asyncio.sleep(0.01)  # virtual: the mirror has noticed
            link.write("x")
            await link.settled()
        return link.arrived()

    assert run_in_virtual_time(play()) == ["a", "x"]


def test_only_what_the_source_holds_is_waiting() -> None:
    """Records that were trimmed before they were copied are not counted, nor are those of a topic there is not."""
    link = Link()
    link.write("a", "b", "c")
    link.write("x", partition=1)
    link.eu.partition((TOPIC, 0)).trim(1)

    assert link.mirror.waiting() == 3
    assert MemoryMirror(link.eu, link.us, "missing").waiting() == 0


def test_holes_in_the_source_are_not_copied() -> None:
    """Offsets without records take no room in the target."""

    async def play() -> tuple[list[str], int, int]:
        link = Link()
        async with link.running():
            link.write("a")
            link.eu.leave_hole((TOPIC, 0), 5)
            link.write("b")
            await link.settled()
        return link.arrived(), link.us.partition((TOPIC, 0)).end, link.mirror.waiting()

    assert run_in_virtual_time(play()) == (["a", "b"], 2, 0)


def test_a_mirror_to_itself_is_a_bug() -> None:
    """One log mirrored to itself would never come to an end."""
    log = MemoryLog(region="eu")
    with pytest.raises(AssertionError, match="itself"):
        MemoryMirror(log, log, TOPIC)
