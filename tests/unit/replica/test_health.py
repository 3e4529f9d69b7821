"""The replica's own address, on a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from dojopool.errors import ConfigError, Unavailable
from dojopool.replica.health import health_app, serve
from dojopool.replica.status import Report

LOOPBACK = "127.0.0.1"
NOT_READY = Report(is_ready=False, owned=(0, 2), problems=("partition 1: is being taken over",))
READY = Report(is_ready=True, owned=(0, 1, 2), problems=())


class Told:
    """A report that changes."""

    def __init__(self) -> None:
        self.report = NOT_READY

    def __call__(self) -> Report:
        return self.report


@pytest.fixture
def told() -> Told:
    """What the replica reports."""
    return Told()


@pytest.fixture
async def client(told: Told) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the served address."""
    app = health_app(told, lambda: ("text/plain; version=0.0.4", b"dojo_up 1\n"))
    async with (
        serve(app, host=LOOPBACK, port=0) as port,
        httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as client,
    ):
        yield client


async def test_liveness_asks_for_nothing_else(client: httpx.AsyncClient) -> None:
    """A replica that is not ready is alive: it must not be restarted for what it waits for."""
    answer = await client.get("/livez")

    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_readiness_says_what_stands_in_the_way(client: httpx.AsyncClient, told: Told) -> None:
    """Not ready is 503, ready 200, each with what is held and what is wrong."""
    before = await client.get("/readyz")
    told.report = READY
    after = await client.get("/readyz")

    assert (before.status_code, before.json()) == (
        503,
        {"ready": False, "partitions": [0, 2], "problems": ["partition 1: is being taken over"]},
    )
    assert (after.status_code, after.json()) == (200, {"ready": True, "partitions": [0, 1, 2], "problems": []})


async def test_metrics_are_handed_out(client: httpx.AsyncClient) -> None:
    """A scrape gets what the observer exposes, under its content type."""
    answer = await client.get("/metrics")

    assert (answer.text, answer.headers["content-type"]) == (
        "dojo_up 1\n",
        "text/plain; version=0.0.4; charset=utf-8",
    )


async def test_an_address_that_is_taken_is_named(told: Told) -> None:
    """The error names the address and what to do."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"cannot listen on {LOOPBACK}:{port}: .* set another port"):
            async with serve(health_app(told, lambda: ("", b"")), host=LOOPBACK, port=port):
                pass


async def test_what_ends_the_program_passes_as_it_is(told: Told) -> None:
    """An error raised while serving leaves as itself, so that the command line finds its exit code."""
    with pytest.raises(ConfigError, match=r"^another number of partitions$"):
        async with serve(health_app(told, lambda: ("", b"")), host=LOOPBACK, port=0):
            raise ConfigError("another number of partitions")


async def test_the_address_is_free_again_afterwards(told: Told) -> None:
    """On return nobody listens any more, also when a client has kept its connection open."""
    app = health_app(told, lambda: ("", b""))
    async with httpx.AsyncClient(trust_env=False) as client:
        async with serve(app, host=LOOPBACK, port=0) as port:
            await client.get(f"http://{LOOPBACK}:{port}/livez")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(LOOPBACK, port)
