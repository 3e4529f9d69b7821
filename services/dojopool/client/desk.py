"""The writing side of one connection: events are described, numbered, encoded and put into the outbox of their
partition.

Numbering and putting are one step without an await. So whatever is numbered is sent, in the order of the numbers, and
whatever can be refused is refused before: an event that breaks its schema, an outbox that stays full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import inf
from typing import Any, Final
from weakref import WeakValueDictionary

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from dojopool.client.author import Author, Knowledge
from dojopool.client.config import ClientConfig
from dojopool.client.outbox import Outbox
from dojopool.client.receipts import Accepted, Receipt, Rejected, Unknown
from dojopool.client.shipment import Shipment
from dojopool.client.stamps import Stamps
from dojopool.client.status import RegionStatus
from dojopool.codec.event_codec import EventCodec
from dojopool.codec.schema_guard import event_type
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError, InvalidEvent
from dojopool.ports import Ended, LogWriter, Outgoing, SendTracer

CLOSED: Final = "the connection is closed: nothing can be written with it any more"


class Desk:
    """Writes for every handle of a connection. Senders run in `tasks`."""

    def __init__(
        self,
        config: ClientConfig,
        *,
        writer: LogWriter,
        codec: EventCodec,
        stamps: Stamps,
        status: RegionStatus,
        tasks: asyncio.TaskGroup,
        tracer: SendTracer | None = None,
    ) -> None:
        self._config, self._writer, self._codec, self._stamps = config, writer, codec, stamps
        self._status, self._tasks, self._tracer = status, tasks, tracer
        self._kinds: dict[type, str] = {}
        self._outboxes: dict[int, tuple[Outbox, asyncio.Task[None]]] = {}
        # An author that has written must be remembered for good, or its numbers would be given twice. One that has not
        # lives as long as its handles.
        self._authors: WeakValueDictionary[str, Author] = WeakValueDictionary()
        self._wrote: set[Author] = set()
        self._loop = asyncio.get_running_loop()
        self._is_closed = False

    @property
    def senders(self) -> list[asyncio.Task[None]]:
        """The tasks that send, to be ended before `close`."""
        return [sender for _, sender in self._outboxes.values()]

    def author(self, match: str) -> Author:
        """The one author of this connection on a match."""
        author = self._authors.get(match)
        if author is None:
            author = self._authors[match] = Author(match, self._config.node)
        return author

    def described(self, event: BaseModel) -> tuple[str, Mapping[str, Any]]:
        """Event type and body of a model. Raises CallerError when its class is not one of the game's events."""
        cls = type(event)
        kind = self._kinds.get(cls)
        if kind is None:
            kind = self._kinds[cls] = self._kind_of(cls)
        try:
            return kind, event.model_dump(mode="json", by_alias=True, warnings=False)
        except PydanticSerializationError as error:
            raise InvalidEvent(f"{cls.__name__} cannot be written as JSON: {error}") from error

    def post(
        self, author: Author, knowledge: Knowledge, kind: str, body: Mapping[str, Any], *, timeout_s: float
    ) -> Shipment | Rejected | None:
        """Number an event of the match's author, with what a handle knows, and put it on its way; None when there is no
        room now. Raises CallerError when the connection is closed or the timeout is no time.
        """
        if self._is_closed:
            raise CallerError(CLOSED)
        if not timeout_s > 0:
            raise CallerError(f"timeout_s is {timeout_s}, it must be above 0: nothing is recorded in no time")
        outbox = self._outbox(author.match)
        if not outbox.gate.is_open:
            return None
        return self._put(outbox, author, knowledge, kind, body, self._loop.time() + timeout_s)

    async def post_in_turn(
        self, author: Author, knowledge: Knowledge, kind: str, body: Mapping[str, Any], *, timeout_s: float
    ) -> Shipment | Rejected:
        """As `post`, waiting in line for room."""
        deadline_s = self._loop.time() + timeout_s
        outbox = self._outbox(author.match)
        async with outbox.gate.entered(deadline_s) as is_let_in:
            if not is_let_in:
                return Rejected(outbox.refusal)
            return self._put(outbox, author, knowledge, kind, body, deadline_s)

    async def sent(self, receipt: Unknown, *, deadline_s: float) -> Shipment | None:
        """The shipment of an Unknown receipt. One of an earlier connection is put in line again, as it was; None when
        there was no room for it.
        """
        if self._is_closed:
            raise CallerError(CLOSED)
        outbox = self._outbox(receipt.match)
        shipment = outbox.late(receipt.match, receipt.dot)
        if shipment is None:
            async with outbox.gate.entered(deadline_s) as is_let_in:
                if is_let_in:
                    shipment = _again(receipt)
                    outbox.keep_late(shipment)
                    outbox.put(shipment)
        return shipment

    async def drain(self) -> None:
        """Take no more events, and wait until what was put is answered."""
        self._is_closed = True
        await asyncio.gather(*(outbox.drain() for outbox, _ in self._outboxes.values()))

    def close(self) -> None:
        """Answer Unknown for what is left. The senders must have ended."""
        self._is_closed = True
        for outbox, _ in self._outboxes.values():
            outbox.close()

    def _put(
        self,
        outbox: Outbox,
        author: Author,
        knowledge: Knowledge,
        kind: str,
        body: Mapping[str, Any],
        deadline_s: float,
    ) -> Shipment | Rejected:
        """Number, encode and put an event, without an await in between. When it is rejected nothing was numbered."""
        knowledge.follow(author)
        match, node, seq, context = author.match, author.node, author.seq + 1, knowledge.context
        try:
            value = self._codec.encode(
                match=match,
                node=node,
                seq=seq,
                base=None if knowledge.own == author.seq else knowledge.own,
                context=None if context is author.sent or context == author.sent else context,
                stamp=self._stamps.next(),
                type=kind,
                body=body,
            )
        except InvalidEvent as error:
            return Rejected(str(error))
        # Before the number is taken: a tracer is foreign code, and what it raised would leave a hole.
        headers, ended = ((), None) if self._tracer is None else self._tracer.begin(match, partition=outbox.partition)
        author.wrote(seq, context)
        knowledge.wrote(seq)
        if seq == 1:
            self._wrote.add(author)
        shipment = Shipment(
            author=author,
            match=match,
            node=node,
            seq=seq,
            context=context,
            outgoing=Outgoing(author.key, value, headers),
            deadline_s=deadline_s,
        )
        if ended is not None:
            _tell(ended, shipment.answer)
        outbox.put(shipment)
        return shipment

    def _outbox(self, match: str) -> Outbox:
        partition = partition_of(match, self._config.partitions)
        found = self._outboxes.get(partition)
        if found is None:
            outbox = Outbox(
                (self._config.topic, partition),
                writer=self._writer,
                limits=self._config.limits,
                region=self._config.region,
                mode=lambda: self._status.mode_of(partition),
            )
            found = self._outboxes[partition] = outbox, self._tasks.create_task(outbox.run())
        return found[0]

    def _kind_of(self, cls: type) -> str:
        kind = event_type(cls.__name__)
        if not issubclass(cls, BaseModel) or kind not in self._codec.types:
            raise CallerError(
                f"{cls.__module__}.{cls.__qualname__} is not an event of this game: give a pydantic model whose class"
                f" is named after one of {', '.join(self._codec.types)} (PointsAwarded for points_awarded)"
            )
        return kind


def _tell(ended: Ended, answer: asyncio.Future[Receipt]) -> None:
    """Have a tracer told of an event's first answer, or that its caller gave up waiting for one."""

    def answered(answer: asyncio.Future[Receipt]) -> None:
        if answer.cancelled():
            ended(offset=None, error="cancelled")
            return
        receipt = answer.result()
        place = receipt.position if isinstance(receipt, Accepted) else None
        error = None if isinstance(receipt, Accepted) else type(receipt).__name__.lower()
        ended(offset=None if place is None else place.offset, error=error)

    answer.add_done_callback(answered)


def _again(receipt: Unknown) -> Shipment:
    """The record of an Unknown receipt, to be sent once more."""
    node, seq = receipt.dot
    return Shipment(
        author=None,
        match=receipt.match,
        node=node,
        seq=seq,
        context=receipt.clock.as_dict(),
        outgoing=Outgoing(receipt.match.encode(), receipt.record),
        deadline_s=inf,
    )
