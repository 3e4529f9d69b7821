"""Links on real sockets: what arrives, what is refused, and that a lost member comes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from dojopool.adapters.raft_link import Peer
from dojopool.adapters.raft_tcp import RaftTcp
from dojopool.adapters.raft_tls import MutualTls, PlainTcp, Security
from dojopool.core.raft.messages import ConfState, Entry, Message, MessageType, Snapshot
from dojopool.errors import ConfigError
from support.raft_links import address, disk_of, linked, listening, node, tls

Sockets = dict[int, socket.socket]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the certificates of this file's members."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """Where members 1 and 2 listen."""
    found = {1: listening(), 2: listening()}
    yield found
    for one in found.values():
        one.close()


def heartbeat(*, to: int, from_: int, term: int = 1) -> Message:
    """A small message."""
    return Message(MessageType.HEARTBEAT, to=to, from_=from_, term=term)


def snapshot(*, to: int, from_: int, size: int) -> Message:
    """A large one."""
    data = bytes(range(256)) * (size // 256)
    return Message(MessageType.SNAPSHOT, to=to, from_=from_, term=1, snapshot=Snapshot(9, 1, ConfState((1, 2)), data))


@pytest.mark.parametrize("is_secured", [False, True], ids=["plain", "tls"])
async def test_messages_arrive_in_order(tmp_path: Path, certificates: Path, sockets: Sockets, is_secured: bool) -> None:
    """What is sent over a link that is up arrives whole, once and in order, both ways."""
    security: list[Security] = [tls(certificates, name) if is_secured else PlainTcp() for name in ("n1", "n2")]
    async with (
        node(tmp_path, 1, sockets, security=security[0]) as one,
        node(tmp_path, 2, sockets, security=security[1]) as two,
    ):
        await linked(one, two, heartbeat(to=2, from_=1))
        await linked(two, one, heartbeat(to=1, from_=2))
        there = [
            Message(MessageType.APPEND, to=2, from_=1, term=1, entries=(Entry(1, n, data=bytes(n)),))
            for n in range(1, 500)
        ]
        back = [heartbeat(to=1, from_=2, term=n) for n in range(1, 500)]
        one.links.send(there)
        two.links.send(back)
        await two.heard.until(lambda: len(two.heard.messages) >= len(there))
        await one.heard.until(lambda: len(one.heard.messages) >= len(back))

        assert two.heard.messages == there
        assert one.heard.messages == back
        assert max(one.heard.turns) > 1


async def test_a_snapshot_is_overtaken(tmp_path: Path, certificates: Path, sockets: Sockets) -> None:
    """A heartbeat sent after a large snapshot arrives before it, and the sender is told when all of it did."""
    async with (
        node(tmp_path, 1, sockets, security=tls(certificates, "n1")) as one,
        node(tmp_path, 2, sockets, security=tls(certificates, "n2")) as two,
    ):
        await linked(one, two, heartbeat(to=2, from_=1))
        large = snapshot(to=2, from_=1, size=24 * 2**20)
        one.links.send([large])
        one.links.send([heartbeat(to=2, from_=1, term=7)])
        await one.heard.until(lambda: bool(one.heard.snapshots))

        assert two.heard.messages == [heartbeat(to=2, from_=1, term=7), large]
        assert one.heard.snapshots == [(2, True)]


async def test_a_newer_snapshot_replaces_one_under_way(tmp_path: Path, sockets: Sockets) -> None:
    """Only the newest snapshot arrives, with nothing of the other in it (rule S7)."""
    async with node(tmp_path, 1, sockets) as one, node(tmp_path, 2, sockets) as two:
        await linked(one, two, heartbeat(to=2, from_=1))
        one.links.send([snapshot(to=2, from_=1, size=24 * 2**20)])
        await asyncio.sleep(0)
        newer = snapshot(to=2, from_=1, size=2**20)
        one.links.send([newer])
        await one.heard.until(lambda: bool(one.heard.snapshots))

        assert two.heard.messages == [newer]


async def test_nobody_there(tmp_path: Path, sockets: Sockets) -> None:
    """What is sent to a member that cannot be reached is reported, after `send` has returned."""
    sockets[2].close()
    unused = listening()
    async with node(tmp_path, 1, {1: sockets[1], 2: unused}) as one:
        unused.close()
        one.links.send([heartbeat(to=2, from_=1), snapshot(to=2, from_=1, size=256)])

        assert (one.heard.unreachable, one.heard.snapshots) == ([], [])
        await one.heard.until(lambda: bool(one.heard.unreachable and one.heard.snapshots))
        assert (one.heard.unreachable, one.heard.snapshots) == ([2], [(2, False)])


async def test_a_lost_member_comes_back(tmp_path: Path, sockets: Sockets) -> None:
    """A member that ended is reported; once it is back, on the same disk, the link is up again."""
    async with node(tmp_path, 1, sockets) as one:
        async with node(tmp_path, 2, sockets) as two:
            await linked(one, two, heartbeat(to=2, from_=1))
            one.heard.unreachable.clear()
        await one.heard.until(lambda: bool(one.heard.unreachable))
        async with node(tmp_path, 2, sockets) as two:
            await linked(one, two, heartbeat(to=2, from_=1))
            await linked(two, one, heartbeat(to=1, from_=2))


async def test_d11_a_wiped_disk(tmp_path: Path, sockets: Sockets) -> None:
    """A member that comes back with another disk is refused by all who knew it, and is told so (rule D11)."""
    async with node(tmp_path, 1, sockets) as one:
        async with node(tmp_path, 2, sockets) as two:
            await linked(one, two, heartbeat(to=2, from_=1))
            await linked(two, one, heartbeat(to=1, from_=2))
        async with node(tmp_path, 2, sockets, disk_id=disk_of(9)) as two:
            await one.until_rejected("disk")
            await two.until_rejected("refused")
            two.links.send([heartbeat(to=1, from_=2)])
            one.links.send([heartbeat(to=2, from_=1)])
            await two.heard.until(lambda: bool(two.heard.unreachable))

            assert (one.heard.messages, two.heard.messages) == ([], [])


async def test_another_cluster(tmp_path: Path, certificates: Path, sockets: Sockets) -> None:
    """Groups that reach each other by mistake do not exchange a message, whoever signed their certificates."""
    async with (
        node(tmp_path, 1, sockets, security=tls(certificates, "n1")) as one,
        node(tmp_path, 2, sockets, security=tls(certificates, "n2"), cluster="other") as two,
    ):
        await one.until_rejected("cluster")
        await two.until_rejected("cluster")

        assert (one.heard.messages, two.heard.messages) == ([], [])


async def test_m13_a_certificate_of_another_member(tmp_path: Path, certificates: Path, sockets: Sockets) -> None:
    """A member cannot say that it is another one: its certificate names it."""
    async with (
        node(tmp_path, 1, sockets, security=tls(certificates, "n1")) as one,
        node(tmp_path, 2, sockets, security=tls(certificates, "n3")) as two,
    ):
        await one.until_rejected("certificate")
        await two.until_rejected("refused")

        assert one.heard.messages == []


async def test_a_certificate_of_another_authority(tmp_path: Path, certificates: Path, sockets: Sockets) -> None:
    """Who holds a certificate of an authority that is not the group's gets no byte in."""
    async with (
        node(tmp_path, 1, sockets, security=tls(certificates, "n1")) as one,
        node(tmp_path, 2, sockets, security=tls(tmp_path / "elsewhere", "n2")),
    ):
        await one.until_rejected("tls")

        assert one.heard.messages == []


async def test_plain_where_tls_is_spoken(tmp_path: Path, certificates: Path, sockets: Sockets) -> None:
    """A member that forgot TLS is refused by one that did not."""
    async with (
        node(tmp_path, 1, sockets, security=tls(certificates, "n1")) as one,
        node(tmp_path, 2, sockets) as two,
    ):
        await one.until_rejected("tls")
        await two.until_rejected("frame")

        assert (one.heard.messages, two.heard.messages) == ([], [])


async def test_members_come_and_go(tmp_path: Path) -> None:
    """A member named later is linked with; one removed is not, and is refused."""
    async with AsyncExitStack() as stack:
        found = {n: stack.enter_context(listening()) for n in (1, 2)}
        one = await stack.enter_async_context(node(tmp_path, 1, {1: found[1]}))
        two = await stack.enter_async_context(node(tmp_path, 2, found))
        await one.until_rejected("member")
        one.links.add_peer(Peer(2, *address(found[2]), "n2"))
        await linked(one, two, heartbeat(to=2, from_=1))
        await linked(two, one, heartbeat(to=1, from_=2))
        before = one.links.rejected["member"]
        one.links.remove_peer(2)
        await two.heard.until(lambda: bool(two.heard.unreachable))
        two.links.send([heartbeat(to=1, from_=2)])
        await one.until_rejected("member", times=before + 1)

        assert one.heard.messages == []


def test_a_member_is_not_its_own_peer(tmp_path: Path) -> None:
    """A list of peers that names the member itself is a mistake in the settings."""
    with pytest.raises(ConfigError, match="member 1 is told to link with itself"):
        RaftTcp(
            cluster="test",
            me=1,
            disk_id=disk_of(1),
            peers=[Peer(1, "localhost", 1, "n1")],
            security=PlainTcp(),
            known_disks=tmp_path / "disks.json",
        )


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    """Missing certificates are found before a link is opened."""
    security = MutualTls(tmp_path / "ca.pem", tmp_path / "n1.pem", tmp_path / "n1.key")

    with pytest.raises(ConfigError, match=r"ca\.pem"):
        RaftTcp(
            cluster="test", me=1, disk_id=disk_of(1), peers=[], security=security, known_disks=tmp_path / "disks.json"
        )
