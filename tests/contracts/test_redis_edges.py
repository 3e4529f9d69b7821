"""What only a real Redis can provoke: lost data, lost functions, silence, short memory, other users, TLS."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from contracts.batches import Owner, change, eu, stored_states
from contracts.waiting import DEADLINE_S
from dojopool.adapters import redis_client
from dojopool.adapters.redis_store import RedisStore
from dojopool.adapters.redis_views import RedisViews
from dojopool.errors import ConfigError, CorruptState, Unavailable
from dojopool.local.stack import RedisServer
from dojopool.ports import Head, Outcome
from support.certificates import self_signed
from support.servers import own_redis

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server of this module's own, to be emptied, stopped and told things."""
    with own_redis(tmp_path_factory) as started:
        yield started


@pytest.fixture
async def admin(server: RedisServer) -> AsyncIterator[Redis]:
    """A plain client of the server, which is empty and configured as it was started."""
    async with Redis.from_url(server.url) as client:
        await client.config_set("maxmemory", "0")
        await client.config_set("maxmemory-policy", "noeviction")
        await client.flushall()
        yield client


@pytest.fixture
async def store(server: RedisServer, admin: Redis) -> AsyncIterator[RedisStore]:
    """A store on the empty server."""
    async with RedisStore.open(server.url, prefix="edge") as opened:
        yield opened


async def test_a_store_that_was_emptied_says_so(store: RedisStore, admin: Redis) -> None:
    """After FLUSHALL a batch is MOVED, with nothing stored; after a new claim the partition is filled again."""
    owner = await Owner.claim(store)
    await owner.write(eu(5), change("m-1"))
    await admin.flushall()

    assert await store.write(owner.batch(eu(6), change("m-2"))) == (Outcome.MOVED, Head(0, None, None))
    again = await Owner.claim(store)
    assert again.head.epoch > owner.head.epoch
    await again.write(eu(1), change("m-1"))
    assert await stored_states(store) == {"m-1": b"state"}


async def test_an_epoch_is_never_given_twice_though_the_store_forgot_it(store: RedisStore, admin: Redis) -> None:
    """The owner from before a loss cannot write among the writes of the one after it."""
    before = await Owner.claim(store)
    await admin.flushall()
    after = await Owner.claim(store)
    await after.write(eu(5))

    outcome, _ = await store.write(before.batch(eu(5), change("m-1")))

    assert outcome is Outcome.FENCED


async def test_functions_that_went_missing_are_loaded_again(store: RedisStore, admin: Redis) -> None:
    """A server that lost its function library gets it again in the middle of the work."""
    owner = await Owner.claim(store)
    await admin.function_flush()
    await owner.write(eu(1), change("m-1"))

    assert await stored_states(store) == {"m-1": b"state"}


async def test_the_library_is_loaded_only_when_it_differs(store: RedisStore, server: RedisServer, admin: Redis) -> None:
    """Opening a store on a server that has this library writes nothing; another library of the name is replaced."""
    loads = await _calls(admin, "function|load")
    async with RedisStore.open(server.url, prefix="edge"):
        assert await _calls(admin, "function|load") == loads
    other = "#!lua name=dojo\nredis.register_function('dojo_claim', function() return 1 end)"
    await admin.function_load(other, replace=True)
    async with RedisStore.open(server.url, prefix="edge") as opened:
        await (await Owner.claim(opened)).write(eu(1))


async def _calls(admin: Redis, command: str) -> int:
    return int((await admin.info("commandstats")).get(f"cmdstat_{command}", {"calls": 0})["calls"])


async def test_a_batch_may_be_larger_than_the_stack_of_a_script(store: RedisStore, server: RedisServer) -> None:
    """Ten thousand matches, and one match of two thousand fields, are applied whole."""
    owner = await Owner.claim(store)
    wide: dict[str, Any] = {f"field-{number}": number for number in range(2_000)}
    names = [f"m-{number}" for number in range(10_000)]
    await owner.write(eu(1), change("wide", **wide), *(change(name) for name in names))
    async with RedisViews.open(server.url, prefix="edge") as views:
        view = await views.view(0, "wide")
        listed = await views.matches(0, limit=20_000)
        [entry] = await views.changes(0, after="0-0", timeout_ms=10)

    assert view == {name: str(value).encode() for name, value in wide.items()}
    assert len(await stored_states(store)) == len(listed) == len(entry.matches) == 10_001


async def test_a_silent_server_ends_as_unknown_and_the_same_batch_again_is_safe(
    server: RedisServer, admin: Redis
) -> None:
    """A server that stops answering costs one timeout; what it still does with the request is found out afterwards."""
    assert server.process_id is not None
    process = server.process_id.find()
    assert process is not None
    async with _store_with_short_patience(server) as store:
        owner = await Owner.claim(store)
        batch = owner.batch(eu(1), change("m-1"))
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable, match="partition 0"):
                await store.write(batch)
        finally:
            process.send_signal(signal.SIGCONT)
        answers = [(await store.write(batch))[0] for _ in range(2)]

    assert answers[0] in (Outcome.APPLIED, Outcome.ALREADY_STORED)
    assert answers[1] is Outcome.ALREADY_STORED


@asynccontextmanager
async def _store_with_short_patience(server: RedisServer) -> AsyncIterator[RedisStore]:
    client = redis_client.redis_client(server.url, ca=None, connections=2, read_timeout_s=0.3)
    async with client:
        yield RedisStore(client, prefix="edge", place="here")


async def test_a_store_comes_back_with_its_server(store: RedisStore, server: RedisServer, admin: Redis) -> None:
    """While the server is dead writes are Unavailable; started again it holds what its file held, and goes on."""
    owner = await Owner.claim(store)
    await owner.write(eu(1), change("m-1"))
    await server.kill()
    with pytest.raises(Unavailable, match="partition 0"):
        await store.write(owner.batch(eu(2), change("m-2")))
    await server.start()
    await owner.write(eu(2), change("m-2"))

    assert await stored_states(store) == {"m-1": b"state", "m-2": b"state"}


async def test_a_full_server_refuses_a_batch_whole(store: RedisStore, admin: Redis) -> None:
    """Out of memory is Unavailable and changes nothing; with memory the same batch is applied."""
    owner = await Owner.claim(store)
    await owner.write(eu(1), change("m-1"))
    await admin.config_set("maxmemory", "1mb")
    with pytest.raises(Unavailable, match="cannot take writes"):
        await store.write(owner.batch(eu(2), change("m-2")))
    await admin.config_set("maxmemory", "0")

    assert await stored_states(store) == {"m-1": b"state"}
    await owner.write(eu(2), change("m-2"))


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_server_that_evicts_is_refused(store: RedisStore, admin: Redis, policy: str) -> None:
    """Any eviction policy but noeviction could drop state silently, so the store is not used."""
    await store.check(partitions=4)
    await admin.config_set("maxmemory-policy", policy)

    with pytest.raises(ConfigError, match=f"{policy}.*noeviction"):
        await store.check(partitions=4)


async def test_the_policy_is_found_though_config_is_forbidden(server: RedisServer, admin: Redis) -> None:
    """A user that may not run CONFIG learns the policy from INFO."""
    await _make_user(admin, "+@all", "-config")
    async with RedisStore.open(server.url.replace("://", "://app:secret@"), prefix="edge") as store:
        await store.check(partitions=4)
        await admin.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(ConfigError, match="allkeys-lru"):
            await store.check(partitions=4)


async def _make_user(admin: Redis, *rules: str) -> None:
    """The user `app` with the password `secret`, these rules and no others."""
    await admin.acl_setuser("app", enabled=True, reset=True, passwords="+secret", keys=["*"], commands=list(rules))


async def test_a_wrong_password_is_named_without_it(server: RedisServer, admin: Redis) -> None:
    """A login that is refused says where and why, and shows no password."""
    await _make_user(admin, "+@all")
    with pytest.raises(ConfigError) as refused:
        async with RedisStore.open(server.url.replace("://", "://app:hidden@"), prefix="edge"):
            pass

    assert server.url.removeprefix("redis://") in str(refused.value)
    assert "hidden" not in str(refused.value)


async def test_stored_positions_that_do_not_decode_are_corrupt(store: RedisStore, admin: Redis) -> None:
    """Whoever claims a partition whose positions were damaged is told what is stored."""
    await (await Owner.claim(store)).write(eu(1))
    await admin.hset("edge:{0}:state", "@positions", "{damaged")

    with pytest.raises(CorruptState, match="damaged"):
        await store.claim(0, owner="next")


async def test_the_keys_are_those_of_the_contract(store: RedisStore, admin: Redis) -> None:
    """Any Redis client finds views, lists, changes and status under the documented names."""
    owner = await Owner.claim(store, 3)
    await owner.write(eu(1, 1), change("m-1", phase="live"), at_ms=7_000)
    await store.put_status({"region": b"eu"})

    assert sorted(await admin.keys("*")) == [
        b"edge:status",
        b"edge:{3}:changes",
        b"edge:{3}:match:m-1",
        b"edge:{3}:matches",
        b"edge:{3}:state",
    ]
    assert await admin.hgetall("edge:{3}:match:m-1") == {b"phase": b'"live"'}
    assert await admin.zrange("edge:{3}:matches", 0, -1, withscores=True) == [(b"m-1", 7_000.0)]
    entries: Any = await admin.xrange("edge:{3}:changes")
    assert [fields for _, fields in entries] == [{b"matches": b'["m-1"]'}]
    state = await admin.hgetall("edge:{3}:state")
    assert sorted(state) == [b"@epoch", b"@marks", b"@owner", b"@positions", b"@version", b"m-1"]
    assert (state[b"@positions"], state[b"@owner"], state[b"@version"]) == (b'{"eu":[1,1]}', b"replica-1", b"v1")


async def test_a_mark_alone_is_not_announced(store: RedisStore, server: RedisServer) -> None:
    """A batch without changed matches leaves no entry in the change stream: nobody has anything to read."""
    owner = await Owner.claim(store)
    await owner.write(eu(1, 1))
    async with RedisViews.open(server.url, prefix="edge") as views:
        assert await views.last_change(0) == "0-0"


async def test_a_wait_of_no_time_ends_at_once(server: RedisServer, admin: Redis) -> None:
    """To Redis a wait of 0 means for ever; to us it means not at all."""
    async with RedisViews.open(server.url, prefix="edge") as views, asyncio.timeout(DEADLINE_S):
        assert await views.changes(0, after="0-0", timeout_ms=0) == []


async def test_rediss_verifies_the_server(server: RedisServer, admin: Redis, tmp_path: Path) -> None:
    """A `rediss://` URL speaks TLS to a server whose certificate the given file vouches for, and to no other."""
    certificate, key = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    async with _tls_in_front_of(server, context) as port:
        url = f"rediss://localhost:{port}"
        async with RedisStore.open(url, prefix="edge", ca=certificate) as store:
            await (await Owner.claim(store)).write(eu(1), change("m-1"))
        async with RedisViews.open(url, prefix="edge", ca=certificate) as views:
            assert await views.view(0, "m-1") == {"phase": b'"live"'}
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            async with RedisStore.open(url, prefix="edge"):
                pass


@asynccontextmanager
async def _tls_in_front_of(server: RedisServer, context: ssl.SSLContext) -> AsyncIterator[int]:
    """A port that takes off TLS and passes the rest to the server."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(copy(reader, up_writer), copy(up_reader, writer), return_exceptions=True)

    listener = await asyncio.start_server(serve, "localhost", 0, ssl=context)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        async with asyncio.timeout(DEADLINE_S):
            await listener.wait_closed()
