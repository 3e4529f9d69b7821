"""`dojo doctor` on real servers: all is well, or each fault is a line with its fix; nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis
from typer.testing import CliRunner, Result

from dojopool.adapters.redis_probe import probe_redis
from dojopool.cli.main import app
from dojopool.errors import Unavailable
from dojopool.local.stack import RedisServer
from support.servers import own_redis

pytestmark = [pytest.mark.stack, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server of this module's own, to be told things."""
    with own_redis(tmp_path_factory) as started:
        yield started


@pytest.fixture(autouse=True)
def _settings(kafka: str, server: RedisServer, unique_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"REGIONS": "eu,us", "PREFIX": unique_prefix, "PARTITIONS": "2"}
    # One server stands for both regions': what is looked at is each region's address.
    settings["KAFKA"] = f"eu={kafka},us={kafka}"
    settings["REDIS"] = f"eu={server.url},us={server.url}"
    for name, value in settings.items():
        monkeypatch.setenv(f"DOJO_{name}", value)


def doctor(*words: str) -> Result:
    """Run `dojo doctor`."""
    return CliRunner().invoke(app, ["doctor", *words])


def findings(run: Result) -> dict[tuple[str | None, str], dict[str, Any]]:
    """The findings of a run with --json, by region and check."""
    return {(each["region"], each["check"]): each for each in json.loads(run.stdout)["findings"]}


def test_a_deployment_in_order_is_ok(unique_prefix: str, server: RedisServer) -> None:
    """With the topics made, no line is anything but ok, for both regions; and the store is as empty as it was."""
    assert CliRunner().invoke(app, ["topics", "create"]).exit_code == 0
    before = everything(server, unique_prefix)
    run, told = doctor("--json"), doctor()
    found = findings(run)

    assert (run.exit_code, told.exit_code) == (0, 0)
    assert {finding["level"] for finding in found.values()} == {"ok"}
    assert {region for region, _ in found} == {None, "eu", "us"}
    assert "of: replica, sdk, operator" in found["eu", "kafka permissions"]["found"]
    assert "of: replica, sdk, operator" in found["us", "redis permissions"]["found"]
    assert ("us", f"topic {unique_prefix}.events.eu") in found
    assert "the broker takes 1000 to" in found["eu", "session timeout"]["found"]
    assert told.stdout.count("ok ") == len(found)
    assert everything(server, unique_prefix) == before


def everything(server: RedisServer, prefix: str) -> tuple[Any, Any]:
    """Keys and functions of a server."""
    with Redis.from_url(server.url) as client:
        return client.keys(f"{prefix}*"), client.function_list()


def test_every_fault_is_a_line_with_its_fix(
    unique_prefix: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing topics, a broker's minimum, a policy that drops state and a game that is not there, in one run."""
    monkeypatch.setenv("DOJO_SESSION_TIMEOUT_MS", "500")
    monkeypatch.setenv("DOJO_GAME", "nowhere:game")
    with told(server, "maxmemory-policy", "allkeys-lru"), told(server, "appendonly", "no"):
        run, found = doctor(), findings(doctor("--json"))
    by_level = {level: {check for (_, check), each in found.items() if each["level"] == level} for level in
                ("problem", "warning")}  # fmt: skip

    assert run.exit_code == 1
    assert {"game", "session timeout", "redis eviction", f"topic {unique_prefix}.modes"} <= by_level["problem"]
    assert by_level["warning"] == {"redis persistence"}
    assert "set DOJO_SESSION_TIMEOUT_MS=1000" in run.stdout
    assert "`dojo topics create`" in run.stdout


@contextmanager
def told(server: RedisServer, name: str, value: str) -> Iterator[None]:
    """A setting of the server, for a while."""
    with Redis.from_url(server.url) as client:
        before = client.config_get(name)[name]
        client.config_set(name, value)
        yield
        client.config_set(name, before)


def test_a_server_that_is_down_hides_nothing_of_the_others(
    server: RedisServer, kafka: str, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line names the address; the other servers' lines are there."""
    monkeypatch.setenv("DOJO_REDIS", f"eu=redis://127.0.0.1:{unused_tcp_port},us={server.url}")
    run = doctor("--json")
    found = findings(run)

    assert run.exit_code == 1
    assert found["eu", "redis"]["level"] == "problem"
    assert str(unused_tcp_port) in found["eu", "redis"]["found"]
    assert found["us", "redis"]["level"] == found["eu", "kafka"]["level"] == "ok"


def test_a_redis_of_other_partitions_is_named(server: RedisServer, unique_prefix: str) -> None:
    """The number is fixed for the life of a deployment."""
    with Redis.from_url(server.url) as client:
        client.hset(f"{unique_prefix}:status", "partitions", "8")
    found = findings(doctor("--json"))

    assert "DOJO_PARTITIONS=8" in found["eu", "redis state"]["fix"]


async def test_the_probe_of_a_silent_redis_is_unavailable(unused_tcp_port: int) -> None:
    """It says what it was doing, and where."""
    with pytest.raises(Unavailable, match=f"asking for its settings.*{unused_tcp_port}"):
        await probe_redis(f"redis://127.0.0.1:{unused_tcp_port}", prefix="dojo")
