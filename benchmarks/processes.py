"""Measured programs as processes of their own, with the same clean environment for all."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from builds import ROOT, Build, clean_environment
from child import READY, peak_mb
from load import PARTITIONS, REGIONS
from redis.asyncio import Redis
from servers import Servers

from dojopool.adapters.redis_keys import Keys
from dojopool.local.stack.process import log_tail

READY_S_MAX = 60.0
STOP_S_MAX = 30.0
POLL_S = 0.02


class Program:
    """A process that runs on, such as `dojo replica`."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process, self._log = process, log
        self._seen = psutil.Process(process.pid)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def cpu_s(self) -> float:
        """CPU seconds of all its threads so far, in steps of 10 ms."""
        used = self._seen.cpu_times()
        return float(used.user + used.system)

    def peak_mb(self) -> float:
        """Its largest resident size so far."""
        return peak_mb(self.pid)

    def resident_mb(self) -> float:
        """Its resident size now."""
        return float(self._seen.memory_info().rss) / 2**20

    def has_mapped(self, module: str) -> bool:
        """Whether it has loaded a library of an extension module."""
        return any(f"/{module}" in mapped.path for mapped in self._seen.memory_maps())

    def logged(self, event: str) -> list[str]:
        """The lines of its log that tell of `event`."""
        return [line for line in self._log.read_text().splitlines() if f'"{event}"' in line]

    def check(self) -> None:
        """Fail with the end of its log when it has ended."""
        if self._process.returncode is not None:
            raise SystemExit(f"a program ended with code {self._process.returncode}:\n{log_tail(self._log)}")

    async def kill(self) -> None:
        """End it as a failing machine would."""
        self._process.kill()
        await self._process.wait()

    async def ready(self) -> None:
        """Wait until a script says that it is ready, and let it go."""
        assert self._process.stdout is not None, "scripts are started with pipes"
        async with asyncio.timeout(READY_S_MAX):
            line = await self._process.stdout.readline()
        if not line:
            await self._process.wait()
            self.check()
        assert json.loads(line) == READY, f"a script began with {line!r}"

    async def go(self) -> None:
        """Let a script that is ready begin."""
        assert self._process.stdin is not None, "scripts are started with pipes"
        self._process.stdin.write(b"go\n")
        await self._process.stdin.drain()

    async def finish(self) -> None:
        """End a script's input, which it takes as the word to end."""
        assert self._process.stdin is not None, "scripts are started with pipes"
        self._process.stdin.close()

    async def result(self, *, timeout_s: float) -> Any:
        """The figures that a script prints in the end. Fails when it ends without."""
        assert self._process.stdout is not None, "scripts are started with pipes"
        async with asyncio.timeout(timeout_s):
            text = await self._process.stdout.read()
            await self._process.wait()
        if self._process.returncode:
            self.check()
        return json.loads(text.splitlines()[-1])


@asynccontextmanager
async def started(build: Build, *words: str, environment: Mapping[str, str]) -> AsyncIterator[Program]:
    """Run `python words...` of a build. It is asked to end on exit, and killed when it does not."""
    with tempfile.TemporaryDirectory(prefix="dojo-bench-log-") as folder:
        log = Path(folder) / "stderr.log"
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                build.python,
                *words,
                env=clean_environment() | dict(build.environment) | dict(environment),
                cwd=ROOT / "benchmarks",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        try:
            yield Program(process, log)
        except BaseException as error:  # the reason is in its log, whatever it looked like from here
            error.add_note(log_tail(log))
            raise
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def settings(servers: Servers, prefix: str) -> dict[str, str]:
    """What `dojo` programs of region eu find in their environment; everything else is as shipped."""
    return {
        "DOJO_REGION": "eu",
        "DOJO_REGIONS": ",".join(REGIONS),
        "DOJO_KAFKA": servers.bootstrap,
        "DOJO_REDIS": servers.redis_url,
        "DOJO_PREFIX": prefix,
        "DOJO_PARTITIONS": str(PARTITIONS),
        "DOJO_LOG": "json",
    }


@asynccontextmanager
async def replicas(build: Build, count: int, servers: Servers, prefix: str) -> AsyncIterator[list[Program]]:
    """`count` processes of `dojo replica`, as shipped."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                started(build, "-m", "dojopool", "replica", environment=settings(servers, prefix))
            )
            for _ in range(count)
        ]


async def claimed(redis: Redis, prefix: str, programs: Sequence[Program]) -> None:
    """Wait until each of the replicas owns as many partitions as the others, and together they own all."""
    async with asyncio.timeout(READY_S_MAX):
        while sorted((await owners(redis, prefix)).values()) != sorted(
            programs[number % len(programs)].pid for number in range(PARTITIONS)
        ):
            for program in programs:
                program.check()
            await asyncio.sleep(POLL_S)


async def owners(redis: Redis, prefix: str) -> dict[int, int]:
    """The process that claimed each partition last; one that nobody claimed is left out."""
    found: dict[int, int] = {}
    for number in range(PARTITIONS):
        owner: Any = await redis.hget(Keys(prefix).state(number), "@owner")
        if owner is not None:
            found[number] = pid_of(owner)
    return found


def pid_of(owner: bytes) -> int:
    """The process in the name of an owner, `host/pid/incarnation`."""
    return int(owner.split(b"/")[1])
