"""One member of a dojopool Raft group, for bench_raft.py: fsync on, mutual TLS on, everything else as shipped.

`run_raft.py JSON` with `me`, `port`, `peers` (id -> port to dial), `folder` and `certificates`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import socket
import sys
import time
from pathlib import Path
from typing import Any

from raft_child import COMMAND, answer, figures

from dojopool.adapters.logs import set_up_logging
from dojopool.adapters.raft_disk import RaftDisk
from dojopool.adapters.raft_link import Peer
from dojopool.adapters.raft_tcp import RaftTcp
from dojopool.adapters.raft_tls import MutualTls
from dojopool.core.raft.options import Options
from dojopool.core.raft.sessions import Command, CommandKind
from dojopool.raft_runtime.config import Pace
from dojopool.raft_runtime.driver import Driver, recovered
from dojopool.raft_runtime.member import Member
from dojopool.raft_runtime.replicated import founding
from dojopool.raft_runtime.results import Outcome

CLUSTER = "bench"
PACE = Pace()
PLAIN = Command(CommandKind.PLAIN, payload=COMMAND)


class Counter:
    """Counts commands."""

    def __init__(self) -> None:
        self.counted = 0

    def apply(self, index: int, command: bytes) -> bytes:
        """Count one."""
        self.counted += len(command) > 0
        return b""

    def snapshot(self) -> bytes:
        """The count."""
        return b"%d" % self.counted

    def restore(self, data: bytes) -> None:
        """Take a count."""
        self.counted = int(data)


class Measured:
    """The member, and what the parent asks of it."""

    def __init__(self, driver: Driver, counter: Counter, links: RaftTcp) -> None:
        self._driver, self._counter, self._links = driver, counter, links
        self.led_since_s = 0.0

    def status(self) -> dict[str, Any]:
        """See raft_child."""
        status = self._driver.member.node.status()
        return {
            "leads": self._driver.member.is_leader,
            "led_since_s": self.led_since_s,
            "applied": status.applied,
            "has_leader": status.leader != 0,
            "counted": self._counter.counted,
            "rejected": dict(self._links.rejected),
        }

    async def load(self, *, outstanding: int, seconds: float) -> dict[str, float]:
        """Keep proposals under way, each as an application would: it waits for one, then makes the next."""
        latencies: list[float] = []
        failed = 0
        begun, cpu = time.monotonic(), time.process_time()

        async def one_after_another() -> None:
            nonlocal failed
            ended = begun
            while ended - begun < seconds:
                started = time.monotonic()
                result = await self._driver.propose(PLAIN)
                ended = time.monotonic()
                if result.outcome is not Outcome.COMMITTED:
                    failed += 1
                    return
                latencies.append(ended - started)

        async with asyncio.TaskGroup() as group:
            for _ in range(outstanding):
                group.create_task(one_after_another())
        took_s = time.monotonic() - begun
        return figures(latencies, failed, seconds=took_s) | {"cpu_s": time.process_time() - cpu}

    async def pace(self, *, per_second: float, seconds: float) -> dict[str, float]:
        """Propose at even distances."""
        begun = time.monotonic()
        latencies: list[float] = []
        failed = 0

        async def one(at: float) -> None:
            nonlocal failed
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            started = time.monotonic()
            if (await self._driver.propose(PLAIN)).outcome is Outcome.COMMITTED:
                latencies.append(time.monotonic() - started)
            else:
                failed += 1

        async with asyncio.TaskGroup() as group:
            for number in range(int(per_second * seconds)):
                group.create_task(one(begun + number / per_second))
        return figures(latencies, failed, seconds=time.monotonic() - begun)

    async def watch(self) -> None:
        """Note when this member begins to lead."""
        while True:
            if not self._driver.member.is_leader:
                self.led_since_s = 0.0
            elif not self.led_since_s:
                self.led_since_s = time.monotonic()
            await asyncio.sleep(0.005)

    async def obey(self) -> None:
        """Do what the parent says until it closes the input."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            order = json.loads(line)
            match order.pop("do"):
                case "status":
                    answer(self.status())
                case "load":
                    answer(await self.load(**order))
                case "pace":
                    answer(await self.pace(**order))
                case other:
                    raise SystemExit(f"nobody can {other!r}")


async def main() -> None:
    """See the module."""
    set_up_logging("json")
    given = json.loads(sys.argv[1])
    me, folder, certificates = given["me"], Path(given["folder"]), Path(given["certificates"])
    peers = [Peer(int(id_), "127.0.0.1", port, f"n{id_}") for id_, port in given["peers"].items()]
    async with RaftDisk.opened(folder, cluster=CLUSTER, node=me) as disk:
        counter = Counter()
        stored = await recovered(disk, founding(counter, voters=[me, *(peer.id for peer in peers)]))
        member = Member(Options(id=me), stored=stored, machine=counter, draw=random.SystemRandom().randrange)
        links = RaftTcp(
            cluster=CLUSTER,
            me=me,
            disk_id=disk.disk_id,
            peers=peers,
            security=MutualTls(certificates / "ca.pem", certificates / f"n{me}.pem", certificates / f"n{me}.key"),
            known_disks=folder.with_suffix(".disks.json"),
        )
        driver = Driver(member, storage=disk, links=links, pace=PACE, now_s=time.monotonic)
        measured = Measured(driver, counter, links)
        gc.collect()
        gc.freeze()
        async with asyncio.TaskGroup() as group:
            with socket.create_server(("127.0.0.1", given["port"]), reuse_port=False) as listening:
                running = [
                    group.create_task(links.run(listening, driver.events)),
                    group.create_task(driver.run()),
                    group.create_task(measured.watch()),
                ]
                await measured.obey()
                for task in running:
                    task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
