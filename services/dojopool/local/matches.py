"""Reading matches from the command line: from a region's Redis, or from a running `dojo dev`.

Only what is stored for readers is read; no log is needed. Both sources answer in the same JSON form, that of
`client.view.view_json`, so what is shown of a match does not depend on where it came from.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from heapq import nlargest
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import httpx

from dojopool.adapters.redis_views import RedisViews
from dojopool.adapters.system_clock import SystemClock
from dojopool.client.config import ClientConfig
from dojopool.client.reader import Reader
from dojopool.client.stamps import Stamps
from dojopool.client.status import RegionStatus
from dojopool.client.stopping import stopped
from dojopool.client.view import view_json
from dojopool.core.crdt.maps import RecordKind
from dojopool.core.names import match_fault
from dojopool.errors import CallerError, Unavailable
from dojopool.games.loading import load_game
from dojopool.local.servers import reading_config
from dojopool.ports import Clock, ViewReader
from dojopool.settings import ClientSettings, Settings

ADDRESS_FILE: Final = "dev.json"
"""Where `dojo dev` writes its address, in the data directory."""

PARTITIONS_AT_ONCE: Final = 32
"""Asked for their newest matches at a time."""

ANSWER_TIMEOUT_S: Final = 10.0


class Changed(NamedTuple):
    """A match and when it changed last, in milliseconds since the epoch."""

    at_ms: int
    match: str


class Matches(Protocol):
    """One region's matches, as anyone may read them. Every call may raise Unavailable."""

    async def show(self, match: str) -> Mapping[str, Any] | None:
        """A match in JSON form, None when the region knows nothing of it. Raises CallerError when it is no match id."""
        ...

    async def newest(self, *, limit: int) -> list[Changed]:
        """The matches that changed last, newest first, at most `limit`."""
        ...

    def watch(self, match: str) -> AsyncGenerator[Mapping[str, Any], None]:
        """A match as it is, then again whenever it changes; states may be skipped, the last one never is."""
        ...


@asynccontextmanager
async def open_matches(region: str | None = None) -> AsyncIterator[Matches]:
    """The matches of a region of DOJO_REDIS (DOJO_REGION, unless `region` says otherwise); without DOJO_REDIS, those of
    the `dojo dev` that runs here. Raises Unavailable when there is neither.
    """
    if not os.environ.get("DOJO_REDIS"):
        async with httpx.AsyncClient(base_url=_address_of_dev(), timeout=ANSWER_TIMEOUT_S, trust_env=False) as client:
            yield ServedMatches(client, region=region)
        return
    settings = ClientSettings.load(region=region)
    config = reading_config(settings, settings.region)
    kind = load_game(settings.game).game.kind
    url = settings.redis_for(settings.region)
    async with (
        RedisViews.open(url, prefix=settings.prefix, ca=settings.redis_ca) as views,
        open_stored(config, views=views, kind=kind, clock=SystemClock()) as matches,
    ):
        yield matches


@asynccontextmanager
async def open_stored(
    config: ClientConfig, *, views: ViewReader, kind: RecordKind, clock: Clock
) -> AsyncIterator[Matches]:
    """The matches in a store. Raises Unavailable, or ConfigError when it has another number of partitions."""
    stamps = Stamps(clock)
    status = RegionStatus(config, views=views, clock=clock, stamps=stamps)
    await status.refresh()
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(status.keep())
        reader = Reader(config, views=views, kind=kind, status=status, stamps=stamps, tasks=tasks)
        try:
            yield StoredMatches(reader, views, config)
        except Exception as error:  # noqa: BLE001 - raised again below, as it came: the group would wrap it
            failure = error
        finally:
            reader.close()
            await stopped([keeping, *reader.followers])  # they would follow their streams for a while yet
    if failure is not None:
        raise failure


class StoredMatches:
    """`Matches` of a store."""

    def __init__(self, reader: Reader, views: ViewReader, config: ClientConfig) -> None:
        self._reader, self._views, self._config = reader, views, config

    async def show(self, match: str) -> Mapping[str, Any] | None:
        """See `Matches`."""
        view = await self._reader.read(match)
        return view_json(view) if view.exists else None

    async def newest(self, *, limit: int) -> list[Changed]:
        """See `Matches`."""
        found: list[Changed] = []
        numbers = range(self._config.partitions)
        for start in range(0, len(numbers), PARTITIONS_AT_ONCE):
            some = numbers[start : start + PARTITIONS_AT_ONCE]
            lists = await asyncio.gather(*(self._views.matches(number, limit=limit) for number in some))
            found = nlargest(limit, [*found, *(Changed(at_ms, match) for listed in lists for match, at_ms in listed)])
        return found

    async def watch(self, match: str) -> AsyncGenerator[Mapping[str, Any], None]:
        """See `Matches`."""
        async for view in self._reader.watch(match):
            yield view_json(view)


class ServedMatches:
    """`Matches` of a `dojo dev`, over its HTTP reads."""

    def __init__(self, client: httpx.AsyncClient, *, region: str | None) -> None:
        self._client = client
        self._query = {} if region is None else {"region": region}

    async def show(self, match: str) -> Mapping[str, Any] | None:
        """See `Matches`."""
        with _faults(self._client):
            answer = await self._client.get(_path(match), params=self._query)
        found: Mapping[str, Any] | None = _json(answer)
        return found

    async def newest(self, *, limit: int) -> list[Changed]:
        """See `Matches`."""
        with _faults(self._client):
            answer = await self._client.get("/matches", params={**self._query, "limit": limit})
        return [Changed(row["at_ms"], row["match"]) for row in _json(answer)]

    async def watch(self, match: str) -> AsyncGenerator[Mapping[str, Any], None]:
        """See `Matches`."""
        path = f"{_path(match)}/watch"
        # Nothing comes for as long as nothing changes, so only the connection has a deadline.
        timeout = httpx.Timeout(ANSWER_TIMEOUT_S, read=None)
        with _faults(self._client):
            async with self._client.stream("GET", path, params=self._query, timeout=timeout) as answer:
                if answer.is_error:
                    await answer.aread()
                    _json(answer)
                async for line in answer.aiter_lines():
                    yield json.loads(line)
        raise Unavailable(f"`dojo dev` at {self._client.base_url} has ended: start it again, then watch again")


def _path(match: str) -> str:
    if fault := match_fault(match):
        raise CallerError(fault)
    escaped = match.replace(".", "%2E")  # a match may be called `..`, which a URL would take for a step up
    return f"/matches/{escaped}"


def _json(answer: httpx.Response) -> Any:
    """What was answered, None for what is not known there."""
    try:
        found = answer.json()
    except ValueError:
        raise Unavailable(
            f"{answer.url} answered {answer.status_code} and no JSON: another program may be where `dojo dev` was,"
            " or it failed and its log says why"
        ) from None
    if answer.is_client_error and found is not None:
        raise CallerError(str(found["error"]))
    return found


@contextmanager
def _faults(client: httpx.AsyncClient) -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise Unavailable(
            f"`dojo dev` wrote down that it is at {client.base_url}, but does not answer ({error}): start it again,"
            " or set DOJO_REDIS to read a region's Redis"
        ) from error


def _address_of_dev() -> str:
    file: Path = Settings.load().data_dir / ADDRESS_FILE
    try:
        address = json.loads(file.read_text(encoding="utf-8"))["url"]
    except FileNotFoundError:
        raise Unavailable(
            f"there is nothing to read from: DOJO_REDIS is not set, and no `dojo dev` has left its address in {file}."
            " Start `dojo dev`, or set DOJO_REDIS and DOJO_REGION"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"{file} is not what `dojo dev` writes ({error!r}): start it again") from error
    return str(address)
