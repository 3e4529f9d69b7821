"""The guards that run inside Redis: each scenario holds with the functions as they are, and not with one edited out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from redis.asyncio import Redis

from dojopool.adapters.redis_store import RedisStore
from dojopool.adapters.redis_views import RedisViews
from dojopool.local.stack import RedisServer
from guards.fencing import REDIS_GUARDS
from guards.result import Guard, Result
from support.servers import own_redis

pytestmark = pytest.mark.stack

EACH = pytest.mark.parametrize("guard", REDIS_GUARDS, ids=lambda guard: guard.name)
PREFIX = "guards"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server of this module's own: its functions are changed, which every client of it would notice."""
    with own_redis(tmp_path_factory) as started:
        yield started


@pytest.fixture
async def admin(server: RedisServer) -> AsyncIterator[Redis]:
    """A plain client of the empty server."""
    async with Redis.from_url(server.url) as client:
        await client.flushall()
        yield client


async def played(guard: Guard, server: RedisServer, admin: Redis) -> Result:
    """What the guard's scenario ends with on this server."""

    async def copy() -> Callable[[], Awaitable[None]]:
        held = {key: await admin.dump(key) for key in await admin.keys()}

        async def back() -> None:
            for key in await admin.keys():
                await admin.delete(key)
            for key, value in held.items():
                assert value is not None
                await admin.restore(key, 0, value)

        return back

    async with (
        RedisStore.open(server.url, prefix=PREFIX) as store,
        RedisViews.open(server.url, prefix=PREFIX) as views,
    ):
        return await guard.scenario(store, views, copy)


@EACH
async def test_the_sound_functions_hold(guard: Guard, server: RedisServer, admin: Redis) -> None:
    """What readers see in the end is what the oracle says."""
    result = await played(guard, server, admin)

    assert result.holds, result


@EACH
async def test_the_broken_functions_are_caught(
    guard: Guard, server: RedisServer, admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the guard edited out of the functions, the same scenario loses something."""
    guard.patch(monkeypatch)
    result = await played(guard, server, admin)

    assert (result.holds, result.harm) == (False, guard.harm), result
