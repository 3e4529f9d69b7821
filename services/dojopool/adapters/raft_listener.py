"""The way in: who connects is asked who it is, and what a member sends goes to the core.

Nothing reaches the core, and nothing large is kept, before TLS, certificate, cluster, member and disk are checked.
How many may be on their way through that door at once is bounded, and so is the time they have.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from dojopool.adapters.raft_connection import Connection, Frames
from dojopool.adapters.raft_frames import Kind, Rejected, frame
from dojopool.adapters.raft_handshake import REASON_BYTES_MAX, Hello, encode_hello
from dojopool.adapters.raft_rejections import Rejections
from dojopool.adapters.raft_snapshots import Incoming, encode_done
from dojopool.codec.raft_wire import decode_message
from dojopool.core.raft.messages import Message, MessageType
from dojopool.errors import RefusedRecord

log = structlog.get_logger("dojopool.raft")

GREETINGS_MAX: Final = 64
"""Connections that have not proved who they are yet; more are closed at once."""

GREETING_S_MAX: Final = 5.0
"""For TLS and handshake together."""

REFUSAL_S_MAX: Final = 1.0
"""For reading why one was refused."""

ACCEPT_RETRY_S: Final = 0.2
"""After the system had no file descriptor for a connection."""


class Listener:
    """See the module."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None,
        me: int,
        admit: Callable[[Connection, bytes], Awaitable[Hello]],
        received: Callable[[list[Message]], None],
        came: Callable[[int], None],
        rejections: Rejections,
    ) -> None:
        """`admit` checks a hello and gives the answer to it, or raises Rejected; `came` is told each member that got
        in.
        """
        self._tls, self._me, self._admit, self._received, self._came = tls, me, admit, received, came
        self._rejections = rejections
        self._greetings = 0
        self._members: dict[int, Connection] = {}

    async def run(self, listening: socket.socket) -> None:
        """Take connections of this listening, non-blocking socket until cancelled; then all are closed."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    accepted, address = await loop.sock_accept(listening)
                except OSError as error:
                    log.warning("raft_accept_failed", why=str(error))
                    await asyncio.sleep(ACCEPT_RETRY_S)
                    continue
                other_side = f"{address[0]}:{address[1]}"
                if self._greetings >= GREETINGS_MAX:
                    accepted.close()
                    busy = Rejected("busy", f"{GREETINGS_MAX} others have not said who they are yet")
                    self._rejections.count(busy, other_side=other_side)
                else:
                    self._greetings += 1
                    group.create_task(self._serve(accepted, other_side))

    def close_member(self, member: int) -> None:
        """End the connection of a member that is no longer one."""
        if member in self._members:
            self._members.pop(member).abort()

    async def _serve(self, accepted: socket.socket, other_side: str) -> None:
        connection = Connection()
        try:
            try:
                member = await self._greet(accepted, connection)
            finally:
                self._greetings -= 1
            self.close_member(member)  # the newest is the one that the member itself still has
            self._members[member] = connection
            self._came(member)
            ended_by = await asyncio.shield(connection.lost)
            if self._members.get(member) is connection:
                del self._members[member]
            if isinstance(ended_by, RefusedRecord):
                raise ended_by
        except RefusedRecord as error:
            self._rejections.count(error, other_side=other_side)
        except TimeoutError:
            late = Rejected("timeout", f"it did not say within {GREETING_S_MAX} s who it is")
            self._rejections.count(late, other_side=other_side)
        except OSError as error:  # of TLS, too
            self._rejections.count(Rejected("tls", f"no connection came about: {error}"), other_side=other_side)
        finally:
            connection.abort()
            accepted.close()

    async def _greet(self, accepted: socket.socket, connection: Connection) -> int:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(GREETING_S_MAX):
            await loop.connect_accepted_socket(lambda: connection, accepted, ssl=self._tls)
            greeting = await connection.greeting
            if greeting is None:
                raise connection.lost.result() or Rejected("silent", "it left without saying who it is")
            kind, body = greeting
            try:
                if kind is not Kind.HELLO:
                    raise Rejected("malformed", f"a {kind.name} came where a hello is due")
                answer = await self._admit(connection, body)
            except Rejected as error:
                await self._refuse(connection, error)
                raise
        incoming = Incoming()
        connection.open(lambda frames: self._take(answer.to, connection, incoming, frames))
        connection.write(frame(Kind.WELCOME, encode_hello(answer)))
        return answer.to

    async def _refuse(self, connection: Connection, why: Rejected) -> None:
        """Say why, and give the other side a moment to read it."""
        connection.write(frame(Kind.REFUSED, str(why).encode()[:REASON_BYTES_MAX]))
        connection.close()
        await asyncio.wait([connection.lost], timeout=REFUSAL_S_MAX)

    def _take(self, member: int, connection: Connection, incoming: Incoming, frames: Frames) -> None:
        """Hand one turn's messages to the core, together."""
        messages: list[Message] = []
        for kind, body in frames:
            if kind is Kind.MESSAGE:
                messages.append(self._checked(member, decode_message(body)))
            elif kind is Kind.CHUNK:
                if (transfer := incoming.add(body)) is not None:
                    number, whole = transfer
                    message = self._checked(member, decode_message(whole))
                    if message.type is not MessageType.SNAPSHOT:
                        raise Rejected("chunk", f"a {message.type.name} came in chunks")
                    messages.append(message)
                    connection.write(frame(Kind.CHUNKS_DONE, encode_done(number)))
            else:
                raise Rejected("kind", f"a dialler sends no {kind.name} on an open connection")
        if messages:
            self._received(messages)

    def _checked(self, member: int, message: Message) -> Message:
        if (message.from_, message.to) != (member, self._me):
            raise Rejected(
                "impostor", f"member {member} sent a message from {message.from_} to {message.to}, this is {self._me}"
            )
        return message
