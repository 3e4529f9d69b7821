"""What the members of a group want beyond the protocol: a leader in the right region.

The leader alone acts on the preference, and only by handing its lead over. It never keeps a member from winning an
election, so a longer log always wins (rule X7).
"""

from __future__ import annotations

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
            and self._is_fit(status.peers.get(member), status.last)
        ]
        return min(better, default=(0, NOBODY))[1]

    def _is_fit(self, peer: PeerStatus | None, last: int) -> bool:
        return (
            peer is not None
            and peer.active
            and peer.state is ProgressState.REPLICATE
            and peer.match >= last - self._preference.lag_entries_max
        )
