"""`dojo` commands as processes of their own, for tests that kill them as a machine's failure would.

Whatever a test does, every process is ended when the context ends, by its own handle. What a process printed is in a
file, and the end of it goes along with an error that leaves the context, since the reason for a failure seen from
outside is in there.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from dojopool.local.stack import Stack
from dojopool.local.stack.process import log_tail
from dojopool.replica.failpoints import Point

DOJO = (sys.executable, "-m", "dojopool")
POLL_S = 0.1
READY_S = 60.0
"""From the start of the interpreter to its address in the log; 1 s on an idle machine."""

ANSWER_S = 20.0
"""A health check answers at once; this is for a machine with too much to do."""

EXIT_S = 20.0
"""A replica that is told to stop settles its writes and leaves its group first."""


class Program:
    """One `dojo` process that runs on, with a line of JSON per log event. Start it through `Programs`."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, *, log_path: Path, client: httpx.AsyncClient
    ) -> None:
        self.name = name
        self.log_path = log_path
        self._process = process
        self._client = client
        self._address = ""

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    async def kill(self) -> None:
        """End it as a failing machine would (SIGKILL); it is gone on return."""
        self._process.kill()
        await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP freezes it, SIGCONT lets it go on."""
        self._process.send_signal(number)

    async def stop(self) -> int:
        """Ask it to end (SIGTERM) and return its exit code."""
        self.signal(signal.SIGTERM)
        async with asyncio.timeout(EXIT_S):
            return await self._process.wait()

    async def owned(self) -> frozenset[int]:
        """The partitions it holds when `/readyz` says that all is well, else none."""
        answer = await self.get("/readyz")
        return frozenset(answer.json()["partitions"]) if answer.status_code == httpx.codes.OK else frozenset()

    async def is_at_work(self) -> bool:
        """Whether it holds partitions and has stored events."""
        return bool(await self.owned()) and await self.total("dojo_replica_events_total") > 0

    async def total(self, metric: str) -> int:
        """A counter of `/metrics`, over all its labels."""
        lines = (await self.get("/metrics")).text.splitlines()
        return sum(
            int(float(line.rpartition(" ")[2])) for line in lines if line.startswith((f"{metric}{{", f"{metric} "))
        )

    async def get(self, path: str) -> httpx.Response:
        """What its own address answers."""
        self._address = self._address or await self._find_address()
        return await self._client.get(self._address + path)

    async def _find_address(self) -> str:
        """The address it chose; it is in its log."""
        now = asyncio.get_running_loop().time
        deadline = now() + READY_S
        while self.is_running and now() < deadline:
            for line in self.lines():
                if line["event"] == "serving health and metrics":
                    return f"http://{line['host']}:{line['port']}"
            await asyncio.sleep(POLL_S)
        state = "is still silent" if self.is_running else f"ended with code {self._process.returncode}"
        raise AssertionError(f"{self.name} {state} and has not told its address within {READY_S:g} s")

    def lines(self) -> list[dict[str, Any]]:
        """Its log so far; a line that is still being written, or is no JSON, is left out."""
        lines = self.log_path.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


@dataclass(frozen=True, slots=True)
class HeldProgram:
    """A process with an armed failpoint."""

    program: Program
    point: Point
    file: Path

    async def is_reached(self) -> bool:
        """Whether it has come to its failpoint and stands there. A process that ended without is a failure."""
        is_there = self.file.exists()
        assert is_there or self.program.is_running, f"{self.program.name} ended and never came to {self.point}"
        return is_there


class Programs:
    """The `dojo` processes of one test, all with the same settings. Made by `programs`."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, client: httpx.AsyncClient) -> None:
        self._folder = folder
        self._client = client
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("DOJO_")} | {
            **settings,
            "DOJO_DATA_DIR": str(folder),
            "DOJO_LOG": "json",
        }
        self._started: list[Program] = []

    async def replica(self, name: str, *, region: str, **settings: str) -> Program:
        """Start a `dojo replica` of a region, with more settings of its own; it is not ready yet."""
        return await self.program("replica", name, DOJO_REGION=region, **settings)

    async def held_replica(self, name: str, *, region: str, point: Point) -> HeldProgram:
        """Start a `dojo replica` of a region that stands still as soon as it comes to a failpoint."""
        return await self.held("replica", name, point=point, DOJO_REGION=region)

    async def program(self, command: str, name: str, **settings: str) -> Program:
        """Start a `dojo` command that runs on and serves its health; it is not ready yet."""
        return await self._start(name, [command], {"DOJO_METRICS": "0", **settings})

    async def held(self, command: str, name: str, *, point: Point, **settings: str) -> HeldProgram:
        """Start such a command so that it stands still as soon as it comes to a failpoint."""
        file = self._folder / f"{name}.reached"
        armed = await self.program(command, name, DOJO_FAILPOINT=f"{point}:{file}", DOJO_TESTING="true", **settings)
        return HeldProgram(armed, point, file)

    async def run(self, *words: str) -> None:
        """Run a command to its end. Fails unless its exit code is 0."""
        program = await self._start("-".join(words), words, {})
        code = await program._process.wait()
        assert code == 0, f"dojo {' '.join(words)} ended with code {code}"

    async def _start(self, name: str, words: Sequence[str], settings: Mapping[str, str]) -> Program:
        path = self._folder / f"{name}.log"
        with path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *DOJO,
                *words,
                env={**self.environment, **settings},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        program = Program(name, process, log_path=path, client=self._client)
        self._started.append(program)
        return program

    def logs(self) -> str:
        """The end of what each process printed."""
        return "\n".join(f"--- {program.name}\n{log_tail(program.log_path)}" for program in self._started)

    async def end(self) -> None:
        """End what still runs, at once."""
        for program in self._started:
            if program.is_running:
                await program.kill()


@asynccontextmanager
async def programs(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Programs]:
    """Start `dojo` processes with `settings` as their whole `DOJO_` environment; all have ended with the context."""
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S) as client:
        started = Programs(folder, settings, client=client)
        try:
            yield started
        except BaseException as error:  # the reason is in the processes' logs, whatever it looked like from here
            error.add_note(started.logs())
            raise
        finally:
            await started.end()


def stack_settings(stack: Stack, *, prefix: str) -> dict[str, str]:
    """The settings that reach a stack's regions, as `dojo stack up` prints them, with a prefix."""
    return {
        "DOJO_PREFIX": prefix,
        "DOJO_REGIONS": ",".join(stack.brokers),
        "DOJO_PARTITIONS": str(stack.layout.partitions),
        "DOJO_KAFKA": ",".join(f"{region}={broker.bootstrap}" for region, broker in stack.brokers.items()),
        "DOJO_REDIS": ",".join(f"{region}={server.url}" for region, server in stack.redis.items()),
    }
