"""MirrorMaker 2 with the rights that `dojo topics acls` gives it, between two brokers that allow nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from dojopool.local.acls import command_words, grants
from dojopool.local.stack.mirror import MirrorMaker
from dojopool.local.stack.ports import free_ports
from dojopool.local.topics import create_topics
from dojopool.ports import Outgoing
from support.acls import PLAIN_LOGIN, GuardedKafka, allow, kafka_log_of, secret_of
from support.servers import need_java

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

REGIONS: Final = ("eu", "us")
ARRIVES_S: Final = 150.0
"""A fresh MirrorMaker needs about 10 s, longer on a busy machine."""


class GuardedMirror(MirrorMaker):
    """A mirror that logs in to both brokers as the user `dojo-mirror`."""

    async def prepare(self) -> list[str]:
        """Add the login to the properties."""
        command = await super().prepare()
        login = f'{PLAIN_LOGIN} required username="dojo-mirror" password="{secret_of("dojo-mirror")}";'
        with (self.folder / "mirror.properties").open("a") as settings:
            for region in REGIONS:
                settings.write(f"{region}.security.protocol = SASL_PLAINTEXT\n{region}.sasl.mechanism = PLAIN\n")
                settings.write(f"{region}.sasl.jaas.config = {login}\n")
        return command


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[dict[str, GuardedKafka]]:
    """A broker a region with its users' rights and topics, and the mirror between them."""
    ports = iter(free_ports(4))
    brokers = {
        region: GuardedKafka(name=region, folder=folder / region, port=next(ports), controller_port=next(ports))
        for region in REGIONS
    }
    async with AsyncExitStack() as stack:
        for region, broker in brokers.items():
            await broker.start()
            stack.push_async_callback(broker.kill)
            connection = ["kafka-acls.sh", "--bootstrap-server", broker.bootstrap, "--command-config", "x.properties"]
            allowed = grants(region=region, regions=REGIONS, prefix="dojo")
            await allow(broker, [[*connection, *command_words(grant, prefix="dojo")] for grant in allowed])
            async with kafka_log_of(broker.bootstrap, "dojo-operator").admin() as admin:
                await create_topics({region: admin}, regions=REGIONS, partitions=1, prefix="dojo")
        bootstraps = {region: broker.bootstrap for region, broker in brokers.items()}
        mirror = GuardedMirror(folder=folder / "mirror", bootstraps=bootstraps, prefixes=["dojo"])
        await mirror.start()
        stack.push_async_callback(mirror.kill)
        try:
            yield brokers
        except BaseException as error:  # the reason is in the mirror's log
            error.add_note(mirror.with_log("the mirror"))
            raise


@pytest.fixture
def _java() -> None:
    """Skip or fail where brokers cannot be started; not for use inside a running loop."""
    need_java()


@pytest.mark.usefixtures("_java")
async def test_events_are_mirrored_both_ways(tmp_path: Path) -> None:
    """What a game server writes in one region arrives in the other; the mirror needs no right that was not printed."""
    async with running(tmp_path) as brokers, asyncio.timeout(ARRIVES_S):
        for origin, target in (REGIONS, REGIONS[::-1]):
            topic = f"dojo.events.{origin}"
            async with kafka_log_of(brokers[origin].bootstrap, "dojo-sdk").writer() as writer:
                await writer.append(topic, 0, [Outgoing(b"m-1", origin.encode())], timeout_s=20)
            async with kafka_log_of(brokers[target].bootstrap, "dojo-replica").reader() as reader:
                reader.assign({(topic, 0): 0})
                found = await reader.poll(timeout_ms=200)
                while not found:
                    found = await reader.poll(timeout_ms=200)

            assert [record.value for record in found[topic, 0]] == [origin.encode()]
    assert "AuthorizationException" not in (tmp_path / "mirror" / "server.log").read_text()
