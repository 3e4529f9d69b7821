"""The way in refuses who does not belong there, one by one and all together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from dojopool.adapters import raft_listener
from dojopool.adapters.raft_frames import FRAME_BYTES_MAX, HEAD, Kind, frame
from dojopool.adapters.raft_handshake import decode_hello
from dojopool.adapters.raft_link import Peer
from dojopool.adapters.raft_listener import GREETINGS_MAX
from dojopool.adapters.raft_snapshots import Outgoing
from dojopool.codec.raft_wire import encode_message
from dojopool.core.raft.messages import ConfState, Message, MessageType, Snapshot
from support.raft_links import Node, address, disk_of, listening, node
from support.raft_stranger import hello, stranger

HEARTBEAT = Message(MessageType.HEARTBEAT, to=1, from_=2, term=1)


@dataclass(frozen=True)
class Target:
    """A member, and where it listens."""

    node: Node
    at: tuple[str, int]

    async def until_rejected(self, kind: str) -> None:
        """Wait until something of this kind was refused; nothing else was."""
        await self.node.until_rejected(kind)
        assert self.node.links.rejected == {kind: 1}


@pytest.fixture
async def member(tmp_path: Path) -> AsyncIterator[Target]:
    """Member 1 of a group of two, on plain TCP; member 2 is not there."""
    with listening() as mine:
        async with node(tmp_path, 1, {1: mine}) as one:
            one.links.add_peer(Peer(2, "127.0.0.1", 9, "n2"))  # nobody listens on the port for discarding
            yield Target(one, address(mine))


def said(message: Message) -> bytes:
    """A message as a frame."""
    return frame(Kind.MESSAGE, encode_message(message))


async def test_a_member_is_welcome(member: Target) -> None:
    """Who is a member is told who it has reached, and what it sends reaches the core."""
    async with stranger(member.at) as two:
        two.say(hello())
        kind, body = await two.answer()
        two.say(said(HEARTBEAT))
        await member.node.heard.until(lambda: bool(member.node.heard.messages))

        assert kind is Kind.WELCOME
        assert (decode_hello(body).from_, decode_hello(body).disk_id) == (1, disk_of(1))
        assert member.node.heard.messages == [HEARTBEAT]
        assert member.node.links.rejected == {}


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (hello(cluster="other"), "cluster"),
        (hello(from_=9), "member"),
        (hello(to=3), "addressee"),
        (frame(Kind.HELLO, b"?"), "malformed"),
        (said(HEARTBEAT), "malformed"),
    ],
)
async def test_c8_strangers_are_told_why(member: Target, greeting: bytes, kind: str) -> None:
    """Who cannot come in is told why and cut off; it is counted, and the core hears nothing."""
    async with stranger(member.at) as one:
        one.say(greeting)
        answer, why = await one.answer()

        assert (answer, bool(why)) == (Kind.REFUSED, True)
        assert await one.is_cut_off()
    await member.until_rejected(kind)
    assert member.node.heard.messages == []


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", "silent"),
        (b"GET / HTTP/1.1\r\n\r\n", "frame"),
        (HEAD.pack(2000, 0, Kind.HELLO), "frame"),
        (hello() + said(HEARTBEAT), "early"),
    ],
)
async def test_who_does_not_shake_hands(member: Target, sent: bytes, kind: str) -> None:
    """Who leaves, speaks another protocol, sends much or does not wait for the answer is cut off."""
    async with stranger(member.at) as one:
        one.say(sent)
        await one.drain()
        if sent:
            assert await one.is_cut_off()
    await member.until_rejected(kind)
    assert member.node.heard.messages == []


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (said(Message(MessageType.HEARTBEAT, to=1, from_=3)), "impostor"),
        (said(Message(MessageType.HEARTBEAT, to=3, from_=2)), "impostor"),
        (frame(Kind.MESSAGE, b"?"), "message"),
        (frame(Kind.WELCOME, b""), "kind"),
        (frame(Kind.CHUNK, b"?"), "chunk"),
        (HEAD.pack(FRAME_BYTES_MAX + 1, 0, Kind.MESSAGE), "frame"),
        (said(HEARTBEAT)[:-1] + b"!", "frame"),
    ],
)
async def test_a_member_that_misbehaves(member: Target, sent: bytes, kind: str) -> None:
    """A member that speaks for another one, or sends what cannot be read, loses its connection."""
    async with stranger(member.at) as two:
        two.say(hello())
        await two.answer()
        two.say(sent)

        assert await two.is_cut_off()
    await member.until_rejected(kind)
    assert member.node.heard.messages == []


async def test_other_messages_in_chunks(member: Target) -> None:
    """Only snapshots come in chunks."""
    vote = Message(MessageType.VOTE, to=1, from_=2, snapshot=Snapshot(1, 1, ConfState((1, 2))))
    async with stranger(member.at) as two:
        two.say(hello())
        await two.answer()
        two.say(frame(Kind.CHUNK, Outgoing(1, vote).next_chunk()))
        assert await two.is_cut_off()
    await member.until_rejected("chunk")


async def test_the_newest_connection_counts(member: Target) -> None:
    """A member that connects again, because it lost the connection, is not shut out by the old one."""
    async with stranger(member.at) as old, stranger(member.at) as new:
        old.say(hello())
        await old.answer()
        new.say(hello())
        await new.answer()
        assert await old.is_cut_off()
        new.say(said(HEARTBEAT))
        await member.node.heard.until(lambda: bool(member.node.heard.messages))


async def test_a_crowd_at_the_door(member: Target) -> None:
    """Of many that connect and say nothing some are cut off at once, and later a member still gets in."""
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(stranger(member.at)) for _ in range(GREETINGS_MAX + 1)]
        assert await crowd[-1].is_cut_off()
        assert member.node.links.rejected == {"busy": 1}
        for one in crowd:
            one.end()
    await member.node.until_rejected("silent", times=GREETINGS_MAX)
    async with stranger(member.at) as two:
        two.say(hello())
        assert (await two.answer())[0] is Kind.WELCOME


async def test_nobody_stands_in_the_door(member: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says nothing for too long is cut off."""
    monkeypatch.setattr(raft_listener, "GREETING_S_MAX", 0.05)
    async with stranger(member.at) as one:
        assert await one.is_cut_off()
    await member.until_rejected("timeout")
