"""One connection between two members, as asyncio's protocol: frames in, one write out.

Two stages. First one frame is waited for, the other side's part of the handshake, and it must be small; anything more
before `open` is refused. Then frames go, a turn's worth at a time, to whoever opened it. Whatever is refused, or
raised as RefusedRecord by that receiver, ends the connection: after damage nothing that follows can be trusted.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Final, cast

from dojopool.adapters.raft_frames import FRAME_BYTES_MAX, FrameReader, Kind, Rejected
from dojopool.adapters.raft_handshake import HELLO_BYTES_MAX, REASON_BYTES_MAX
from dojopool.errors import RefusedRecord

Frames = Iterator[tuple[Kind, memoryview]]

WRITE_BYTES_HIGH: Final = 128 * 1024
"""Unsent bytes at which writing is paused. What waits here can be overtaken by nothing, so it bounds what a heartbeat
waits for beside the kernel's buffer."""

UNSENT_BYTES_LOW: Final = 128 * 1024
"""The same for the kernel's buffer, which would grow to megabytes."""

SILENCE_MS_MAX: Final = 10_000
"""How long the kernel goes on with a peer that acknowledges nothing, or asks an idle one whether it is there."""


class Connection(asyncio.BufferedProtocol):
    """See the module. All calls come from one event loop."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.greeting: asyncio.Future[tuple[Kind, bytes] | None] = loop.create_future()
        """The first frame; None when the connection ended without one."""
        self.lost: asyncio.Future[Exception | None] = loop.create_future()
        """Set when it has ended: to what was refused, to the error that ended it, or to None."""
        self.is_paused = False
        """Whether what was written has not left yet: keep what can wait."""
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader(max(HELLO_BYTES_MAX, REASON_BYTES_MAX))
        self._receive: Callable[[Frames], None] = self._greeted
        self._resumed: Callable[[], None] = _nothing
        self._refused: Exception | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """Of a connection that was made."""
        assert self._transport is not None
        return self._transport

    def open(self, receive: Callable[[Frames], None], *, resumed: Callable[[], None] | None = None) -> None:
        """Take frames of full size from now on: `receive` gets those of one turn and goes through all of them,
        `resumed` is called when writing is no longer paused.
        """
        self._reader.body_bytes_max = FRAME_BYTES_MAX
        self._receive = receive
        self._resumed = resumed or _nothing

    def write(self, data: bytes) -> None:
        """Send some frames. Nothing happens once the connection is ending."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def close(self) -> None:
        """End it after what was written is sent, which needs a peer that takes it."""
        self.transport.close()

    def abort(self) -> None:
        """End it at once; also one that never came about."""
        if self._transport is not None:
            self._transport.abort()

    # ---- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_BYTES_HIGH)
        tune(transport.get_extra_info("socket"))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._reader.room()

    def buffer_updated(self, nbytes: int) -> None:
        try:
            self._receive(self._reader.received(nbytes))
        except RefusedRecord as error:
            self._refused = error
            self.abort()

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False
        self._resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.greeting.done():
            self.greeting.set_result(None)
        self.lost.set_result(self._refused or exc)

    def _greeted(self, frames: Frames) -> None:
        for kind, body in frames:
            if self.greeting.done():
                raise Rejected("early", "more than a hello came before the answer to it")
            self.greeting.set_result((kind, bytes(body)))


def tune(connection: socket.socket) -> None:
    """Send at once, keep little in the kernel, and notice a peer that went without a word. Other systems than Linux
    lack some of it and find out later.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_NOTSENT_LOWAT", UNSENT_BYTES_LOW),
        ("TCP_USER_TIMEOUT", SILENCE_MS_MAX),
        ("TCP_KEEPIDLE", SILENCE_MS_MAX // 1000),
        ("TCP_KEEPINTVL", SILENCE_MS_MAX // 4000),
        ("TCP_KEEPCNT", 3),
    ):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _nothing() -> None:
    pass
