"""What a node may become: the whole table. Whatever is not in it is a bug of ours.

    follower ──▶ pre-candidate ──▶ candidate ──▶ leader
        ▲ │            │               │           │
        │ └────────────┼──▶ (campaign  │           │
        │              │    w/o pre-vote)          │
        └──────────────┴───────────────┴───────────┘   a higher term, a leader of this term, a lost vote, no quorum

A restart always begins as follower (rule E20), and a leader is never led again in its own term.
"""

from __future__ import annotations

from dojopool.core.raft.messages import Role

ALLOWED: dict[Role, frozenset[Role]] = {
    Role.FOLLOWER: frozenset({Role.FOLLOWER, Role.PRE_CANDIDATE, Role.CANDIDATE}),
    Role.PRE_CANDIDATE: frozenset({Role.FOLLOWER, Role.PRE_CANDIDATE, Role.CANDIDATE}),
    Role.CANDIDATE: frozenset({Role.FOLLOWER, Role.PRE_CANDIDATE, Role.CANDIDATE, Role.LEADER}),
    Role.LEADER: frozenset({Role.FOLLOWER}),
}


def check(old: Role, new: Role) -> None:
    """Assert that a node may go from `old` to `new`."""
    assert new in ALLOWED[old], f"a {old.name} cannot become a {new.name}"
