"""What a leader knows of each follower, and how much it may send it.

A follower is *probed* until one append shows where its log meets the leader's: one message at a time, for all but one
would be in vain. Then its log is *replicated*: appends follow each other without waiting, as many as a window allows. A
follower whose next entry is compacted away is sent a *snapshot*, and nothing else until it has it.

Laws: match < next; match only grows while a leader leads (rules L7, L9). After etcd/raft, tracker/progress.go.
"""

from __future__ import annotations

from collections import deque
from enum import Enum


class ProgressState(Enum):
    """How a follower is fed."""

    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


class Inflights:
    """The window of one follower: the appends that it has not acknowledged, at most so many and so many bytes."""

    __slots__ = ("_bytes", "_bytes_max", "_count_max", "_window")

    def __init__(self, *, count_max: int, bytes_max: int) -> None:
        """`bytes_max` 0: bytes are not limited."""
        self._count_max, self._bytes_max = count_max, bytes_max
        self._window: deque[tuple[int, int]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._window)

    @property
    def is_full(self) -> bool:
        """Bytes may overshoot by one append: else one larger than the window would never go."""
        return len(self._window) >= self._count_max or 0 < self._bytes_max <= self._bytes

    def add(self, last_index: int, size: int) -> None:
        """An append up to `last_index` was sent, with `size` bytes of entries."""
        assert not self.is_full, "a full window takes no more"
        self._window.append((last_index, size))
        self._bytes += size

    def free_up_to(self, index: int) -> None:
        """Everything up to `index` arrived."""
        while self._window and self._window[0][0] <= index:
            self._bytes -= self._window.popleft()[1]

    def clear(self) -> None:
        self._window.clear()
        self._bytes = 0


class Progress:
    """One follower (or the leader itself), as a leader sees it."""

    __slots__ = (
        "inflights",
        "is_learner",
        "match",
        "next",
        "pending_snapshot",
        "probe_sent",
        "recently_active",
        "sent_commit",
        "session",
        "state",
    )

    def __init__(
        self, *, next_index: int, inflights: Inflights, is_learner: bool = False, match: int = 0, session: bytes = b""
    ) -> None:
        self.state = ProgressState.PROBE
        self.match = match
        """The greatest index that it is known to hold as the leader does."""
        self.next = next_index
        """The next entry to send."""
        self.sent_commit = 0
        """The greatest commit index sent to it."""
        self.pending_snapshot = 0
        """In SNAPSHOT, the index of the snapshot under way."""
        self.probe_sent = False
        """In PROBE and REPLICATE: nothing more may be sent until an answer or a heartbeat's."""
        self.recently_active = False
        """Heard of since the last check for a quorum."""
        self.inflights = inflights
        self.is_learner = is_learner
        self.session = session
        """Travels in what is sent to it and comes back in its answers, so that an answer to an earlier membership of
        the same node counts nothing (rule L8).
        """

    def copy(self, *, is_learner: bool) -> Progress:
        """The same progress under another membership; the window is shared, for only one of the two is used on."""
        made = Progress(next_index=self.next, inflights=self.inflights, is_learner=is_learner, match=self.match)
        for name in ("state", "sent_commit", "pending_snapshot", "probe_sent", "recently_active", "session"):
            setattr(made, name, getattr(self, name))
        return made

    @property
    def is_paused(self) -> bool:
        """No append may be sent now."""
        return self.state is ProgressState.SNAPSHOT or self.probe_sent

    def become(self, state: ProgressState) -> None:
        """Enter `state` afresh. A probe begins behind what is known to match, or behind the snapshot that was sent."""
        self.probe_sent = False
        self.inflights.clear()
        if state is ProgressState.PROBE and self.state is ProgressState.SNAPSHOT:
            self.next = max(self.match + 1, self.pending_snapshot + 1)
        else:
            self.next = self.match + 1
        self.sent_commit = min(self.sent_commit, self.next - 1)
        self.pending_snapshot = 0
        self.state = state

    def become_snapshot(self, index: int) -> None:
        """A snapshot up to `index` is sent."""
        self.become(ProgressState.SNAPSHOT)
        self.pending_snapshot, self.next, self.sent_commit = index, index + 1, index

    def sent(self, count: int, size: int) -> None:
        """`count` entries from `next` on were sent, `size` bytes in all."""
        if self.state is ProgressState.REPLICATE:
            if count:
                self.next += count
                self.inflights.add(self.next - 1, size)
            self.probe_sent = self.inflights.is_full
        elif count:
            self.probe_sent = True

    def matched(self, index: int) -> bool:
        """It holds everything up to `index`; False when that was known."""
        if index <= self.match:
            return False
        self.match = index
        self.next = max(self.next, index + 1)
        self.probe_sent = False
        return True

    def rejected(self, refused: int, hint: int) -> bool:
        """It refused an append that followed `refused`, and could match at `hint` at most; False when the refusal is
        old news. Never moves `next` to or below `match`.
        """
        if self.state is ProgressState.REPLICATE:
            if refused <= self.match:
                return False
            self.next = self.match + 1
        else:
            if self.next - 1 != refused:
                return False
            self.next = max(min(refused, hint + 1), self.match + 1)
        self.sent_commit = min(self.sent_commit, self.next - 1)
        self.probe_sent = False
        return True
