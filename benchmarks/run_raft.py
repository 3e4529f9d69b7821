"""One member of a dojopool Raft group, for bench_raft.py: fsync on, mutual TLS on, everything else as shipped.

`run_raft.py JSON` with `me`, `port`, `peers` (id -> port to dial), `folder` and `certificates`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

from raft_child import COMMAND, answer, figures

from dojopool.adapters.logs import set_up_logging
from dojopool.core.raft.sessions import Command, CommandKind
from dojopool.raft_runtime.driver import Driver
from dojopool.raft_runtime.results import Outcome
from dojopool.raft_runtime.wiring import running_member
from dojopool.settings import RaftSettings

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

    def __init__(self, driver: Driver, counter: Counter) -> None:
        self._driver, self._counter = driver, counter
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


def settings(given: dict[str, Any]) -> RaftSettings:
    """Those of the member; everything that is not named is as shipped."""
    certificates, me = Path(given["certificates"]), f"n{given['me']}"
    ports = {str(given["me"]): given["port"], **given["peers"]}
    return RaftSettings.load(
        data_dir=Path(given["folder"]),
        raft_peers=",".join(f"n{id_}={id_}@127.0.0.1:{port}" for id_, port in ports.items()),
        raft_node=me,
        raft_ca=certificates / "ca.pem",
        raft_cert=certificates / f"{me}.pem",
        raft_key=certificates / f"{me}.key",
    )


async def main() -> None:
    """See the module."""
    set_up_logging("json")
    counter = Counter()
    async with running_member(settings(json.loads(sys.argv[1])), counter) as driver:
        measured = Measured(driver, counter)
        gc.collect()
        gc.freeze()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(measured.watch())
            await measured.obey()
            watching.cancel()


if __name__ == "__main__":
    asyncio.run(main())
