"""What the members of a group want beyond the protocol: a leader in the right region.

The leader alone acts on the preference, and only by handing its lead over. It never keeps a member from winning an
election, so a longer log always wins (rule X7).
"""

from __future__ import annotations

from dojopool.core.raft.confchange import AnyChange, ChangeType, as_v2
from dojopool.core.raft.messages import NOBODY, Role
from dojopool.core.raft.progress import ProgressState
from dojopool.core.raft.status import PeerStatus, Status
from dojopool.raft_runtime.config import Preference


class PreferredLeader:
    """Follows the group while this member leads, and says when to hand the lead over."""

    def __init__(self, preference: Preference) -> None:
        self._preference = preference
        self._candidate, self._fit_since = NOBODY, 0
        self._paused_until = 0

    def successor(self, status: Status, *, tick: int) -> int:
        """The member to hand the lead to now, or NOBODY. Ask at every tick, whether or not this member leads."""
        best = self._best(status)
        if best != self._candidate:
            self._candidate, self._fit_since = best, tick
        held = tick - self._fit_since >= self._preference.hold_ticks
        if best == NOBODY or not held or tick < self._paused_until:
            return NOBODY
        self._paused_until = tick + self._preference.pause_ticks
        return best

    def _best(self, status: Status) -> int:
        if status.role is not Role.LEADER or status.config.voters_outgoing or status.transferee != NOBODY:
            return NOBODY
        mine = self._preference.rank(status.id)
        better = [
            (self._preference.rank(member), member)
            for member in status.config.voters
            if member != status.id
            and self._preference.rank(member) < mine
            and is_fit(status.peers.get(member), status.last, lag_entries_max=self._preference.lag_entries_max)
        ]
        return min(better, default=(0, NOBODY))[1]


def too_early(change: AnyChange, status: Status, *, lag_entries_max: int) -> int:
    """A learner that `change` makes a voter although it is behind, or NOBODY. It would count in majorities before it
    can acknowledge anything, and the group might stand still meanwhile (rule M10).
    """
    for one in as_v2(change).changes:
        is_promoted = one.type is ChangeType.ADD_VOTER and one.node in status.config.learners
        if is_promoted and not is_fit(status.peers.get(one.node), status.last, lag_entries_max=lag_entries_max):
            return one.node
    return NOBODY


def is_fit(peer: PeerStatus | None, last: int, *, lag_entries_max: int) -> bool:
    """Whether a leader whose log ends at `last` heard of `peer` within an election timeout, feeds it without a stop,
    and has at most so many entries that it lacks.
    """
    return (
        peer is not None
        and peer.active
        and peer.state is ProgressState.REPLICATE
        and peer.match >= last - lag_entries_max
    )
