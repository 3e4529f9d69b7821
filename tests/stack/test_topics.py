"""`dojo topics` on a real Kafka."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
from typer.testing import CliRunner, Result

from dojopool.adapters.kafka_log import KafkaLog
from dojopool.cli.main import app

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _deployment(kafka: str, unique_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of a deployment of two regions, seen from the first."""
    for name in [name for name in os.environ if name.startswith("DOJO_")]:
        monkeypatch.delenv(name)
    settings = {"REGION": "eu", "REGIONS": "eu,us", "KAFKA": kafka, "PREFIX": unique_prefix, "PARTITIONS": "3"}
    for name, value in settings.items():
        monkeypatch.setenv(f"DOJO_{name}", value)


def topics(*words: str) -> Result:
    """Run `dojo topics`."""
    return CliRunner().invoke(app, ["topics", *words])


def test_topics_are_made_once(unique_prefix: str) -> None:
    """Missing topics fail the check and are made; then the check passes, and making them again changes nothing."""
    before, made, after, again = (
        topics("check"),
        topics("create", "--json"),
        topics("check", "--json"),
        topics("create"),
    )
    report = json.loads(made.stdout)

    assert (before.exit_code, made.exit_code, after.exit_code, again.exit_code) == (1, 0, 0, 0)
    assert f"{unique_prefix}.events.us in eu is missing: `dojo topics create` makes it" in before.stderr
    assert report["ok"] is True
    assert {topic["topic"]: (topic["region"], topic["partitions"], topic["outcome"]) for topic in report["topics"]} == {
        f"{unique_prefix}.events.eu": ("eu", 3, "created"),
        f"{unique_prefix}.events.us": ("eu", 3, "created"),
        f"{unique_prefix}.dead-letters": ("eu", 3, "created"),
        f"{unique_prefix}.violations": ("eu", 3, "created"),
        f"{unique_prefix}.modes": ("eu", 1, "created"),
        f"{unique_prefix}.snapshots": ("eu", 1, "created"),
    }
    assert {topic["outcome"] for topic in json.loads(after.stdout)["topics"]} == {"exists"}
    assert "created" not in again.stdout


def test_a_topic_that_differs_is_named(kafka: str, unique_prefix: str) -> None:
    """A topic made by hand, with Kafka's defaults, is told with what it has and what it needs, and stays as it is."""

    async def made_by_hand() -> None:
        async with KafkaLog(kafka).admin() as admin:
            await admin.create_topic(f"{unique_prefix}.events.us", partitions=2, config={})

    asyncio.run(made_by_hand())
    run, again = topics("create"), topics("check", "--json")

    assert (run.exit_code, again.exit_code) == (1, 1)
    assert f"{unique_prefix}.events.us in eu has 2 partitions, 3 partitions needed" in run.stderr
    assert f"{unique_prefix}.events.us in eu has retention.ms=604800000, retention.ms=-1 needed" in run.stderr
    assert json.loads(again.stdout)["ok"] is False
