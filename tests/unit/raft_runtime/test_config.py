"""What a member is told is checked when it is told."""

from __future__ import annotations

from functools import partial

import pytest

from dojopool.errors import ConfigError
from dojopool.raft_runtime.config import Pace, Plan, Preference, SnapshotPolicy


@pytest.mark.parametrize(
    "made",
    [
        partial(Preference, hold_ticks=-1),
        partial(Preference, pause_ticks=-1),
        partial(Preference, lag_entries_max=-1),
        partial(SnapshotPolicy, entries=0),
        partial(SnapshotPolicy, payload_bytes=0),
        partial(SnapshotPolicy, trailing_entries=-1),
        partial(Plan, proposals_max=0),
        partial(Plan, sessions_max=0),
        partial(Plan, answers_max=0),
        partial(Pace, tick_s=0),
        partial(Pace, stall_s=0.1),
    ],
)
def test_what_cannot_work_is_refused(made: partial[object]) -> None:
    """A field out of its range is refused, with its name and the rule."""
    (name,) = made.keywords

    with pytest.raises(ConfigError, match=f"{name}=.*must be"):
        made()


def test_members_without_a_rank_come_last() -> None:
    """Whoever is not named is worse placed than all that are."""
    preference = Preference({7: 0, 9: 1})

    assert [preference.rank(member) for member in (9, 7, 8)] == [1, 0, 2]
