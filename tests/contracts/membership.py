"""What every log keeps of the promises of Membership."""

from __future__ import annotations

import asyncio

import pytest

from contracts.waiting import owned_by, shared_out
from dojopool.ports import EventLog

ALL = frozenset({0, 1, 2, 3})


class MembershipContract:
    """To be mixed into EventLogContract."""

    async def test_a_lone_member_owns_every_partition(self, log: EventLog, topic: str) -> None:
        """Who is alone in a group gets all partitions of the topic, by `changed` and by `owned`."""
        async with log.membership(group=f"{topic}.group", topic=topic) as member:
            await owned_by(member, ALL)

            assert member.owned() == ALL

    async def test_without_a_change_nothing_is_returned(self, log: EventLog, topic: str) -> None:
        """`changed` waits while the owned set is the one it returned last, and being cancelled costs nothing."""
        async with log.membership(group=f"{topic}.group", topic=topic) as member:
            await owned_by(member, ALL)

            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await member.changed()
            assert member.owned() == ALL

    async def test_members_share_the_partitions(self, log: EventLog, topic: str) -> None:
        """With a second and a third member every partition has one owner and every member has some."""
        group = f"{topic}.group"
        async with (
            log.membership(group=group, topic=topic) as first,
            log.membership(group=group, topic=topic) as second,
        ):
            await shared_out([first, second], partitions=4)
            async with log.membership(group=group, topic=topic) as third:
                await shared_out([first, second, third], partitions=4)

    async def test_leaving_hands_the_partitions_on(self, log: EventLog, topic: str) -> None:
        """When a member leaves, those who stay own everything again."""
        group = f"{topic}.group"
        async with log.membership(group=group, topic=topic) as stays:
            async with log.membership(group=group, topic=topic) as leaves:
                await shared_out([stays, leaves], partitions=4)

            await shared_out([stays], partitions=4)
            assert stays.owned() == ALL

    async def test_a_member_that_waits_hears_of_a_change(self, log: EventLog, topic: str) -> None:
        """A `changed` that began before somebody left returns what is owned then."""
        group = f"{topic}.group"
        async with log.membership(group=group, topic=topic) as stays, asyncio.TaskGroup() as tasks:
            async with log.membership(group=group, topic=topic) as leaves:
                await shared_out([stays, leaves], partitions=4)
                waiting = tasks.create_task(owned_by(stays, ALL))
                await asyncio.sleep(0)
                assert not waiting.done()

            await waiting

    async def test_groups_do_not_know_each_other(self, log: EventLog, topic: str) -> None:
        """The members of two groups own every partition each."""
        async with (
            log.membership(group=f"{topic}.one", topic=topic) as one,
            log.membership(group=f"{topic}.two", topic=topic) as two,
        ):
            await owned_by(one, ALL)
            await owned_by(two, ALL)

            assert one.owned() == two.owned() == ALL

    async def test_committing_never_fails(self, log: EventLog, topic: str) -> None:
        """A commit is best effort: also one of a partition that is not owned, or of nothing, returns."""
        async with log.membership(group=f"{topic}.group", topic=topic) as member:
            await member.commit({0: 0})
            await owned_by(member, ALL)

            await member.commit(dict.fromkeys(ALL, 0))
            await member.commit({99: 5})
            await member.commit({})

            assert member.owned() == ALL
