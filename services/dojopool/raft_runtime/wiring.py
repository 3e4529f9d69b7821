"""A member of a Raft group on its real disk, links and clock."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dojopool.adapters.raft_disk import RaftDisk
from dojopool.adapters.raft_link import Peer
from dojopool.adapters.raft_tcp import RaftTcp
from dojopool.adapters.raft_tls import MutualTls, PlainTcp, Security
from dojopool.core.raft.options import Options
from dojopool.errors import ConfigError
from dojopool.raft_runtime.config import Pace, Plan, Preference
from dojopool.raft_runtime.driver import Driver, recovered
from dojopool.raft_runtime.member import Member
from dojopool.raft_runtime.replicated import StateMachine, founding
from dojopool.settings import RaftSettings


@asynccontextmanager
async def running_member(settings: RaftSettings, machine: StateMachine) -> AsyncIterator[Driver]:
    """Run a member until the end of the context; its directory is `raft` in the data directory.

    Raises ConfigError for what cannot be used, CorruptState when what is stored is damaged. When the disk fails or the
    group contradicts this member, the context ends with that error (in an exception group): end the process.
    """
    me = settings.raft_peers[settings.raft_node]
    plan = Plan(
        preference=Preference({settings.raft_peers[name].id: at for at, name in enumerate(settings.raft_prefer)})
    )
    voters = [member.id for member in settings.raft_peers.values()]
    directory = settings.data_dir / "raft"
    async with RaftDisk.opened(directory, cluster=settings.prefix, node=me.id) as disk:
        first = None if settings.raft_join else founding(machine, voters=voters, plan=plan)
        member = Member(
            Options(id=me.id, election_ticks=settings.raft_election_ticks),
            stored=await recovered(disk, first),
            machine=machine,
            draw=secrets.randbelow,
            plan=plan,
        )
        links = RaftTcp(
            cluster=settings.prefix,
            me=me.id,
            disk_id=disk.disk_id,
            peers=[
                Peer(other.id, other.host, other.port, name)
                for name, other in settings.raft_peers.items()
                if name != settings.raft_node
            ],
            security=_security(settings),
            known_disks=directory / "peers.json",
        )
        tick_s = settings.raft_tick_ms / 1000
        pace = Pace(tick_s=tick_s, stall_s=tick_s * settings.raft_election_ticks)
        driver = Driver(member, storage=disk, links=links, pace=pace, now_s=time.monotonic)
        with _listening(settings) as listening:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(links.run(listening, driver.events)),
                    tasks.create_task(driver.run()),
                ]
                yield driver
                for task in running:
                    task.cancel()


def _security(settings: RaftSettings) -> Security:
    files = [path for path in (settings.raft_ca, settings.raft_cert, settings.raft_key) if path is not None]
    return PlainTcp() if settings.raft_plaintext else MutualTls(*files)


def _listening(settings: RaftSettings) -> socket.socket:
    at = settings.raft_listen or settings.raft_peers[settings.raft_node]
    try:
        family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        return socket.create_server((at.host, at.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"this member cannot listen on {at.host}:{at.port}: {error}; set DOJO_RAFT_LISTEN to a free address of this"
            " machine"
        ) from error
