"""What a node shows of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dojopool.core.raft.messages import ConfState, Role
from dojopool.core.raft.progress import Progress, ProgressState


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One member as its leader sees it."""

    state: ProgressState
    match: int
    next: int
    paused: bool
    inflight: int
    """Appends on their way."""
    pending_snapshot: int
    """Index of the snapshot under way, or 0."""
    active: bool
    """Heard of since the last check for a quorum."""
    is_learner: bool

    @classmethod
    def of(cls, one: Progress) -> PeerStatus:
        """What `one` is now."""
        return cls(
            state=one.state,
            match=one.match,
            next=one.next,
            paused=one.is_paused,
            inflight=len(one.inflights),
            pending_snapshot=one.pending_snapshot,
            active=one.recently_active,
            is_learner=one.is_learner,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """One node at one moment."""

    id: int
    role: Role
    term: int
    vote: int
    leader: int
    commit: int
    applied: int
    first: int
    """Index of the first entry held; those before are compacted away."""
    last: int
    config: ConfState
    transferee: int
    """Who is being handed the lead, or 0."""
    peers: Mapping[int, PeerStatus]
    """By id, ascending, this node included; empty unless it leads."""
