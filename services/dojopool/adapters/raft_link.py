"""The way out to one other member: a connection that is dialled again for ever, a bounded queue, one snapshot.

News of a commit alone, an append without entries, waits a moment: mostly the next entries are right behind it, and they
tell the same, so it is not sent at all then.

Messages flow one way on a connection, from who dialled to who listens; two members hold one each way. So there is no
contest about which of two stays, and a broken direction breaks nothing else.

What is sent in one turn of the loop leaves in one write. While writing is paused, or a turn brings more, messages wait
in the queue; what finds it full is dropped, and so is everything while there is no connection: Raft sends again, and
what it sends then is newer. A snapshot goes a chunk at a time, each after all messages that wait, so that heartbeats
are never behind it. Whatever is dropped is reported as unreachable, once a turn, never from within `send`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from dojopool.adapters.raft_connection import Connection, Frames
from dojopool.adapters.raft_frames import FRAME_BYTES_MAX, Kind, Rejected, frame
from dojopool.adapters.raft_rejections import Rejections
from dojopool.adapters.raft_snapshots import Outgoing, decode_done
from dojopool.codec.raft_wire import encode_message
from dojopool.core.raft.messages import Message, MessageType
from dojopool.errors import RefusedRecord
from dojopool.raft_ports import PeerEvents

log = structlog.get_logger("dojopool.raft")

PATIENCE_S: Final = 0.001
"""How long an append without entries waits for company; so much later a follower applies when nothing follows."""

QUEUE_MESSAGES_MAX: Final = 4096
QUEUE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Two frames of the greatest size. The core's window is smaller; this bounds what a wrong one can cost."""

RETRY_S_MIN: Final = 0.05
RETRY_S_MAX: Final = 2.0
"""Waiting times between two attempts to connect: doubled each time. A member that dials us is dialled back at once."""

DIAL_S_MAX: Final = 5.0
"""For TCP, TLS and handshake together."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another member: where it listens, and what its certificate says."""

    id: int
    host: str
    port: int
    name: str
    """Its name in its certificate; not looked at on plain TCP."""


class Link:
    """See the module."""

    def __init__(
        self, peer: Peer, *, dial: Callable[[Peer], Awaitable[Connection]], events: PeerEvents, rejections: Rejections
    ) -> None:
        """`dial` connects and shakes hands; it raises OSError, TimeoutError or Rejected."""
        self.peer = peer
        self._dial, self._events, self._rejections = dial, events, rejections
        self._connection: Connection | None = None
        self._queue: list[bytes] = []
        self._queue_bytes = 0
        self._transfer: Outgoing | None = None
        self._transfers = 0
        self._turn: asyncio.Handle | None = None
        self._news: Message | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._is_unreachable = False
        self._hurry = asyncio.Event()

    def send(self, messages: Sequence[Message]) -> None:
        """Queue messages to this member; see the module for what is dropped."""
        for message in messages:
            if message.snapshot is not None:
                self._transfer_of(message)
            elif self._connection is None:
                self._is_unreachable = True
            elif message.type is MessageType.APPEND and not message.entries:
                self._wait_for_company(message)
                continue
            else:
                self._enqueue(message)
            self._schedule()

    def hurry(self) -> None:
        """Try to connect now: the member is there."""
        self._hurry.set()

    async def run(self) -> None:
        """Keep a connection, until cancelled."""
        wait_s, last = RETRY_S_MIN, ""
        while True:
            self._hurry.clear()
            try:
                async with asyncio.timeout(DIAL_S_MAX):
                    connection = await self._dial(self.peer)
            except (OSError, RefusedRecord) as error:
                if isinstance(error, RefusedRecord):
                    self._rejections.count(error, other_side=self._address)
                why = str(error) or type(error).__name__  # a TimeoutError says nothing
                if why != last:
                    last = why
                    log.warning("raft_peer_unreachable", peer=self.peer.id, address=self._address, why=last)
                wait_s = min(2 * wait_s, RETRY_S_MAX)
            else:
                wait_s, last = RETRY_S_MIN, ""
                await self._use(connection)
            await self._pause(wait_s)

    async def _use(self, connection: Connection) -> None:
        log.info("raft_peer_linked", peer=self.peer.id, address=self._address)
        connection.open(self._answered, resumed=self._schedule)
        self._connection = connection
        try:
            ended_by = await asyncio.shield(connection.lost)
        finally:
            self._connection = None
            connection.abort()
        self._dropped_all()
        if isinstance(ended_by, RefusedRecord):
            self._rejections.count(ended_by, other_side=self._address)
        log.info("raft_peer_lost", peer=self.peer.id, address=self._address, why=str(ended_by or "it closed the link"))

    async def _pause(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._hurry.wait()
        except TimeoutError:
            pass

    def _transfer_of(self, message: Message) -> None:
        """Begin to send a snapshot, in place of one that is under way: the core asks for one at a time."""
        if self._connection is None:
            asyncio.get_running_loop().call_soon(self._events.snapshot_sent, self.peer.id, False)
        else:
            self._transfers += 1
            self._transfer = Outgoing(self._transfers, message)

    def _wait_for_company(self, news: Message) -> None:
        self._send_news(before=news)
        self._news = news
        self._patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._schedule)

    def _send_news(self, *, before: Message | None = None) -> None:
        """Queue the append that waits, unless the one behind it tells all that it does."""
        news, self._news = self._news, None
        if news is None:
            return
        assert self._patience is not None
        self._patience.cancel()
        if before is None or not _tells(before, news):
            self._put(encode_message(news))

    def _enqueue(self, message: Message) -> None:
        self._send_news(before=message)
        self._put(encode_message(message))

    def _put(self, body: bytes) -> None:
        size = len(body)
        if size > FRAME_BYTES_MAX:
            log.error("raft_message_too_large", peer=self.peer.id, bytes=size, bytes_max=FRAME_BYTES_MAX)
            self._is_unreachable = True
        elif self._queue and (len(self._queue) >= QUEUE_MESSAGES_MAX or self._queue_bytes + size > QUEUE_BYTES_MAX):
            self._is_unreachable = True
        else:
            self._queue.append(frame(Kind.MESSAGE, body))
            self._queue_bytes += size

    def _schedule(self) -> None:
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Write what waits, then one chunk; tell what was dropped. Once a turn."""
        self._turn = None
        self._send_news()
        if self._is_unreachable:
            self._is_unreachable = False
            self._events.unreachable(self.peer.id)
        connection = self._connection
        if connection is None or connection.is_paused:
            return
        frames, self._queue, self._queue_bytes = self._queue, [], 0
        if self._transfer is not None and not self._transfer.is_cut:
            frames.append(frame(Kind.CHUNK, self._transfer.next_chunk()))
            self._schedule()
        if frames:
            connection.write(b"".join(frames))

    def _answered(self, frames: Frames) -> None:
        for kind, body in frames:
            if kind is not Kind.CHUNKS_DONE:
                raise Rejected("kind", f"a listener sends no {kind.name} on an open connection")
            if self._transfer is not None and decode_done(body) == self._transfer.number:
                self._transfer = None
                self._events.snapshot_sent(self.peer.id, True)

    def _dropped_all(self) -> None:
        self._queue, self._queue_bytes, self._news = [], 0, None
        self._events.unreachable(self.peer.id)
        if self._transfer is not None:
            self._transfer = None
            self._events.snapshot_sent(self.peer.id, False)

    @property
    def _address(self) -> str:
        return f"{self.peer.host}:{self.peer.port}"


def _tells(later: Message, news: Message) -> bool:
    """Whether a later message says all that this append without entries does."""
    return (
        later.type is MessageType.APPEND
        and later.term == news.term
        and later.index >= news.index
        and later.commit >= news.commit
    )
