"""A connection says how it ended, and writing to one that has ended is nothing."""

from __future__ import annotations

import asyncio

from dojopool.adapters.raft_connection import Connection
from dojopool.adapters.raft_frames import Kind, Rejected, frame
from support.raft_links import WITHIN_S, address, listening


async def connected(sent: bytes, *, closes: bool = False) -> Connection:
    """A connection whose other side has sent that."""
    loop = asyncio.get_running_loop()
    with listening() as there:
        there.setblocking(False)
        _, connection = await loop.create_connection(Connection, *address(there))
        far, _ = await loop.sock_accept(there)
        await loop.sock_sendall(far, sent)
        if closes:
            far.close()
        await asyncio.wait([connection.greeting], timeout=WITHIN_S)
        far.close()
    return connection


async def test_the_first_frame_is_kept() -> None:
    """The other side's part of the handshake waits until somebody asks."""
    connection = await connected(frame(Kind.HELLO, b"it is me"))

    assert connection.greeting.result() == (Kind.HELLO, b"it is me")
    assert await connection.lost is None


async def test_a_second_frame_is_too_early() -> None:
    """Nothing may follow a greeting before it is answered."""
    connection = await connected(frame(Kind.HELLO, b"it is me") * 2)
    refused = await connection.lost

    assert isinstance(refused, Rejected)
    assert refused.kind == "early"


async def test_nothing_was_said() -> None:
    """A connection that ends without a frame has no greeting."""
    connection = await connected(b"", closes=True)

    assert connection.greeting.result() is None


async def test_writing_too_late() -> None:
    """Whoever writes to a connection that is ending need not ask before."""
    connection = await connected(b"", closes=True)
    await connection.lost
    connection.write(b"anything")
    connection.abort()


def test_a_connection_that_never_came_about() -> None:
    """Ending a connection that was never made is nothing."""

    async def never() -> None:
        Connection().abort()

    asyncio.run(never())
