"""How a member of a group behaves beside its protocol's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Preference:
    """Where the leader should be."""

    ranks: Mapping[int, int] = field(default_factory=dict)
    """Member -> rank, 0 is best; members without one rank last. Empty: anywhere."""
    hold_ticks: int = 50
    """A better member must be seen fit for so long without a break: the lead does not follow a member that flaps."""
    pause_ticks: int = 300
    """No further transfer for so long after one was begun, whether or not it succeeded."""
    lag_entries_max: int = 64
    """A member further behind is not fit: the group would stand still while it catches up."""

    def rank(self, member: int) -> int:
        """Of a member."""
        return self.ranks.get(member, len(self.ranks))


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """When the state is snapshotted, so that the log can be forgotten."""

    entries: int = 10_000
    """So many applied since the last one."""
    payload_bytes: int = 64 << 20
    """Or so many bytes of commands."""
    trailing_entries: int = 5_000
    """Kept in memory before the snapshot, so that a member a little behind gets entries instead of all the state."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one member behaves beside its protocol's options."""

    snapshots: SnapshotPolicy = field(default_factory=SnapshotPolicy)
    preference: Preference = field(default_factory=Preference)
    promotion_lag_entries_max: int = 64
    """A learner that lacks more is not made a voter."""
    proposals_max: int = 10_000
    """Proposals that wait at once; more are rejected."""
    sessions_max: int = 1024
    """Sessions that are remembered, alike on all members."""
    answers_max: int = 64
    """Answers remembered of a session, alike: at least the commands that a client has on their way at once."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Time, as one member counts it."""

    tick_s: float = 0.1
    stall_s: float = 1.0
    """A write that takes longer makes the member silent: the election timeout, alike on all."""
