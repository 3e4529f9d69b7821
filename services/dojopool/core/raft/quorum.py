"""When have enough members agreed?

A majority configuration is a set of voters, of whom more than half must agree. A joint one has two such sets, and both
must: any majority of the old members and any of the new then share a decision, which is what lets members change while
the group works. Two majorities of one set always meet in a member; that is all of Raft's safety.

An empty set agrees to everything, so that a joint configuration with an empty old half is a plain one.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

UNLIMITED = (1 << 64) - 1
"""What an empty set of voters has committed: it never holds the other half back."""


@dataclass(frozen=True, slots=True)
class JointConfig:
    """Two sets of voters, both of which must agree; `outgoing` is empty outside a change of members."""

    incoming: frozenset[int] = frozenset()
    outgoing: frozenset[int] = frozenset()

    def ids(self) -> frozenset[int]:
        """Every voter of either half."""
        return self.incoming | self.outgoing


NO_VOTERS = JointConfig()

Config: TypeAlias = JointConfig | AbstractSet[int]


class VoteResult(Enum):
    """How a vote stands."""

    PENDING = "pending"
    LOST = "lost"
    WON = "won"


def committed_index(acked: Mapping[int, int], config: Config) -> int:
    """The greatest index that a quorum of `config` holds, given the greatest that each voter is known to hold
    (absent: 0).

    `UNLIMITED` for no voters at all. Takes n log n steps in the voters.
    """
    if isinstance(config, JointConfig):
        return min(committed_index(acked, config.incoming), committed_index(acked, config.outgoing))
    if not config:
        return UNLIMITED
    held = sorted((acked.get(voter, 0) for voter in config), reverse=True)
    return held[len(held) // 2]


def vote_result(votes: Mapping[int, bool], config: Config) -> VoteResult:
    """What `votes` (voter -> granted) decide. Votes of others than voters count nothing. An empty set has won."""
    if isinstance(config, JointConfig):
        halves = (vote_result(votes, config.incoming), vote_result(votes, config.outgoing))
        if VoteResult.LOST in halves:
            return VoteResult.LOST
        return VoteResult.WON if halves[0] is halves[1] is VoteResult.WON else VoteResult.PENDING
    granted = sum(votes.get(voter) is True for voter in config)
    refused = sum(votes.get(voter) is False for voter in config)
    needed = len(config) // 2 + 1
    if not config or granted >= needed:
        return VoteResult.WON
    return VoteResult.PENDING if len(config) - refused >= needed else VoteResult.LOST
