"""What `dojo topics acls` prints, on a real broker that allows nothing else: each program can do its work, no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import pytest
from typer.testing import CliRunner

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.cli.main import app
from dojopool.errors import CallerError, ConfigError, DojoError, Unavailable
from dojopool.local.stack.ports import free_ports
from dojopool.local.topics import check_topics, create_topics
from dojopool.ports import Outgoing
from support.acls import GuardedKafka, allow, kafka_log_of
from support.servers import need_java

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

REGIONS: Final = ("eu", "us")
WAIT_S: Final = 15.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """A guarded broker, in which the commands printed for region eu were run, and the operator made the topics."""
    need_java()
    port, controller_port = free_ports(2)
    folder = tmp_path_factory.mktemp("kafka")
    own = GuardedKafka(name="kafka", folder=folder, port=port, controller_port=controller_port)
    asyncio.run(own.start())
    try:
        asyncio.run(_set_up(own))
        yield own
    finally:
        asyncio.run(own.kill())


async def _set_up(broker: GuardedKafka) -> None:
    settings = {"DOJO_REGION": "eu", "DOJO_REGIONS": ",".join(REGIONS), "DOJO_KAFKA": broker.bootstrap}
    run = CliRunner().invoke(app, ["topics", "acls", "--json"], env=settings)
    assert run.exit_code == 0, run.output
    await allow(broker, [each["command"] for each in json.loads(run.stdout)["acls"]])
    async with kafka_log_of(broker.bootstrap, "root").admin() as admin:
        await admin.create_topic("secrets", partitions=1, config={})
    async with kafka_log_of(broker.bootstrap, "dojo-operator").admin() as admin:
        reports = await create_topics({"eu": admin}, regions=REGIONS, partitions=1, prefix="dojo")
    assert all(report.is_good for report in reports)


Act = Callable[[KafkaLog], Awaitable[object]]


def writing(topic: str) -> Act:
    """Append a record."""

    async def act(log: KafkaLog) -> object:
        async with log.writer() as writer:
            return await writer.append(topic, 0, [Outgoing(b"k", b"v")], timeout_s=WAIT_S)

    return act


def reading(topic: str) -> Act:
    """Ask for the bounds of a topic, and fetch from it."""

    async def act(log: KafkaLog) -> object:
        async with log.reader() as reader:
            [(first, _)] = (await reader.bounds([(topic, 0)])).values()
            reader.assign({(topic, 0): first})
            return await reader.poll(timeout_ms=500)

    return act


def joining(group: str, topic: str = "dojo.events.eu") -> Act:
    """Be a member of a group until it gives a partition."""

    async def act(log: KafkaLog) -> object:
        async with log.membership(group=group, topic=topic) as membership, asyncio.timeout(WAIT_S):
            return await membership.changed()

    return act


def creating(topic: str) -> Act:
    """Make a topic (that is there already, where it is allowed)."""

    async def act(log: KafkaLog) -> object:
        async with log.admin() as admin:
            return await admin.create_topic(topic, partitions=1, config={})

    return act


def describing(topic: str) -> Act:
    """Look at the settings of a topic; one that must not be seen is not there."""

    async def act(log: KafkaLog) -> object:
        async with log.admin() as admin:
            found = await admin.describe_topic(topic)
        if found is None:
            raise CallerError(f"{topic} is not seen")
        return found

    return act


def trimming(topic: str) -> Act:
    """Delete records."""

    async def act(log: KafkaLog) -> object:
        async with log.admin() as admin:
            await admin.trim((topic, 0), before=0)
        return None

    return act


CELLS: Final[dict[str, tuple[Act, set[str]]]] = {
    "write own events": (writing("dojo.events.eu"), {"sdk", "replica"}),
    "write foreign events": (writing("dojo.events.us"), {"mirror"}),
    "write letters": (writing("dojo.dead-letters"), {"replica"}),
    "write violations": (writing("dojo.violations"), {"checker"}),
    "write another's topic": (writing("secrets"), set()),
    "read own events": (reading("dojo.events.eu"), {"replica", "checker", "mirror"}),
    "read foreign events": (reading("dojo.events.us"), {"replica", "checker"}),
    "read letters": (reading("dojo.dead-letters"), set()),
    "read violations": (reading("dojo.violations"), {"checker"}),
    "read another's topic": (reading("secrets"), set()),
    "join the replicas": (joining("dojo.replica.eu"), {"replica"}),
    "join the replicas of another region": (joining("dojo.replica.us"), set()),
    "join the checkers": (joining("dojo.checker.eu"), {"checker"}),
    "join another group": (joining("other"), set()),
    "make our topics": (creating("dojo.modes"), {"operator"}),
    "make another topic": (creating("mine"), set()),
    "make the books of a mirror": (creating("mm2-offsets.us.internal"), {"mirror"}),
    "describe own events": (describing("dojo.events.eu"), {"replica", "checker", "mirror", "operator"}),
    "describe letters": (describing("dojo.dead-letters"), {"replica", "operator"}),
    "describe another's topic": (describing("secrets"), set()),
    "trim own events": (trimming("dojo.events.eu"), set()),
}
"""What -> how, and who may."""


@pytest.mark.parametrize("program", ["sdk", "replica", "checker", "mirror", "operator", "nobody"])
@pytest.mark.parametrize("what", CELLS)
async def test_every_cell_of_the_table(broker: GuardedKafka, program: str, what: str) -> None:
    """Whatever is a program's work succeeds, everything else is refused; root may do all of it."""
    act, allowed = CELLS[what]
    log = kafka_log_of(broker.bootstrap, program if program == "nobody" else f"dojo-{program}")
    if program in allowed:
        await act(log)
    else:
        with pytest.raises((ConfigError, CallerError)):
            await act(log)


@pytest.mark.parametrize("what", CELLS)
async def test_what_is_refused_is_refused_for_want_of_rights(broker: GuardedKafka, what: str) -> None:
    """A user with all rights can do all of the table, so no cell is refused for another reason."""
    await CELLS[what][0](kafka_log_of(broker.bootstrap, "root"))


async def test_the_operator_can_check_the_topics(broker: GuardedKafka) -> None:
    """`dojo topics check` sees all of them, with their settings."""
    async with kafka_log_of(broker.bootstrap, "dojo-operator").admin() as admin:
        reports = await check_topics({"eu": admin}, regions=REGIONS, partitions=1, prefix="dojo")

    assert all(report.is_good for report in reports)


async def test_nobody_is_anonymous(broker: GuardedKafka) -> None:
    """Without a login, or with a wrong password, nothing is answered."""
    for log in (KafkaLog(broker.bootstrap), kafka_log_of(broker.bootstrap, "stranger")):
        with pytest.raises(DojoError) as refused:
            async with log.admin() as admin:
                await admin.describe_topic("dojo.events.eu")
        assert isinstance(refused.value, ConfigError | Unavailable)
