"""How a member of a group behaves beside its protocol's options. Each raises ConfigError for what cannot work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dojopool.errors import ConfigError


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

    def __post_init__(self) -> None:
        _at_least(0, hold_ticks=self.hold_ticks, pause_ticks=self.pause_ticks, lag_entries_max=self.lag_entries_max)

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

    def __post_init__(self) -> None:
        _at_least(1, entries=self.entries, payload_bytes=self.payload_bytes)
        _at_least(0, trailing_entries=self.trailing_entries)


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

    def __post_init__(self) -> None:
        _at_least(1, proposals_max=self.proposals_max, sessions_max=self.sessions_max, answers_max=self.answers_max)


@dataclass(frozen=True, slots=True)
class Pace:
    """Time, as one member counts it."""

    tick_s: float = 0.1
    stall_s: float = 1.0
    """A write that takes longer makes the member silent: the election timeout, alike on all."""

    def __post_init__(self) -> None:
        if not 0 < self.tick_s < self.stall_s:
            raise ConfigError(
                f"tick_s={self.tick_s} and stall_s={self.stall_s} must be above 0, and the second the greater"
            )


def _at_least(least: int, **fields: int) -> None:
    for name, value in fields.items():
        if value < least:
            raise ConfigError(f"{name}={value} must be at least {least}")
