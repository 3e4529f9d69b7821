"""Reads that see every write acknowledged before they were asked for, without an entry in the log.

A leader that still leads knows everything that is committed. So it remembers its commit index, makes sure that it
still leads, and the read is answered once that index is applied. Two ways to make sure:

*Rounds.* Heartbeats are numbered; an answer names the round it answers. A round that a quorum has answered proves
that this node led after the round was sent, hence for reads that were registered before it was sent, and for no
others (rule R3).

*Lease.* Who answers a heartbeat promises not to help elect another for T from then on; so nobody else leads until T
after the *sending* of a round that a quorum answered (rule R5), less what clocks drift. Not "until check-quorum
fires", which can outlive the promise.

Sources: Ongaro's thesis, section 6.4; etcd/raft, read_only.go. The lease counted from the send time is openraft's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from dojopool.core.raft import quorum
from dojopool.core.raft.messages import NOBODY, ReadState

READS_MAX = 10_000
"""Reads waiting at one leader; more are refused, and asked again by who wants them."""
ROUNDS_MAX = 1_000
"""Rounds whose sending time is remembered for the lease; older ones would earn no lease any more."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    round: int
    """The first round sent after it was registered."""
    index: int
    asked_by: int
    """The follower that asked; NOBODY for this node."""
    context: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A read that may be answered, or not (`state.index` 0), and the follower to be told (NOBODY: this node)."""

    asked_by: int
    state: ReadState


class Reads:
    """The reads of one leader in its term, and the rounds of heartbeats that confirm them."""

    __slots__ = ("_acked", "_early", "_sent_ms", "_waiting", "round", "round_open")

    def __init__(self) -> None:
        self.round = 0
        """The newest round begun."""
        self.round_open = False
        """Its heartbeats have not left the node: a read registered now may still join it."""
        self._acked: dict[int, int] = {}
        self._waiting: deque[_Waiting] = deque()
        self._early: list[tuple[int, bytes]] = []
        """Asked for before an entry of this term was committed (rule R1)."""
        self._sent_ms: deque[tuple[int, int]] = deque(maxlen=ROUNDS_MAX)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._early)

    def begin_round(self, now_ms: int | None) -> int:
        """A round of heartbeats is sent now; its number."""
        self.round += 1
        self.round_open = True
        if now_ms is not None:
            self._sent_ms.append((self.round, now_ms))
        return self.round

    def hold_back(self, asked_by: int, context: bytes) -> None:
        """Keep a read until `held_back` asks for it."""
        self._early.append((asked_by, context))

    def held_back(self) -> list[tuple[int, bytes]]:
        """Reads that came before an entry of this term was committed, once."""
        early, self._early = self._early, []
        return early

    def register(self, asked_by: int, context: bytes, *, index: int) -> None:
        """A read waits for the round begun last; everything up to `index` is committed."""
        self._waiting.append(_Waiting(self.round, index, asked_by, context))

    def acked(self, node: int, round_: int) -> None:
        """`node` answered a round of this term."""
        self._acked[node] = max(self._acked.get(node, 0), round_)

    def confirmed_round(self, me: int, voters: quorum.JointConfig) -> int:
        """The newest round that a quorum of voters answered (rule R2); this node answers itself."""
        return min(quorum.committed_index({**self._acked, me: self.round}, voters), self.round)

    def confirmed(self, me: int, voters: quorum.JointConfig) -> list[Answer]:
        """Reads that the rounds answered so far confirm, in the order asked; each once."""
        if not self._waiting:
            return []
        newest = self.confirmed_round(me, voters)
        answers = []
        while self._waiting and self._waiting[0].round <= newest:
            read = self._waiting.popleft()
            answers.append(Answer(read.asked_by, ReadState(read.index, read.context)))
        return answers

    def lease_from_ms(self, me: int, voters: quorum.JointConfig) -> int | None:
        """When the newest round that a quorum answered was sent; None when no such time is known."""
        newest = self.confirmed_round(me, voters)
        while len(self._sent_ms) > 1 and self._sent_ms[1][0] <= newest:
            self._sent_ms.popleft()
        if self._sent_ms and self._sent_ms[0][0] <= newest:
            return self._sent_ms[0][1]
        return None

    def refuse_all(self) -> list[Answer]:
        """Every read that waits, refused: this node leads no more (rule R3)."""
        asked = [(read.asked_by, read.context) for read in self._waiting] + self._early
        self._waiting.clear()
        self._early = []
        return [refused(asked_by, context) for asked_by, context in asked]


def refused(asked_by: int, context: bytes) -> Answer:
    """A read that cannot be answered; whoever wants it asks again."""
    return Answer(asked_by, ReadState(0, context))


def asked_here(answer: Answer) -> bool:
    """Whether the answer is this node's own."""
    return answer.asked_by == NOBODY
