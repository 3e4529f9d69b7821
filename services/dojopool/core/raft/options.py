"""What a node is told once, when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from dojopool.errors import ConfigError


class ReadMode(Enum):
    """How a leader makes sure that it still leads before a read."""

    SAFE = "safe"
    """It asks a majority, once for all reads that wait."""
    LEASE = "lease"
    """It trusts the promise of a majority not to elect another until the lease ends; needs clocks that run alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of one node. Those marked *alike* must be the same on all members.

    Raises ConfigError naming the field and the rule that it breaks.
    """

    id: int
    """This node, 1 to 2**64 - 1."""
    election_ticks: int = 10
    """T, alike: a follower that hears no leader for T to 2T ticks campaigns. At least 10 times the round trip."""
    heartbeat_ticks: int = 1
    """A leader shows itself that often; well below T, so that one lost heartbeat deposes nobody."""
    pre_vote: bool = True
    """Ask whether a campaign could be won before a term is begun, so that a node cut off does not disturb on return."""
    check_quorum: bool = True
    """A leader not heard by a majority for T steps down, and a follower that hears a leader ignores campaigns."""
    message_bytes_max: int = 1 << 20
    """Entries in one append; a single larger entry still goes, alone."""
    inflight_max: int = 256
    """Appends on their way to one follower."""
    inflight_bytes_max: int = 16 << 20
    """Bytes of entries on their way to one follower; window / round trip is the most that a link can carry."""
    uncommitted_bytes_max: int = 64 << 20
    """Proposals beyond this are refused until some are committed. The first on an empty tail always passes."""
    committed_bytes_max: int = 16 << 20
    """Entries handed out for applying and not yet applied; at least one always is."""
    read_mode: ReadMode = ReadMode.SAFE
    lease_ms: int = 0
    """Lease mode, alike: a lease ends so long after the sending of the heartbeat that earned it. Shorter than T in
    milliseconds by a quarter: so much may the clocks of two members run apart.
    """
    forward_proposals: bool = False
    """A follower sends proposals on to its leader, which says nothing back; else it refuses them, naming the leader."""
    step_down_on_removal: bool = True
    """A leader that a committed change made no voter becomes a follower at once."""
    validate_conf_changes: bool = True
    """Refuse changes that do not fit the configuration when they are proposed. Off only in tests of what follows."""

    @property
    def promise_ms(self) -> int:
        """How long a follower helps elect nobody by its own clock, which may run faster than the leader's."""
        return self.lease_ms + self.lease_ms // 4

    def __post_init__(self) -> None:
        self._rule(0 < self.id < 1 << 64, "id", "must lie in 1 to 2**64 - 1")
        self._rule(self.heartbeat_ticks >= 1, "heartbeat_ticks", "must be at least 1")
        self._rule(self.election_ticks > self.heartbeat_ticks, "election_ticks", "must be greater than heartbeat_ticks")
        for name in ("message_bytes_max", "inflight_bytes_max", "uncommitted_bytes_max", "committed_bytes_max"):
            self._rule(getattr(self, name) >= 0, name, "must not be negative")
        self._rule(self.inflight_max >= 1, "inflight_max", "must be at least 1")
        if self.read_mode is ReadMode.LEASE:
            self._rule(
                self.check_quorum, "read_mode", "lease needs check_quorum: without it no follower promises anything"
            )
            self._rule(self.lease_ms > 0, "lease_ms", "must be given for read_mode lease")

    def _rule(self, holds: bool, field: str, rule: str) -> None:
        if not holds:
            raise ConfigError(f"Raft option {field}={getattr(self, field)!r} {rule}")
