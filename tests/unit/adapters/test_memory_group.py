"""Who owns which partition, with members that die without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dojopool.adapters.memory_group import MemoryGroup, MemoryMember


def joined(group: MemoryGroup, members: int) -> list[MemoryMember]:
    """New members, joined one after the other."""
    made = [MemoryMember(group) for _ in range(members)]
    for member in made:
        group.join(member)
    return made


def owned(members: Sequence[MemoryMember]) -> list[list[int]]:
    """What each member believes it owns."""
    return [sorted(member.owned()) for member in members]


@pytest.mark.parametrize(
    ("partitions", "members", "expected"),
    [
        (4, 1, [[0, 1, 2, 3]]),
        (4, 3, [[0, 1], [2], [3]]),
        (5, 2, [[0, 1, 2], [3, 4]]),
        (2, 3, [[0], [1], []]),
    ],
)
def test_partitions_are_dealt_out_in_ranges(partitions: int, members: int, expected: list[list[int]]) -> None:
    """Every partition has one owner; who joined first gets the larger share."""
    assert owned(joined(MemoryGroup(partitions=partitions), members)) == expected


async def test_a_member_beyond_the_partitions_waits() -> None:
    """Who owns nothing has nothing to return, until somebody leaves."""
    first, second = joined(MemoryGroup(partitions=1), 2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await second.changed()
    first.leave()

    assert await second.changed() == frozenset({0})


async def test_a_change_that_was_undone_is_not_returned() -> None:
    """Only a set that differs from the last one returned ends the wait."""
    group = MemoryGroup(partitions=2)
    [first] = joined(group, 1)
    await first.changed()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(first.changed())
        await asyncio.sleep(0)
        [second] = joined(group, 1)
        second.leave()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()

        joined(group, 1)
    assert waiting.result() == frozenset({0})


async def test_a_stalled_member_keeps_its_partitions_until_it_expires() -> None:
    """A dead process blocks its partitions until its session ends, and believes all the while that they are its own."""
    group = MemoryGroup(partitions=4)
    dead, alive = joined(group, 2)
    await alive.changed()
    dead.stall()
    dead.leave()
    assert list(group.members) == [dead, alive]
    assert owned([dead, alive]) == [[0, 1], [2, 3]]
    group.expire()

    assert list(group.members) == [alive]
    assert owned([dead, alive]) == [[0, 1], [0, 1, 2, 3]]
    assert await alive.changed() == frozenset({0, 1, 2, 3})


async def test_a_stalled_member_that_recovers_joins_again() -> None:
    """A process that was frozen past its session goes on as a new member, behind the others."""
    group = MemoryGroup(partitions=4)
    frozen, other = joined(group, 2)
    await frozen.changed()
    frozen.stall()
    group.expire()
    frozen.recover()

    assert owned([other, frozen]) == [[0, 1], [2, 3]]
    assert await frozen.changed() == frozenset({2, 3})


def test_a_stall_shorter_than_the_session_costs_nothing() -> None:
    """Who recovers in time hears what changed meanwhile and keeps its place."""
    group = MemoryGroup(partitions=4)
    slow, leaving = joined(group, 2)
    slow.stall()
    leaving.leave()
    assert owned([slow]) == [[0, 1]]
    slow.recover()

    assert owned([slow]) == [[0, 1, 2, 3]]
    assert list(group.members) == [slow]


def test_expiry_leaves_the_living_alone() -> None:
    """Only stalled members are declared dead."""
    group = MemoryGroup(partitions=4)
    members = joined(group, 2)
    group.expire()

    assert list(group.members) == members


async def test_only_owners_commit() -> None:
    """Offsets are kept for the partitions the group has given to the committer, not for those it believes to own."""
    group = MemoryGroup(partitions=4)
    zombie, owner = joined(group, 2)
    await zombie.commit({0: 5, 3: 5})
    await owner.commit({2: 7})
    zombie.stall()
    group.expire()
    await zombie.commit({1: 9})
    await owner.commit({0: 6, 9: 1})

    assert group.committed == {0: 6, 2: 7}


async def test_who_left_does_not_wait() -> None:
    """Waiting for changes of a group one has left is a bug, not a wait without end."""
    [member] = joined(MemoryGroup(partitions=1), 1)
    await member.changed()
    member.leave()

    with pytest.raises(AssertionError, match="left its group"):
        await member.changed()
