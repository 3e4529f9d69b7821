"""A group as it is deployed: settings, real disks, mutual TLS on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from dojopool.errors import ConfigError
from dojopool.local.certificates import make_certificates
from dojopool.raft_runtime.driver import Driver
from dojopool.raft_runtime.results import Outcome
from dojopool.raft_runtime.wiring import running_member
from dojopool.settings import RaftSettings
from support.raft_groups import Ledger, plain
from support.raft_running import DEADLINE_S

NAMES = ("eu-1", "us-1", "ap-1")


@pytest.fixture
def peers() -> Iterator[str]:
    """DOJO_RAFT_PEERS with ports of loopback that nobody else gets while the test lasts."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in NAMES]
        for each in held:  # bound and not listening: a server may bind it too, a port chosen at random may not be it
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in held]
        yield ",".join(
            f"{name}={id_}@127.0.0.1:{port}" for id_, (name, port) in enumerate(zip(NAMES, ports, strict=True), 1)
        )


def settings(folder: Path, name: str, peers: str) -> RaftSettings:
    """Those of one member, with its own files."""
    return RaftSettings.load(
        data_dir=folder / name,
        raft_peers=peers,
        raft_node=name,
        raft_tick_ms=20,
        raft_prefer="ap-1",
        raft_ca=folder / "ca.pem",
        raft_cert=folder / f"{name}.pem",
        raft_key=folder / f"{name}.key",
    )


async def committed(drivers: list[Driver], command: bytes) -> int:
    """Propose to one after the other until it is committed; the index."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            for driver in drivers:
                result = await driver.propose(plain(command))
                if result.outcome is Outcome.COMMITTED:
                    return result.index
            await asyncio.sleep(0.02)  # an election takes several of these


async def test_a_group_is_founded_and_restarts(tmp_path: Path, peers: str) -> None:
    """Three members found a group, commit, end, and go on from their disks with the same state."""
    make_certificates(tmp_path, NAMES)
    machines = [Ledger() for _ in NAMES]
    for commands in ([b"first"], [b"first", b"second"]):
        async with AsyncExitStack() as stack:
            drivers = [
                await stack.enter_async_context(running_member(settings(tmp_path, name, peers), machine))
                for name, machine in zip(NAMES, machines, strict=True)
            ]
            await committed(drivers, commands[-1])
            async with asyncio.timeout(DEADLINE_S):
                while any(each.commands[-1:] != commands[-1:] for each in machines):  # noqa: ASYNC110 - told by nobody
                    await asyncio.sleep(0.02)  # followers hear of a commit with the next heartbeat
            assert [sorted(set(machine.commands)) for machine in machines] == [commands] * 3
        machines = [Ledger() for _ in NAMES]


async def test_an_address_of_another_machine_is_refused(tmp_path: Path, peers: str) -> None:
    """An address that cannot be listened on is named, with the setting to change."""
    make_certificates(tmp_path, NAMES)
    elsewhere = peers.replace("127.0.0.1", "192.0.2.1")

    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:\d+.*DOJO_RAFT_LISTEN"):
        async with running_member(settings(tmp_path, "eu-1", elsewhere), Ledger()):
            pass
