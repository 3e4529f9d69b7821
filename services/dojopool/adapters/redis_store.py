"""State of one region in Redis, as the owners of its partitions write it: `ports.StateStore` over the function library.

All of a partition's keys share a hash tag, and whatever must change together is one call of one function, so a crash at
any point leaves a state and its positions that belong together. Guards are in `lua/dojo.lua`; here is the client side.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from dojopool.adapters.lua import DOJO_LIBRARY
from dojopool.adapters.redis_batch import head_of, packed
from dojopool.adapters.redis_client import place_of, redis_client, redis_faults
from dojopool.adapters.redis_keys import Keys
from dojopool.errors import ConfigError
from dojopool.ports import Batch, Head, Outcome

CONNECTIONS: Final = 4
"""Redis does one thing at a time; a few connections let one batch travel while another is being applied."""

STATES_PER_CHUNK: Final = 500
"""Asked of one HSCAN or HMGET: a few hundred kilobytes, a millisecond of the server's time."""


class RedisStore:
    """`ports.StateStore`. Make it with `open`."""

    def __init__(self, client: Redis, *, prefix: str, place: str) -> None:
        self._client = client
        self._place = place
        self._keys = Keys(prefix)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, prefix: str, ca: Path | None = None) -> AsyncIterator[Self]:
        """Connect, load the functions if the server has others, close on exit.

        Raises Unavailable when the server does not answer, ConfigError when it cannot be used.
        """
        client = redis_client(url, ca=ca, connections=CONNECTIONS)
        store = cls(client, prefix=prefix, place=place_of(url))
        try:
            with store._faults("loading the functions"):
                await store._load_functions()
            yield store
        finally:
            await client.aclose()

    async def claim(self, partition: int, *, owner: str) -> Head:
        """See `ports.StateStore`. The epoch is a time in microseconds, or above the last one if that was later."""
        with self._faults(f"claiming partition {partition}"):
            _, *stored = await self._call("dojo_claim", [self._keys.state(partition)], owner)
        return head_of(stored)

    async def states(self, partition: int) -> AsyncIterator[Sequence[tuple[str, bytes]]]:
        """See `ports.StateStore`."""
        cursor, key = 0, self._keys.state(partition)
        while True:
            with self._faults(f"reading the state of partition {partition}"):
                reply: Any = await self._client.hscan(key, cursor, count=STATES_PER_CHUNK)
            cursor, found = reply
            chunk = [(name.decode(), state) for name, state in found.items() if not name.startswith(b"@")]
            if chunk:
                yield chunk
            if cursor == 0:
                return

    async def states_of(self, partition: int, matches: Sequence[str]) -> Mapping[str, bytes]:
        """See `ports.StateStore`."""
        found: dict[str, bytes] = {}
        asked = [match for match in matches if not match.startswith("@")]  # no match: what stands beside the states
        for start in range(0, len(asked), STATES_PER_CHUNK):
            chunk = asked[start : start + STATES_PER_CHUNK]
            with self._faults(f"reading states of partition {partition}"):
                states: Any = await self._client.hmget(self._keys.state(partition), list(chunk))
            found.update((match, state) for match, state in zip(chunk, states, strict=True) if state is not None)
        return found

    async def reset(self, partition: int, *, epoch: int) -> bool:
        """See `ports.StateStore`."""
        with self._faults(f"resetting partition {partition}"):
            return bool(await self._call("dojo_reset", [self._keys.state(partition)], str(epoch)))

    async def write(self, batch: Batch) -> tuple[Outcome, Head]:
        """See `ports.StateStore`. One round trip, whatever the size of the batch."""
        keys = self._keys.written(batch.partition)
        with self._faults(f"writing a batch of partition {batch.partition}"):
            status, *stored = await self._call("dojo_write", keys, packed(batch), self._keys.view(batch.partition, ""))
        return Outcome[status.decode()], head_of(stored)

    async def put_status(self, fields: Mapping[str, bytes]) -> None:
        """See `ports.StateStore`."""
        with self._faults("writing the status"):
            await self._client.hset(self._keys.status, items=[part for field in fields.items() for part in field])

    async def check(self, *, partitions: int) -> None:
        """See `ports.StateStore`."""
        policy = await self._eviction_policy()
        if policy != "noeviction":
            raise ConfigError(
                f"Redis at {self._place} has maxmemory-policy {policy}: it would drop state silently when memory is"
                " short; set it to noeviction"
            )
        with self._faults("reading the status"):
            stored = await self._client.hget(self._keys.status, "partitions")
        if stored is not None and int(stored) != partitions:
            raise ConfigError(
                f"DOJO_PARTITIONS is {partitions}, Redis at {self._place} holds state of {int(stored)} partitions:"
                " the number is fixed for the life of a deployment; use another DOJO_PREFIX to start a new one"
            )

    async def _eviction_policy(self) -> str:
        with self._faults("reading the eviction policy"):
            try:
                found: Any = await self._client.config_get("maxmemory-policy")
                return str(found["maxmemory-policy"])
            except (ResponseError, KeyError):  # managed servers hide CONFIG, INFO says the same
                memory: Any = await self._client.info("memory")
                return str(memory["maxmemory_policy"])

    async def _call(self, function: str, keys: Sequence[str], *arguments: Any) -> Any:
        """Call a function; a server that lost its functions (restored, failed over, flushed) gets them again, once."""
        try:
            return await self._client.fcall(function, len(keys), *keys, *arguments)
        except ResponseError as error:
            if "function not found" not in str(error).lower():
                raise
        await self._load_functions()
        return await self._client.fcall(function, len(keys), *keys, *arguments)

    async def _load_functions(self) -> None:
        """Load the library unless exactly this one is there: a load is written to disk and sent to replicas."""
        found = await self._client.function_list(library="dojo", withcode=True)
        if DOJO_LIBRARY.encode() not in _flat(found):
            await self._client.function_load(DOJO_LIBRARY, replace=True)

    def _faults(self, doing: str) -> AbstractContextManager[None]:
        return redis_faults(self._place, doing)


def _flat(reply: Any) -> list[Any]:
    """All leaves of a nested reply."""
    return [leaf for part in reply for leaf in _flat(part)] if isinstance(reply, list | tuple) else [reply]
