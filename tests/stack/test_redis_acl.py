"""`deploy/redis.acl` on a real server: each program can do its work and nothing else, and nobody is anonymous."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from contracts.batches import Owner, change, eu, stored_states
from dojopool.adapters.redis_store import RedisStore
from dojopool.adapters.redis_views import RedisViews
from dojopool.errors import ConfigError
from dojopool.local.stack import RedisServer
from support.acls import REDIS_ACL, GuardedRedis, redis_url_of
from support.servers import own_redis

pytestmark = pytest.mark.stack

PROGRAMS: Final = ("sdk", "replica", "operator")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with the users of the file."""
    with own_redis(tmp_path_factory, GuardedRedis) as started:
        yield started


@pytest.fixture
async def root(server: RedisServer) -> AsyncIterator[Redis]:
    """The empty server, by a user who may do everything."""
    async with Redis.from_url(redis_url_of(server.url, "root")) as client:
        await client.flushall()
        await client.function_flush()
        yield client


async def test_a_replica_can_do_its_work(server: RedisServer, root: Redis) -> None:
    """On an empty server too: functions are loaded, partitions claimed, written, read back, forgotten."""
    async with RedisStore.open(redis_url_of(server.url, "replica"), prefix="dojo") as store:
        await store.check(partitions=4)
        owner = await Owner.claim(store)
        await owner.write(eu(5), change("m-1", phase="live"))
        await store.put_status({"partitions": b"4"})
        assert await stored_states(store) == {"m-1": b"state"}
        await store.check(partitions=4)
        assert await store.reset(0, epoch=owner.head.epoch)
        await root.function_flush()
        await Owner.claim(store)


async def test_a_reader_can_do_its_work(server: RedisServer, root: Redis) -> None:
    """Views, lists, changes and the status."""
    async with RedisStore.open(redis_url_of(server.url, "replica"), prefix="dojo") as store:
        await (await Owner.claim(store)).write(eu(5), change("m-1", phase="live"))
        await store.put_status({"partitions": b"4"})
    async with RedisViews.open(redis_url_of(server.url, "sdk"), prefix="dojo") as views:
        assert await views.view(0, "m-1") == {"phase": b'"live"'}
        assert [match for match, _ in await views.matches(0, limit=5)] == ["m-1"]
        assert await views.last_change(0) != "0-0"
        assert len(await views.changes(0, after="0-0", timeout_ms=10)) == 1
        assert await views.status() == {"partitions": b"4"}


async def test_an_operator_can_do_its_work(server: RedisServer, root: Redis) -> None:
    """What `dojo status` and `dojo rebuild` ask for."""
    url = redis_url_of(server.url, "operator")
    async with RedisStore.open(url, prefix="dojo") as store, RedisViews.open(url, prefix="dojo") as views:
        await store.check(partitions=4)
        head = await store.claim(0, owner="operator")
        assert await store.reset(0, epoch=head.epoch)
        assert await views.status() == {}


Act = Callable[[Redis], Awaitable[object]]


def raw(client: Redis, *words: str) -> Awaitable[object]:
    """A command that the client has no method for."""
    answer: Awaitable[object] = client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py left it untyped
    return answer


FORBIDDEN: Final[dict[str, Act]] = {
    "FLUSHALL": lambda client: client.flushall(),
    "CONFIG SET": lambda client: client.config_set("maxmemory-policy", "allkeys-lru"),
    "CONFIG GET": lambda client: client.config_get("requirepass"),
    "KEYS": lambda client: client.keys("*"),
    "DEL": lambda client: client.delete("dojo:status"),
    "EVAL": lambda client: client.eval("return 1", 0),
    "FUNCTION FLUSH": lambda client: client.function_flush(),
    "FUNCTION DELETE": lambda client: client.function_delete("dojo"),
    "ACL SETUSER": lambda client: client.acl_setuser("other", enabled=True, nopass=True),
    "ACL LIST": lambda client: client.acl_list(),
    "SHUTDOWN": lambda client: raw(client, "SHUTDOWN", "NOSAVE"),
    "REPLICAOF": lambda client: raw(client, "REPLICAOF", "NO", "ONE"),
    "MONITOR": lambda client: raw(client, "MONITOR"),
    "PUBLISH": lambda client: client.publish("dojo", "x"),
    "a foreign key": lambda client: client.hgetall("other:status"),
    "writing a foreign key": lambda client: client.hset("other:status", "region", "x"),
    "the private state": lambda client: client.hgetall("dojo:{0}:state"),
    "writing a view": lambda client: client.hset("dojo:{0}:match:m-1", "phase", "x"),
    "writing the status": lambda client: client.hset("dojo:status", "region", "x"),
    "writing the state": lambda client: client.hset("dojo:{0}:state", "@epoch", "1"),
    "loading functions": lambda client: client.function_load(
        "#!lua name=other\nredis.register_function('other', function() return 1 end)"
    ),
    "claiming": lambda client: client.fcall("dojo_claim", 1, "dojo:{0}:state", "x"),
}
"""What at least one program must not do."""

ALLOWED: Final = {
    ("replica", "writing a view"),
    ("replica", "writing the status"),
    ("replica", "writing the state"),
    ("replica", "loading functions"),
    ("replica", "claiming"),
    ("operator", "the private state"),
    ("operator", "writing the state"),
    ("operator", "loading functions"),
    ("operator", "claiming"),
}
"""Where the table has an exception, because it is that program's work."""


@pytest.mark.parametrize("what", FORBIDDEN)
@pytest.mark.parametrize("program", PROGRAMS)
async def test_every_cell_of_the_table(server: RedisServer, root: Redis, program: str, what: str) -> None:
    """Whatever is not a program's work is refused to it, by name."""
    async with RedisStore.open(redis_url_of(server.url, "replica"), prefix="dojo") as store:
        await (await Owner.claim(store)).write(eu(5), change("m-1", phase="live"))
    async with Redis.from_url(redis_url_of(server.url, program)) as client:
        if (program, what) in ALLOWED:
            await FORBIDDEN[what](client)
        else:
            with pytest.raises(NoPermissionError):
                await FORBIDDEN[what](client)


@pytest.mark.parametrize("program", ["sdk", "operator"])
async def test_functions_give_no_more_rights_than_their_caller_has(
    server: RedisServer, root: Redis, program: str
) -> None:
    """A batch is a replica's to write: the function is not the caller's way around the rules."""
    async with RedisStore.open(redis_url_of(server.url, "replica"), prefix="dojo") as store:
        batch = (await Owner.claim(store)).batch(eu(5), change("m-1", phase="live"))
    async with Redis.from_url(redis_url_of(server.url, program)) as client:
        store = RedisStore(client, prefix="dojo", place="here")
        with pytest.raises(ConfigError, match="refused our user"):
            await store.write(batch)
    assert await root.exists("dojo:{0}:match:m-1") == 0


async def test_nobody_is_anonymous(server: RedisServer, root: Redis) -> None:
    """Without a login, or with a wrong password, nothing is answered."""
    async with Redis.from_url(server.url) as client:
        with pytest.raises(AuthenticationError):
            await client.ping()
    with pytest.raises(ConfigError, match="refused our user or password"):
        async with RedisStore.open(server.url.replace("://", "://dojo-replica:wrong@"), prefix="dojo"):
            pass


async def test_as_shipped_nobody_can_log_in(root: Redis) -> None:
    """The file holds no password that somebody could forget to change: every user waits for one of its own."""
    lines = REDIS_ACL.read_text().splitlines()

    assert [line.split()[1] for line in lines] == ["default", *(f"dojo-{program}" for program in PROGRAMS)]
    assert all(" resetpass " in line and not {">", "#", "nopass"} & set(line.split()) for line in lines[1:])
    assert lines[0] == "user default off"
