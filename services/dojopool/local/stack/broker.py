"""One Apache Kafka broker, its own controller (KRaft), on loopback ports: the real thing in the smallest form.

Left out: more than one broker. Every topic has one replica, so `acks=all` is one machine's page cache here, and
nothing below says anything about losing a broker for good.
"""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Mapping
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code

from dojopool.errors import Unavailable
from dojopool.local.stack.java import find_java
from dojopool.local.stack.ports import LOOPBACK
from dojopool.local.stack.process import POLL_SECONDS, ProcessId, Server, port_answers, run_tool

HEAP_MIB_MAX = 512
"""Idle it stays near 150 MB resident; Kafka's own default of 1 GB is for brokers that serve a cluster."""

FORMAT_SECONDS = 60.0
REQUEST_TIMEOUT_MS = 10_000
TOPIC_EXISTS = 36
READY_TOPIC = "stack.ready"
"""Created to prove that the controller works; an open port comes about a second before that."""


class KafkaBroker(Server):
    """One broker whose data lives in `folder`: `await start()`, then clients use `bootstrap`.

    Topics are never created by use: `auto.create.topics.enable` is off, so a misspelt name is an error.
    """

    def __init__(
        self, *, name: str, folder: Path, port: int, controller_port: int, process_id: ProcessId | None = None
    ) -> None:
        super().__init__(name=name, folder=folder, port=port, process_id=process_id)
        self._port = port
        self._controller_port = controller_port

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self._port}"

    async def prepare(self) -> list[str]:
        """Write its properties, format its data folder if that is new, and return the broker's command."""
        java = await find_java()
        settings = self.folder / "server.properties"
        data = self.folder / "data"
        settings.write_text(broker_properties(data=data, port=self._port, controller_port=self._controller_port))
        if not (data / "meta.properties").exists():
            arguments = ("format", f"--cluster-id={new_cluster_id()}", "-c", str(settings))  # it may start with a dash
            command = java.command("kafka.tools.StorageTool", *arguments, heap_mib_max=HEAP_MIB_MAX)
            code, output = await run_tool(command, timeout_seconds=FORMAT_SECONDS)
            if code != 0:
                raise Unavailable(f"Kafka could not format {data} (exit code {code}):\n{output}")
        return java.command("kafka.Kafka", str(settings), heap_mib_max=HEAP_MIB_MAX)

    async def answers(self) -> bool:
        """Return whether it creates a topic (or says that it did so before)."""
        if not await port_answers(self._port):
            return False
        try:
            await create_topic(self.bootstrap, READY_TOPIC, partitions=1)
        except (KafkaError, OSError, TimeoutError):
            return False
        return True


async def create_topic(bootstrap: str, name: str, *, partitions: int, configs: Mapping[str, str] | None = None) -> bool:
    """Create a topic with one replica and return True when every partition has a leader; False when it existed.

    An existing topic is left as it is: neither its partitions nor its settings are compared.
    Raises KafkaError for everything the broker refuses; aiokafka itself only puts that into its reply.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        wanted = NewTopic(name, partitions, replication_factor=1, topic_configs=dict(configs or {}))
        reply = await admin.create_topics([wanted])
        [(_, code, message)] = reply.topic_errors
        if code == TOPIC_EXISTS:
            return False
        if code != 0:
            raise for_code(code)(f"tried to create topic {name} at {bootstrap}: {message}")
        while not await _has_leaders(admin, name, partitions):  # noqa: ASYNC110  # the broker is asked, it does not tell
            await asyncio.sleep(POLL_SECONDS)
        return True
    finally:
        await admin.close()


async def _has_leaders(admin: AIOKafkaAdminClient, name: str, partitions: int) -> bool:
    [topic] = await admin.describe_topics([name])
    leaders: list[int] = [partition["leader"] for partition in topic["partitions"]]
    return sum(leader >= 0 for leader in leaders) == partitions


def new_cluster_id() -> str:
    """Return a fresh cluster id in Kafka's form: 16 random bytes, base64url, no padding."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def broker_properties(*, data: Path, port: int, controller_port: int) -> str:
    """Return the text of a broker's properties file; the comments in it say why."""
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{LOOPBACK}:{controller_port}
listeners=PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}
advertised.listeners=PLAINTEXT://{LOOPBACK}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
# A misspelt topic name must be an error, not a new topic with one partition.
auto.create.topics.enable=false
# One broker can hold one replica.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Quick group changes: members join at once, and a dead one may be missed after a second.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# A broker killed and started again is let in when its former self is forgotten: by default that takes 9 s.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# Small on disk and in memory: each internal partition is a folder of files, and the cleaner alone would take 128 MB.
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.num.partitions=1
num.network.threads=1
num.io.threads=2
log.cleaner.dedupe.buffer.size=2097152
"""
