"""The commands for bad days beside a running `dojo replica`, on servers that allow each program just its work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis

import dojopool
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.client import Accepted
from dojopool.core.partition import partition_of
from dojopool.games.pool import PointsAwarded
from dojopool.local.acls import command_words, grants
from dojopool.local.overview import SERVED_MS
from dojopool.local.stack.ports import free_ports
from dojopool.ports import Outgoing
from support.acls import GuardedKafka, GuardedRedis, allow, redis_url_of, secret_of
from support.processes import Program, Programs, programs
from support.servers import need_java, need_redis
from support.site import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

PARTITIONS: Final = 2
MATCH: Final = "m-1"
HERE: Final = partition_of(MATCH, PARTITIONS)
DEADLINE_S: Final = 60.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GuardedKafka, GuardedRedis]]:
    """A Kafka and a Redis in which the users of region eu have their rights."""
    need_java()
    need_redis()
    port, controller_port, redis_port = free_ports(3)
    folder = tmp_path_factory.mktemp("guarded")
    kafka = GuardedKafka(name="kafka", folder=folder / "kafka", port=port, controller_port=controller_port)
    redis = GuardedRedis(name="redis", folder=folder / "redis", port=redis_port)
    asyncio.run(kafka.start())
    asyncio.run(redis.start())
    try:
        connection = ["kafka-acls.sh", "--bootstrap-server", kafka.bootstrap, "--command-config", "admin.properties"]
        allowed = grants(region="eu", regions=("eu",), prefix="dojo")
        asyncio.run(allow(kafka, [[*connection, *command_words(grant, prefix="dojo")] for grant in allowed]))
        yield kafka, redis
    finally:
        asyncio.run(redis.kill())
        asyncio.run(kafka.kill())


@dataclass(frozen=True, slots=True)
class Deployment:
    """Region eu, and a way to run commands in it as each of its users."""

    kafka: GuardedKafka
    redis: GuardedRedis
    folder: Path
    stack: AsyncExitStack

    def settings(self, program: str) -> dict[str, str]:
        """What a program is told, with its own logins."""
        return {
            "DOJO_REGION": "eu",
            "DOJO_PARTITIONS": str(PARTITIONS),
            "DOJO_KAFKA": self.kafka.bootstrap,
            "DOJO_KAFKA_SASL": "PLAIN",
            "DOJO_KAFKA_USER": f"dojo-{program}",
            "DOJO_KAFKA_PASSWORD": secret_of(f"dojo-{program}"),
            "DOJO_REDIS": redis_url_of(self.redis.url, program),
        }

    async def as_program(self, program: str) -> Programs:
        """Processes with a program's logins, which end with the test."""
        folder = self.folder / program
        folder.mkdir(exist_ok=True)
        return await self.stack.enter_async_context(programs(folder, self.settings(program)))

    async def replica(self) -> Program:
        """A `dojo replica` that holds everything."""
        replica = await (await self.as_program("replica")).replica("replica", region="eu")

        async def holds_all() -> bool:
            return await replica.owned() == frozenset(range(PARTITIONS))

        await eventually(holds_all, what="the replica holds all partitions", within_s=DEADLINE_S)
        return replica

    async def operator(self, *words: str, code: int = 0, program: str = "operator") -> str:
        """Run a command as the operator; what it printed. Fails unless it ends with `code`."""
        started = await (await self.as_program(program))._start("-".join(words), words, {})
        assert await started._process.wait() == code, started.log_path.read_text()
        return started.log_path.read_text()


def answer(printed: str) -> Mapping[str, Any]:
    """The JSON object among what a command printed."""
    [line] = [line for line in printed.splitlines() if line.startswith("{")]
    found: Mapping[str, Any] = json.loads(line)
    return found


@pytest.fixture
async def deployment(servers: tuple[GuardedKafka, GuardedRedis], tmp_path: Path) -> AsyncIterator[Deployment]:
    """An empty store; the operator has made the topics; no replica runs."""
    kafka, redis = servers
    async with Redis.from_url(redis_url_of(redis.url, "root")) as client:
        await client.flushall()
        await client.function_flush()
    async with AsyncExitStack() as stack:
        made = Deployment(kafka, redis, tmp_path, stack)
        await made.operator("topics", "create")
        yield made


@asynccontextmanager
async def connected(deployment: Deployment) -> AsyncIterator[dojopool.Dojo]:
    """A game server's connection."""
    settings: dict[str, Any] = {
        name.removeprefix("DOJO_").lower(): value for name, value in deployment.settings("sdk").items()
    }
    async with dojopool.connect(**settings) as dojo:
        yield dojo


async def scored(deployment: Deployment, points: int) -> Accepted:
    """Points for ana, shown to readers."""
    async with connected(deployment) as dojo:
        match = await dojo.match(MATCH)
        receipt = await match.record(PointsAwarded(frame=1, player="ana", points=points))
        assert isinstance(receipt, Accepted)
        await dojo.read(MATCH, at_least=receipt, timeout_s=DEADLINE_S)
    return receipt


async def test_a_partition_is_rebuilt_beside_its_owner(deployment: Deployment) -> None:
    """Every program works with its own rights. A partition whose stored state was damaged is right again after
    `dojo rebuild`, with the replica running all the while; another partition keeps its owner's claim.
    """
    replica = await deployment.replica()
    await scored(deployment, 3)
    await scored(deployment, 4)
    async with Redis.from_url(redis_url_of(deployment.redis.url, "root")) as root:
        view, state = f"dojo:{{{HERE}}}:match:{MATCH}", f"dojo:{{{HERE}}}:state"
        other = f"dojo:{{{1 - HERE}}}:state"
        before, kept = await root.hgetall(state), await root.hget(other, "@epoch")
        await root.hdel(state, MATCH)  # what no program does: as if memory had failed
        await root.hset(view, "frames", "{}")
        done = answer(await deployment.operator("rebuild", "--partition", str(HERE), "--timeout", "60", "--json"))
        after = await root.hgetall(state)

        assert after[MATCH.encode()] == before[MATCH.encode()]
        assert json.loads(await root.hget(view, "frames") or b"{}")["1"]["points"] == {"ana": 7}
        assert int(after[b"@epoch"]) == done["epoch"] > int(before[b"@epoch"])
        assert await root.hget(other, "@epoch") == kept
        assert done["records"] >= 2
    assert await replica.stop() == 0


async def test_a_log_without_its_beginning_is_not_rebuilt(
    kafka: str, redis_url: str, unique_prefix: str, tmp_path: Path
) -> None:
    """The command ends with 1, says what would be lost, and nothing in the store has changed."""
    settings = {
        "DOJO_REGION": "eu",
        "DOJO_PARTITIONS": "1",
        "DOJO_PREFIX": unique_prefix,
        "DOJO_KAFKA": kafka,
        "DOJO_REDIS": redis_url,
    }
    log, topic = KafkaLog(kafka), f"{unique_prefix}.events.eu"
    async with log.admin() as admin, log.writer() as writer, Redis.from_url(redis_url) as redis:
        await admin.create_topic(topic, partitions=1, config={})
        await writer.append(topic, 0, [Outgoing(b"m-1", b"any")], timeout_s=DEADLINE_S)
        await admin.trim((topic, 0), before=1)
        await redis.hset(f"{unique_prefix}:{{0}}:state", "@epoch", "5")
        async with programs(tmp_path, settings) as started:
            command = await started._start("rebuild", ("rebuild", "--partition", "0"), {})
            assert await command._process.wait() == 1

        assert "the log of eu begins at offset 1" in command.log_path.read_text()
        assert await redis.hgetall(f"{unique_prefix}:{{0}}:state") == {b"@epoch": b"5"}


async def told_of(deployment: Deployment, count: int) -> None:
    """Wait until the status hash tells of this many partitions."""
    async with Redis.from_url(redis_url_of(deployment.redis.url, "root")) as root:

        async def tells() -> bool:
            return len([name for name in await root.hkeys("dojo:status") if name.isdigit()]) >= count

        await eventually(tells, what=f"the status hash tells of {count} partitions", within_s=DEADLINE_S)


async def test_status_tells_of_owners_and_of_their_death(deployment: Deployment) -> None:
    """With a replica every partition is served and all is well; when it was killed, the exit code is 1, and what it
    said last is still shown.
    """
    replica = await deployment.replica()
    await scored(deployment, 3)
    await told_of(deployment, PARTITIONS)
    good = answer(await deployment.operator("status", "--json"))
    await replica.kill()
    await asyncio.sleep(SERVED_MS / 1000)  # the age at which a partition counts as not served, by the real clock
    bad = await deployment.operator("status", code=1)

    [region] = good["regions"]
    assert (good["ok"], region["mode"], region["problems"]) == (True, "healthy", [])
    assert [partition["is_served"] for partition in region["partitions"]] == [True] * PARTITIONS
    assert all(partition["owner"] for partition in region["partitions"])
    assert all(stream["lag_records"] is not None for one in region["partitions"] for stream in one["streams"])
    assert "nobody serves partitions 0, 1" in bad


@pytest.mark.parametrize("program", ["operator", "replica"])
async def test_doctor_finds_nothing_wrong_with_the_rights_of_a_program(deployment: Deployment, program: str) -> None:
    """Each user can look with its own rights; what it may not see is a warning, not a problem."""
    found = answer(await deployment.operator("doctor", "--json", program=program))
    checks = {each["check"]: each for each in found["findings"]}

    assert found["ok"], found
    assert f"{program}" in checks["redis permissions"]["found"]
    assert f"{program}" in checks["kafka permissions"]["found"]
