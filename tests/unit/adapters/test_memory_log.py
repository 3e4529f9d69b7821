"""What a test can do to the in-memory log, and what programs then see."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.errors import CallerError, OffsetGone, Unavailable
from dojopool.ports import Outgoing
from support.virtual_time import run_in_virtual_time

EVENTS, LETTERS = "dojo.events.eu", "dojo.dead-letters"


@pytest.fixture
def log() -> MemoryLog:
    """A log with two topics of four partitions."""
    log = MemoryLog(region="eu")
    for topic in (EVENTS, LETTERS):
        log.create(topic, partitions=4, config={})
    return log


async def append(log: MemoryLog, *values: str, topic: str = EVENTS) -> int:
    """Append to partition 0."""
    async with log.writer() as writer:
        return await writer.append(topic, 0, [Outgoing(None, value.encode()) for value in values], timeout_s=1.0)


def stored(log: MemoryLog, topic: str = EVENTS) -> list[str]:
    """All values of partition 0."""
    return [(record.value or b"").decode() for record in log.partition((topic, 0)).read(0)]


@pytest.mark.parametrize(("kept", "expected"), [(True, ["a", "b"]), (False, []), (1, ["a"])])
async def test_the_next_append_may_be_made_unknown(log: MemoryLog, kept: bool | int, expected: list[str]) -> None:
    """All, none or the first few records are in the log, and the append raises all the same."""
    log.fail_next_append(stored=kept)
    with pytest.raises(Unavailable):
        await append(log, "a", "b")

    assert stored(log) == expected
    assert await append(log, "c") == len(expected)


async def test_appends_to_one_topic_may_fail_alone(log: MemoryLog) -> None:
    """A fault ordered for dead letters, twice, leaves events alone."""
    log.fail_next_append(stored=False, topic=LETTERS, times=2)
    await append(log, "a")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await append(log, "letter", topic=LETTERS)
    await append(log, "letter", topic=LETTERS)

    assert (stored(log), stored(log, LETTERS)) == (["a"], ["letter"])


async def test_a_lost_acknowledgement_is_not_noticed_outside(log: MemoryLog) -> None:
    """The append returns its offset, and each record is in the log once."""
    log.lose_next_acknowledgement(topic=EVENTS)

    assert await append(log, "a") == 0
    assert stored(log) == ["a"]


async def test_a_lost_tail_is_an_offset_above_the_end(log: MemoryLog) -> None:
    """A reader that was at the end finds its place gone."""
    await append(log, "a", "b", "c")
    async with log.reader() as reader:
        reader.assign({(EVENTS, 0): 0})
        await reader.poll(timeout_ms=0)
        log.cut_tail((EVENTS, 0), 1)

        with pytest.raises(OffsetGone, match=r"offset 3 .* 0 to 2"):
            await reader.poll(timeout_ms=0)


def test_a_lost_tail_wakes_who_waits(log: MemoryLog) -> None:
    """A waiting poll finds out at once, as does one of a topic that was replaced."""

    async def wait() -> list[float]:
        loop, woken = asyncio.get_running_loop(), []
        for fault in (lambda: log.cut_tail((EVENTS, 0), 1), lambda: log.recreate_topic(EVENTS)):
            end = await append(log, "a", "b") + 2
            async with log.reader() as reader:
                reader.assign({(EVENTS, 0): end})
                loop.call_later(1.0, fault)
                with pytest.raises(OffsetGone):
                    await reader.poll(timeout_ms=60_000)
            woken.append(loop.time())
        return woken

    assert run_in_virtual_time(wait()) == [1.0, 2.0]


async def test_a_killed_member_is_replaced_after_its_session(log: MemoryLog) -> None:
    """A test finds the members of a program's group, lets one die, and says when the group notices."""
    async with log.membership(group="g", topic=EVENTS) as first:
        async with log.membership(group="g", topic=EVENTS) as second:
            assert list(log.members(group="g", topic=EVENTS)) == [first, second]
            log.members(group="g", topic=EVENTS)[1].stall()
        assert first.owned() == {0, 1}
        log.expire_sessions()

        assert first.owned() == {0, 1, 2, 3}
        assert second.owned() == {2, 3}


async def test_groups_are_known_by_name_and_topic(log: MemoryLog) -> None:
    """Members of one group that share different topics share nothing."""
    async with (
        log.membership(group="g", topic=EVENTS) as events,
        log.membership(group="g", topic=LETTERS) as letters,
        log.membership(group="h", topic=EVENTS) as other,
    ):
        assert events.owned() == letters.owned() == other.owned() == {0, 1, 2, 3}


async def test_commits_are_seen_by_lag_tools(log: MemoryLog) -> None:
    """What a member commits can be looked at from outside."""
    async with log.membership(group="g", topic=EVENTS) as member:
        await member.commit({0: 5, 1: 6})

    assert log.committed(group="g", topic=EVENTS) == {0: 5, 1: 6}
    assert log.committed(group="h", topic=EVENTS) == {}


async def test_a_group_needs_its_topic(log: MemoryLog) -> None:
    """Joining a group for a topic that does not exist is the caller's fault."""
    with pytest.raises(CallerError, match="lacks"):
        async with log.membership(group="g", topic="missing"):
            pass


async def test_records_copied_in_keep_their_time(log: MemoryLog) -> None:
    """What comes from another log has new offsets and is otherwise as it was."""
    await append(log, "a", "b")
    other = MemoryLog(region="us")
    other.create(EVENTS, partitions=4, config={})
    records = log.partition((EVENTS, 0)).read(1)

    assert other.copy_in((EVENTS, 0), records) == 0
    [copied] = other.partition((EVENTS, 0)).read(0)
    assert (copied.value, copied.timestamp) == (b"b", records[0].timestamp)
