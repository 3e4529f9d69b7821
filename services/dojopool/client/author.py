"""Who writes, and what they had read: where the number, the base and the context of an event come from.

An `Author` is this process's node on one match. It numbers events without holes, so it is shared by every handle of
the match. `Knowledge` is what one handle has read and written, so it is not shared: two clients behind one process who
did not read each other's events must stay concurrent, or the later one would silently overrule the other.

What a handle knows of its own node is one number, `own`: it knows everything up to it. Events it wrote behind a hole
are remembered as one run, and count once reading has closed the hole; of several such runs only the last is kept, so
an event may claim to have seen less than its writer did, and never more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dojopool.core.clock import VectorClock
from dojopool.errors import CallerError

NOTHING: Final[Mapping[str, int]] = {}


class Author:
    """This process's node on one match. Used by one event loop, with no await between reading and writing it."""

    __slots__ = ("__weakref__", "_certain", "_incarnations", "_name", "key", "match", "node", "sent", "seq")

    def __init__(self, match: str, node: str) -> None:
        self.match = match
        self.key = match.encode()
        """Key of the match's records."""
        self.node = node
        self.seq = 0
        """Number of the last event."""
        self.sent = NOTHING
        """Context of the last event. Before the first it is empty: an event without one then means just that."""
        self._name = node
        self._incarnations = 1
        self._certain: dict[str, int] = {}

    def wrote(self, seq: int, context: Mapping[str, int]) -> None:
        """Take note of the event that was just put on its way."""
        self.seq, self.sent = seq, context

    def renew(self, *, certain: int) -> None:
        """Go on as a new node. Of the old one, events above `certain` may be missing for ever: nobody may wait for
        them.
        """
        self._certain[self.node] = certain
        self._incarnations += 1
        self.node = f"{self._name}.{self._incarnations}"
        self.seq, self.sent = 0, NOTHING

    def certain(self, node: str) -> int:
        """The last event of a node given up that is known to be in the log."""
        return self._certain[node]


class Knowledge:
    """What one handle has read of a match, and written to it."""

    __slots__ = ("_run_first", "_run_last", "context", "node", "own")

    def __init__(self, node: str) -> None:
        self.node = node
        """The node that `own` speaks of."""
        self.own = 0
        """The handle knows all events of its node up to this one."""
        self.context = NOTHING
        """Clock of everything read, without that node. Replaced when it grows, never changed in place."""
        self._run_first, self._run_last = 1, 0

    def read(self, clock: VectorClock, author: Author) -> None:
        """Take note of a view's clock. What was known stays known, even if a store lost its tail and shows less.

        Raises CallerError when the clock holds events of the author's node that the author did not write.
        """
        self.follow(author)
        if clock.time_of(self.node) > author.seq:
            raise CallerError(
                f"match {author.match} shows event {clock.time_of(self.node)} of node {self.node}, which has written"
                f" {author.seq} here: another connection uses the same node name. Give each an incarnation of its own"
            )
        context = VectorClock(self.context).merge(clock).as_dict()
        self.own = max(self.own, context.pop(self.node, 0))
        if context != self.context:
            self.context = context
        self._close_hole()

    def wrote(self, seq: int) -> None:
        """Take note of an event that this handle wrote."""
        if seq != self._run_last + 1:
            self._run_first = seq
        self._run_last = seq
        self._close_hole()

    def follow(self, author: Author) -> None:
        """Go on under the author's present node when that is a new one; of the old one count what is certain."""
        if self.node == author.node:
            return
        known = min(self.own, author.certain(self.node))
        self.context = VectorClock(self.context).with_time(self.node, known).as_dict()
        self.node, self.own = author.node, 0
        self._run_first, self._run_last = 1, 0

    def _close_hole(self) -> None:
        if self._run_first <= self.own + 1:
            self.own = max(self.own, self._run_last)
