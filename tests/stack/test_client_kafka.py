"""The SDK on a real Kafka and a real Redis, with a replica between them, and without a broker for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

import dojopool
from contracts.waiting import read_partition
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.adapters.redis_store import RedisStore
from dojopool.adapters.system_clock import SystemClock
from dojopool.client import Accepted, Dojo, MatchView, Receipt, Unknown
from dojopool.core.event import Event
from dojopool.core.partition import partition_of
from dojopool.games.loading import load_game
from dojopool.games.pool import FrameStarted, MatchScheduled, PointsAwarded
from dojopool.local.stack import KafkaBroker
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.service import Replica
from support.pipeline import Facts
from support.region import points
from support.servers import start_kafka

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

PARTITIONS = 3
DEADLINE_S = 60.0
"""For what a working system does in seconds at most."""


class Deployment:
    """One region on given servers, under names that nobody else uses."""

    def __init__(self, *, kafka: str, redis_url: str, prefix: str) -> None:
        self.kafka, self.redis_url, self.prefix = kafka, redis_url, prefix
        self.log = KafkaLog(kafka)
        self.topic = f"{prefix}.events.eu"
        self.loaded = load_game("pool")

    async def create(self) -> None:
        """Make the topics."""
        async with self.log.admin() as admin:
            for topic in (self.topic, f"{self.prefix}.dead-letters"):
                await admin.create_topic(topic, partitions=PARTITIONS, config={})

    def connect(self, **changes: Any) -> AbstractAsyncContextManager[Dojo]:
        """Connect as a program does."""
        settings: dict[str, Any] = {
            "region": "eu",
            "kafka": self.kafka,
            "redis": self.redis_url,
            "prefix": self.prefix,
            "partitions": PARTITIONS,
        }
        return dojopool.connect(**{**settings, **changes})

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[None]:
        """A replica that runs meanwhile."""
        config = ReplicaConfig(
            region="eu", regions=("eu",), partitions=PARTITIONS, prefix=self.prefix, owner="the test's own"
        )
        async with RedisStore.open(self.redis_url, prefix=self.prefix) as store, asyncio.TaskGroup() as tasks:
            replica = Replica(
                config, log=self.log, store=store, loaded=self.loaded, clock=SystemClock(), observer=Facts()
            )
            tasks.create_task(replica.run())
            yield
            replica.stop()

    async def events(self, match: str, count: int) -> list[Event]:
        """The events in the partition of a match, first occurrences in the order of the log, `count` at least."""
        found: dict[bytes, Event] = {}
        where = self.topic, partition_of(match, PARTITIONS)
        for record in await read_partition(self.log, where, start=0, records=count):
            event = self.loaded.codec.decode(record.value or b"")
            if isinstance(event, Event):
                found.setdefault(event.data, event)
        return list(found.values())


@pytest.fixture
async def deployment(kafka: str, redis_url: str, unique_prefix: str) -> Deployment:
    """A region on the run's servers."""
    made = Deployment(kafka=kafka, redis_url=redis_url, prefix=unique_prefix)
    await made.create()
    return made


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker of this module's own, to be killed and started again."""
    own = start_kafka(tmp_path_factory)
    yield own
    asyncio.run(own.kill())


def accepted(receipts: Sequence[Receipt]) -> list[Accepted]:
    """All of them, which must be accepted."""
    assert [receipt for receipt in receipts if not isinstance(receipt, Accepted)] == []
    return [receipt for receipt in receipts if isinstance(receipt, Accepted)]


async def test_what_is_recorded_can_be_read(deployment: Deployment) -> None:
    """A match goes through Kafka, the fold and Redis, and a read with its receipt shows it."""
    async with deployment.replica(), deployment.connect(instance="gs-7") as dojo:
        match = await dojo.match("m-1")
        await match.record(MatchScheduled(players=["ana", "bo"], frames_to_play=7, break_rule="winner", max_score=10))
        await match.record(FrameStarted(frame=1, breaker="ana"))
        receipt = await match.record(PointsAwarded(frame=1, player="ana", points=3))
        view = await dojo.read("m-1", at_least=receipt, timeout_s=DEADLINE_S)

    assert isinstance(receipt, Accepted)
    assert receipt.dot[1] == 3
    assert receipt.dot[0].startswith("eu/gs-7#")
    assert receipt.mode == "healthy"
    assert view.state.players == ("ana", "bo")
    assert view.state.frames[1].points == {"ana": 3}
    assert (view.clock, view.pending) == (receipt.clock, 0)


async def test_a_watch_shows_the_last_state(deployment: Deployment) -> None:
    """Whatever was skipped on the way, the end is seen; and the replica's marks make the view's staleness known."""
    seen: list[MatchView] = []

    async def follow(dojo: Dojo) -> None:
        async for view in dojo.watch("m-1"):
            seen.append(view)
            if 1 in view.state.frames and view.state.frames[1].points["ana"] == 200:
                return

    async with deployment.replica(), deployment.connect() as dojo, asyncio.timeout(DEADLINE_S):
        match = await dojo.match("m-1")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow(dojo))
            for _ in range(10):
                accepted(await asyncio.gather(*(match.record(points()) for _ in range(20))))
        while (await dojo.read("m-1")).staleness_ms["eu"] is None:  # noqa: ASYNC110 - nothing announces the status
            await asyncio.sleep(0.1)  # it is written once a second

    scores = [view.state.frames[1].points["ana"] if view.exists else 0 for view in seen]
    assert scores == sorted(set(scores))
    assert not seen[0].exists


async def test_many_in_flight_keep_their_order(deployment: Deployment) -> None:
    """Thousands of events at once share appends, are accepted, and stand where their receipts say."""
    names = [f"m-{number}" for number in range(20)]
    async with deployment.connect() as dojo:
        matches = [await dojo.match(name) for name in names]
        receipts = accepted(
            await asyncio.gather(
                *(matches[number % 20].record(points(frame=number), timeout_s=60.0) for number in range(1, 5001))
            )
        )

    assert len({(receipt.match, receipt.dot) for receipt in receipts}) == 5000
    stored: dict[tuple[int, int], Event] = {}
    for partition in range(PARTITIONS):
        mine = [receipt for receipt in receipts if receipt.position and receipt.position.partition == partition]
        for record in await read_partition(deployment.log, (deployment.topic, partition), start=0, records=len(mine)):
            event = deployment.loaded.codec.decode(record.value or b"")
            assert isinstance(event, Event)
            stored[partition, record.offset] = event
    for number, receipt in enumerate(receipts, 1):
        assert receipt.position is not None
        event = stored[receipt.position.partition, receipt.position.offset]
        assert (event.match, event.dot, event.body.frame) == (receipt.match, receipt.dot, number)
    for name in names:
        frames = [event.body.frame for event in stored.values() if event.match == name]
        assert frames == sorted(frames)


async def test_a_broker_that_dies_costs_time_and_nothing_else(
    broker: KafkaBroker, redis_url: str, unique_prefix: str
) -> None:
    """Receipts say Unknown in their time while it is dead and are settled once it is back; nothing is lost."""
    deployment = Deployment(kafka=broker.bootstrap, redis_url=redis_url, prefix=unique_prefix)
    await deployment.create()
    async with deployment.connect(close_timeout_s=DEADLINE_S) as dojo:
        match = await dojo.match("m-1")
        before = await asyncio.gather(*(match.record(points()) for _ in range(100)))
        await broker.kill()
        doubtful = await asyncio.gather(*(match.record(points(), timeout_s=1.0) for _ in range(100)))
        await broker.start()
        async with asyncio.timeout(DEADLINE_S):
            settled = await asyncio.gather(*(dojo.settle(receipt, timeout_s=DEADLINE_S) for receipt in doubtful))
            after = await match.record(points(), timeout_s=DEADLINE_S)

    assert {type(receipt) for receipt in doubtful} == {Unknown}
    accepted([*before, *settled, after])
    events = await deployment.events("m-1", 201)
    assert [event.seq for event in events] == list(range(1, 202))


async def test_a_later_connection_settles_what_a_dead_broker_left(
    broker: KafkaBroker, redis_url: str, unique_prefix: str
) -> None:
    """A connection closes in its time though the broker is dead; its records are sent again by the next one."""
    deployment = Deployment(kafka=broker.bootstrap, redis_url=redis_url, prefix=unique_prefix)
    await deployment.create()
    async with asyncio.timeout(DEADLINE_S):
        async with deployment.connect(close_timeout_s=1.0) as dojo:
            match = await dojo.match("m-1")
            await broker.kill()
            doubtful = [await match.record(points(), timeout_s=1.0) for _ in range(2)]
    await broker.start()
    async with deployment.replica(), deployment.connect() as later:
        settled = [await later.settle(receipt, timeout_s=DEADLINE_S) for receipt in doubtful]
        view = await later.read("m-1")

    assert {type(receipt) for receipt in doubtful} == {Unknown}
    accepted(settled)
    assert view.state.frames[1].points["ana"] == 2


async def test_another_number_of_partitions_is_refused(deployment: Deployment) -> None:
    """Events in the wrong partition would be dead letters, so a connection with a wrong setting does not begin."""
    with pytest.raises(dojopool.ConfigError, match="Set DOJO_PARTITIONS=3"):
        async with deployment.connect(partitions=16):
            pass
