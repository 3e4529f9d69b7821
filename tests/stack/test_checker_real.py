"""`dojo checker` as a process of its own on a real Kafka, killed at its failpoints, and read by strangers."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import avro.io
import avro.schema
import confluent_kafka
import pytest

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.codec import schema_files
from dojopool.core.partition import partition_of
from dojopool.local.topics import create_topics
from dojopool.ports import LogWriter, Outgoing
from dojopool.replica.failpoints import Point
from support.pipeline import Scorer
from support.processes import Programs, programs
from support.site import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

PARTITIONS = 2
MATCH = "m-1"
DEADLINE_S = 60.0
RULES = '[[rule]]\nname = "quiet"\nholds = "size(match.players) < 3"\n'


@dataclass(frozen=True, slots=True)
class Deployment:
    """Region eu of a deployment of two; this test plays the mirror from us."""

    prefix: str
    kafka: str
    programs: Programs
    writer: LogWriter
    settings: dict[str, str]

    async def append(self, *values: bytes, region: str = "eu", match: str = MATCH) -> None:
        """Append events of a match, or what passes for some."""
        records = [Outgoing(match.encode(), value) for value in values]
        topic, number = f"{self.prefix}.events.{region}", partition_of(match, PARTITIONS)
        await self.writer.append(topic, number, records, timeout_s=10.0)

    def read(self) -> list[confluent_kafka.Message]:
        """All records of the violations topic, as another program reads them."""
        topic = f"{self.prefix}.violations"
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka, "group.id": "stranger"})
        try:
            found: list[Any] = []
            for number in range(PARTITIONS):
                place = confluent_kafka.TopicPartition(topic, number, 0)
                _, end = consumer.get_watermark_offsets(place, timeout=10)
                consumer.assign([place])
                while end and (not found or found[-1].partition() != number or found[-1].offset() + 1 < end):
                    message = consumer.poll(10)
                    assert message is not None, "the topic does not come to its end"
                    assert message.error() is None
                    found.append(message)
            return found
        finally:
            consumer.close()

    async def published(self, count: int) -> list[confluent_kafka.Message]:
        """The records of the topic, once there are this many."""
        async with asyncio.timeout(DEADLINE_S):
            while len(found := await asyncio.to_thread(self.read)) < count:  # noqa: ASYNC110 - nobody tells this process
                await asyncio.sleep(0.05)  # until the next reading of the whole topic; under the deadline
        return found

    def dojo(self, *words: str) -> str:
        """What a command of the same settings prints."""
        done = subprocess.run(
            [sys.executable, "-m", "dojopool", *words],
            env={**self.programs.environment, **self.settings},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
async def deployment(kafka: str, unique_prefix: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Topics are there, no checker runs."""
    async with deployed(kafka, unique_prefix, tmp_path) as found:
        yield found


@asynccontextmanager
async def deployed(kafka: str, prefix: str, folder: Path) -> AsyncIterator[Deployment]:
    rules = folder / "rules.toml"
    rules.write_text(RULES)
    settings = {
        "DOJO_REGION": "eu",
        "DOJO_REGIONS": "eu,us",
        "DOJO_KAFKA": kafka,
        "DOJO_PREFIX": prefix,
        "DOJO_PARTITIONS": str(PARTITIONS),
        "DOJO_RULES": str(rules),
    }
    log = KafkaLog(kafka)
    async with programs(folder, settings) as started, log.writer() as writer:
        async with log.admin() as admin:
            await create_topics({"eu": admin}, regions=("eu", "us"), partitions=PARTITIONS, prefix=prefix)
        yield Deployment(prefix, kafka, started, writer, settings)


def fields_of(message: confluent_kafka.Message) -> dict[str, Any]:
    """A record by the schema file alone, through Avro's own reader."""
    schema = avro.schema.parse(schema_files.find("violation.avsc").read_text())
    decoder = avro.io.BinaryDecoder(io.BytesIO((message.value() or b"")[10:]))
    fields: Any = avro.io.DatumReader(schema).read(decoder)
    assert isinstance(fields, dict)
    return fields


def headers_of(message: confluent_kafka.Message) -> dict[str, str]:
    """The headers as text."""
    headers: Any = message.headers()
    return {name: value.decode("ascii") for name, value in headers}


async def rivals(deployment: Deployment) -> Scorer:
    """Two winners of one frame, each named in another region."""
    eu, us = Scorer(), Scorer("us/gs-2#b")
    await deployment.append(
        *(eu.event(MATCH, "player_joined", {"player": player}) for player in ("ana", "ben")),
        eu.event(MATCH, "frame_finished", {"frame": 1, "winner": "ana"}),
    )
    await deployment.append(us.event(MATCH, "frame_finished", {"frame": 1, "winner": "ben"}), region="us")
    return eu


async def test_strangers_read_what_a_checker_publishes(deployment: Deployment) -> None:
    """confluent-kafka and Avro's own reader need the schema file alone; headers say what it is; the commands show it,
    with the evidence, and replay the match.
    """
    checker = await deployment.programs.program("checker", "checker")
    eu = await rivals(deployment)
    [suspected] = await deployment.published(1)
    await deployment.append(
        eu.event(MATCH, "frame_finished", {"frame": 1, "winner": "ana"}, seen={"us/gs-2#b": 1}),
        eu.event(MATCH, "player_joined", {"player": "zoe"}),
    )
    messages = await deployment.published(3)
    code = await checker.stop()
    told = [(fields_of(message)["state"], fields_of(message)["rule"]) for message in messages]
    listed = [json.loads(line) for line in deployment.dojo("violations", "list", "--all", "--json").splitlines()]
    shown = json.loads(deployment.dojo("violations", "show", fields_of(suspected)["id"][:10], "--json"))
    replayed = deployment.dojo("replay", "--match", MATCH)

    assert code == 0
    assert told == [("suspected", "single-winner"), ("cleared", "single-winner"), ("suspected", "quiet")]
    assert (suspected.key(), headers_of(suspected)["ce_type"]) == (b"m-1", "dojopool.violation.suspected")
    assert fields_of(suspected)["values"] == {"frames.1.winner": '["ana","ben"]'}
    assert {found["rule"]: found["state"] for found in listed} == {"single-winner": "cleared", "quiet": "suspected"}
    assert [event["body"]["winner"] for event in shown["evidence_events"]] == ["ben", "ana"]
    assert shown["views"] == {}
    assert "    broken: single-winner" in replayed.splitlines()
    assert replayed.splitlines()[-1] == "    broken: quiet"


@pytest.mark.parametrize("point", ["read", "judged", "published"])
async def test_a_kill_loses_no_violation_and_makes_none_twice(deployment: Deployment, point: Point) -> None:
    """Killed with records read, with violations found, and with violations published: the next checker publishes what
    is missing, and whatever comes twice is the same bytes.
    """
    held = await deployment.programs.held("checker", "first", point=point)
    await rivals(deployment)
    await eventually(held.is_reached, what=f"the failpoint {point} is reached", within_s=DEADLINE_S)
    await held.program.kill()
    await deployment.programs.program("checker", "second")
    await deployment.append(Scorer("eu/gs-9#z").points("m-2"), match="m-2")
    await deployment.published(2)
    messages = await deployment.published(2)
    values: dict[tuple[str, str], set[bytes]] = {}
    for message in messages:
        fields = fields_of(message)
        values.setdefault((fields["id"], fields["state"]), set()).add(message.value() or b"")

    assert sorted({fields_of(message)["rule"] for message in messages}) == ["known-player", "single-winner"]
    assert all(len(forms) == 1 for forms in values.values())


async def test_json_needs_no_schema(deployment: Deployment) -> None:
    """With DOJO_VIOLATIONS_FORMAT=json a record is plain JSON with the same fields."""
    await deployment.programs.program("checker", "checker", DOJO_VIOLATIONS_FORMAT="json")
    await rivals(deployment)
    [message] = await deployment.published(1)
    fields = json.loads(message.value() or b"")

    assert headers_of(message)["content-type"] == "application/json"
    assert (fields["rule"], fields["match"], fields["state"]) == ("single-winner", "m-1", "suspected")
