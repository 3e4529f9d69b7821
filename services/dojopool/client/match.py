"""A handle of one match: reads it, and writes events whose context is what it has read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from dojopool.client.author import Author, Knowledge
from dojopool.client.config import TIMEOUT_S
from dojopool.client.desk import Desk
from dojopool.client.reader import AtLeast, Reader
from dojopool.client.receipts import Receipt, Rejected
from dojopool.client.shipment import Shipment
from dojopool.client.view import MatchView
from dojopool.errors import InvalidEvent


class MatchHandle:
    """One reader and writer of a match. Get it from `Dojo.match`; one for each user on whose behalf you write.

    An event says what its writer had read: the views that this handle returned, and the events it recorded before.
    What another handle, or another process, wrote meanwhile and this one has not read is concurrent with it. So read
    again before recording an event that answers to what others did.
    """

    __slots__ = ("_author", "_desk", "_knowledge", "_reader", "_view")

    def __init__(self, author: Author, view: MatchView, *, desk: Desk, reader: Reader) -> None:
        self._author = author
        self._knowledge = Knowledge(author.node)
        self._desk = desk
        self._reader = reader
        self._view = view
        self._knowledge.read(view.clock, author)

    @property
    def id(self) -> str:
        """The match."""
        return self._author.match

    @property
    def view(self) -> MatchView:
        """The view that was read last."""
        return self._view

    async def read(self, *, at_least: AtLeast | Rejected | None = None, timeout_s: float = TIMEOUT_S) -> MatchView:
        """Read the match as `Dojo.read` does; what is recorded from now on has seen this view."""
        view = await self._reader.read(self.id, at_least=at_least, timeout_s=timeout_s)
        self._knowledge.read(view.clock, self._author)
        self._view = view
        return view

    async def record(self, event: BaseModel, *, timeout_s: float = TIMEOUT_S) -> Receipt:
        """Write an event of the game and return what became of it, at the latest after `timeout_s`.

        Accepted: the event is in the region's log, durably, and so is everything this process recorded on the match
        before. Rejected: it is not and never will be (it breaks its schema, or there was no room in time). Unknown: it
        is on its way, or lost with this process; see `Dojo.settle`. None of these is an exception. CallerError is
        raised when `event` is of a class that is no event of the game, or the connection is closed.

        Order: events of one process on one match are in the log in the order in which the calls began. To have many
        under way, gather the calls: they share appends. Nothing is written twice, however often it is sent.

        Cancellation: an event that was already numbered is sent all the same, only its receipt is lost; one that still
        waited for room is not sent.
        """
        try:
            kind, body = self._desk.described(event)
        except InvalidEvent as error:
            return Rejected(str(error))
        # As `record_body`, without a second coroutine: it would cost a microsecond or two per event.
        posted = self._desk.post(self._author, self._knowledge, kind, body, timeout_s=timeout_s)
        if posted is None:
            posted = await self._desk.post_in_turn(self._author, self._knowledge, kind, body, timeout_s=timeout_s)
        return await posted.answer if isinstance(posted, Shipment) else posted

    async def record_body(self, kind: str, body: Mapping[str, Any], *, timeout_s: float = TIMEOUT_S) -> Receipt:
        """Write an event given as its type and body, such as `"points_awarded"` and a dictionary; else as `record`.

        For programs that move events of any game. A type that the game does not have is Rejected.
        """
        posted = self._desk.post(self._author, self._knowledge, kind, body, timeout_s=timeout_s)
        if posted is None:
            posted = await self._desk.post_in_turn(self._author, self._knowledge, kind, body, timeout_s=timeout_s)
        return await posted.answer if isinstance(posted, Shipment) else posted

    def __repr__(self) -> str:
        return f"MatchHandle({self.id!r})"
