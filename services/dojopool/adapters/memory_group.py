"""A consumer group in memory: who is a member, and which partitions of a topic each one owns.

The partitions are dealt out in ranges, as Kafka's range assignor does, whenever a member comes, leaves or is declared
dead. There are no heartbeats and no session timers: a member that `stall`s stays in the group until `expire` is called.
That is how a killed or frozen process looks from outside, and a frozen one goes on believing that it owns what it
owned. A rebalance takes no time here; on Kafka it takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping

from dojopool.adapters.bell import Bell


class MemoryMember:
    """`ports.Membership` of one process. `stall` and `recover` are for tests."""

    def __init__(self, group: MemoryGroup) -> None:
        self._group = group
        self._owned: frozenset[int] = frozenset()
        self._returned: frozenset[int] = frozenset()
        self._news = Bell()
        self._stalled = False
        self._left = False

    @property
    def stalled(self) -> bool:
        """Whether the group hears nothing of this member."""
        return self._stalled

    async def changed(self) -> frozenset[int]:
        """See `ports.Membership`."""
        assert not self._left, "a member that left its group waits for ever"
        while self._owned == self._returned:
            await self._news.rung()
        self._returned = self._owned
        return self._returned

    def owned(self) -> frozenset[int]:
        """See `ports.Membership`."""
        return self._owned

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """See `ports.Membership`. Offsets of partitions that the group has given to others are dropped."""
        self._group.commit(self, offsets)

    def stall(self) -> None:
        """Fall silent, as a killed or frozen process does: hear of no change, and do not leave on exit."""
        self._stalled = True

    def recover(self) -> None:
        """Go on after a stall, and join anew when the group has expired this member meanwhile."""
        self._stalled = False
        self._group.join(self)

    def leave(self) -> None:
        """Leave the group, unless stalled: the dead do not say goodbye."""
        self._left = True
        if not self._stalled:
            self._group.remove(self)

    def assigned(self, partitions: frozenset[int]) -> None:
        """Be told by the group what is owned now."""
        if not self._stalled:
            self._owned = partitions
            self._news.ring()


class MemoryGroup:
    """The members of one group that share the partitions of one topic."""

    def __init__(self, *, partitions: int) -> None:
        self._partitions = partitions
        self._members: list[MemoryMember] = []
        self._shares: dict[MemoryMember, frozenset[int]] = {}
        self._committed: dict[int, int] = {}

    @property
    def members(self) -> tuple[MemoryMember, ...]:
        """Everyone the group counts on, in the order of joining."""
        return tuple(self._members)

    @property
    def committed(self) -> Mapping[int, int]:
        """Next offsets that members committed, per partition."""
        return dict(self._committed)

    def join(self, member: MemoryMember) -> None:
        """Count on `member`, and deal out the partitions. Who is a member already only hears what it owns."""
        if member not in self._members:
            self._members.append(member)
        self._deal()

    def remove(self, member: MemoryMember) -> None:
        """Count on `member` no more, and give its partitions to the others."""
        if member in self._members:
            self._members.remove(member)
            self._deal()

    def expire(self) -> None:
        """Declare every stalled member dead."""
        for member in self.members:
            if member.stalled:
                self.remove(member)

    def commit(self, member: MemoryMember, offsets: Mapping[int, int]) -> None:
        """Keep the offsets of the partitions that are the member's by the group's own record."""
        share = self._shares.get(member, frozenset())
        self._committed.update({number: offset for number, offset in offsets.items() if number in share})

    def _deal(self) -> None:
        """Give each member a range; the first ones get one partition more when they do not come out even."""
        size, larger = divmod(self._partitions, len(self._members) or 1)
        start = 0
        self._shares = {}
        for number, member in enumerate(self._members):
            stop = start + size + (number < larger)
            self._shares[member] = frozenset(range(start, stop))
            start = stop
        for member, share in self._shares.items():
            member.assigned(share)
