"""One event on its way from `record` to the log, and the answers it can come to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from dojopool.client.author import Author
from dojopool.client.receipts import Accepted, LogPosition, Mode, Receipt, Rejected, Unknown
from dojopool.core.clock import VectorClock
from dojopool.ports import Outgoing


class Shipment:
    """A numbered, encoded event. `answer` gets its receipt, unless whoever asked for it has given up."""

    __slots__ = (
        "answer",
        "author",
        "context",
        "deadline_s",
        "has_expired",
        "is_doubtful",
        "is_given_up",
        "match",
        "node",
        "outgoing",
        "seq",
    )

    def __init__(
        self,
        *,
        author: Author | None,
        match: str,
        node: str,
        seq: int,
        context: Mapping[str, int],
        outgoing: Outgoing,
        deadline_s: float,
    ) -> None:
        """`author` is None for a record of an earlier connection, whose node nobody here may number for."""
        self.author = author
        self.match, self.node, self.seq, self.context = match, node, seq, context
        self.outgoing = outgoing
        self.deadline_s = deadline_s
        """When the answer becomes Unknown, by the loop's clock."""
        self.answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.is_doubtful = False
        """Whether an append that held it ended without an answer: it may be in the log."""
        self.has_expired = False
        """Whether its caller was told Unknown; `answer` then waits for what becomes of it afterwards."""
        self.is_given_up = False
        """Whether it will not be sent any more."""

    def accept(self, position: LogPosition, *, region: str, mode: Mode) -> None:
        """Answer that it is in the log, and everything before it."""
        if not self.answer.done():
            self.answer.set_result(
                Accepted(
                    match=self.match,
                    dot=(self.node, self.seq),
                    clock=self._clock(),
                    region=region,
                    mode=mode,
                    position=position,
                )
            )

    def expire(self, reason: str, *, region: str, mode: Mode) -> bool:
        """Answer that it is unknown yet, and make room for a later answer. False when nobody waits for one."""
        self.has_expired = True
        if self.answer.done():
            return False
        self.answer.set_result(self._unknown(reason, region, mode))
        self.answer = self.answer.get_loop().create_future()
        return True

    def give_up(self, reason: str, *, region: str, mode: Mode) -> None:
        """Answer that it is not sent any more: rejected when it was never sent, unknown when it may be in the log."""
        self.is_given_up = True
        if not self.answer.done():
            self.answer.set_result(self._unknown(reason, region, mode) if self.is_doubtful else Rejected(reason))

    def _unknown(self, reason: str, region: str, mode: Mode) -> Unknown:
        return Unknown(
            match=self.match,
            dot=(self.node, self.seq),
            clock=self._clock(),
            region=region,
            mode=mode,
            reason=reason,
            record=self.outgoing.value,
        )

    def _clock(self) -> VectorClock:
        return VectorClock({**self.context, self.node: self.seq})
