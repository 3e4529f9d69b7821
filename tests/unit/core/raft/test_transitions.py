"""The table of roles."""

from __future__ import annotations

import pytest

from dojopool.core.raft.messages import Role
from dojopool.core.raft.transitions import ALLOWED, check

FORBIDDEN = [
    (Role.FOLLOWER, Role.LEADER),
    (Role.PRE_CANDIDATE, Role.LEADER),
    (Role.LEADER, Role.LEADER),
    (Role.LEADER, Role.CANDIDATE),
    (Role.LEADER, Role.PRE_CANDIDATE),
]


@pytest.mark.parametrize(("old", "new"), FORBIDDEN)
def test_what_is_not_in_the_table_is_a_bug(old: Role, new: Role) -> None:
    """Nobody leads without standing for election, and a leader only ever steps down."""
    with pytest.raises(AssertionError, match=f"a {old.name} cannot become a {new.name}"):
        check(old, new)


def test_all_else_is_allowed() -> None:
    """The table and its exceptions together are every pair of roles."""
    allowed = {(old, new) for old, news in ALLOWED.items() for new in news}

    assert allowed.isdisjoint(FORBIDDEN)
    assert {(old, new) for old in Role for new in Role} == allowed | set(FORBIDDEN)
