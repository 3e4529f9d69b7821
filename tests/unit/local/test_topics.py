"""The topics of a deployment are made once, checked ever after, and never changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.local.topics import EVENTS_CONFIG, check_topics, create_topics
from dojopool.ports import LogAdmin


@pytest.fixture
async def admins() -> AsyncIterator[Mapping[str, LogAdmin]]:
    """Two regions' logs without a topic."""
    async with MemoryLog(region="eu").admin() as eu, MemoryLog(region="us").admin() as us:
        yield {"eu": eu, "us": us}


async def create(admins: Mapping[str, LogAdmin], *, partitions: int = 3) -> dict[tuple[str, str], str]:
    """What `create_topics` reports, by region and topic."""
    reports = await create_topics(admins, regions=("eu", "us"), partitions=partitions, prefix="test")
    return {(report.region, report.topic): report.outcome for report in reports}


async def test_every_region_holds_every_regions_events(admins: Mapping[str, LogAdmin]) -> None:
    """Each region's log gets the events topics of all regions, alike, kept until somebody trims them."""
    outcomes = await create(admins)

    for region, admin in admins.items():
        for topic in ("test.events.eu", "test.events.us"):
            found = await admin.describe_topic(topic)
            assert outcomes[region, topic] == "created"
            assert found is not None
            assert found.partitions == 3
            assert found.config.items() >= EVENTS_CONFIG.items()


async def test_every_region_has_topics_of_its_own(admins: Mapping[str, LogAdmin]) -> None:
    """Letters and violations are spread like events; modes are in one order; snapshots keep the newest of each key."""
    await create(admins)
    found = {
        name: await admins["eu"].describe_topic(f"test.{name}")
        for name in ("dead-letters", "violations", "modes", "snapshots")
    }

    assert {name: topic and topic.partitions for name, topic in found.items()} == {
        "dead-letters": 3,
        "violations": 3,
        "modes": 1,
        "snapshots": 1,
    }
    assert {name: topic and topic.config["cleanup.policy"] for name, topic in found.items()} == {
        "dead-letters": "delete",
        "violations": "delete",
        "modes": "delete",
        "snapshots": "compact",
    }


async def test_creating_twice_changes_nothing(admins: Mapping[str, LogAdmin]) -> None:
    """What is there and right is reported as there, and checking agrees."""
    first, second = await create(admins), await create(admins)
    checked = await check_topics(admins, regions=("eu", "us"), partitions=3, prefix="test")

    assert set(first.values()) == {"created"}
    assert set(second.values()) == {"exists"}
    assert first.keys() == second.keys()
    assert all(report.is_good for report in checked)


async def test_checking_makes_nothing(admins: Mapping[str, LogAdmin]) -> None:
    """A check of a log without topics names each as missing, and leaves none behind."""
    reports = await check_topics(admins, regions=("eu", "us"), partitions=3, prefix="test")

    assert {report.outcome for report in reports} == {"missing"}
    assert not any(report.is_good for report in reports)
    assert len(reports) == 12
    assert await admins["eu"].describe_topic("test.events.eu") is None


async def test_another_number_of_partitions_is_named(admins: Mapping[str, LogAdmin]) -> None:
    """A topic made for another deployment keeps its partitions; both numbers are told."""
    await admins["us"].create_topic("test.events.eu", partitions=1, config=EVENTS_CONFIG)
    reports = await create_topics(admins, regions=("eu", "us"), partitions=3, prefix="test")
    [wrong] = [report for report in reports if not report.is_good]

    assert (wrong.region, wrong.topic, wrong.outcome) == ("us", "test.events.eu", "differs")
    assert wrong.problems == ("has 1 partition, 3 partitions needed",)


@pytest.mark.parametrize(
    ("topic", "config", "problem"),
    [
        (
            "events.us",
            {**EVENTS_CONFIG, "retention.ms": "604800000"},
            "has retention.ms=604800000, retention.ms=-1 needed",
        ),
        ("events.us", {**EVENTS_CONFIG, "retention.bytes": "1"}, "has retention.bytes=1, retention.bytes=-1 needed"),
        (
            "events.us",
            {**EVENTS_CONFIG, "cleanup.policy": "compact"},
            "has cleanup.policy=compact, cleanup.policy=delete needed",
        ),
        (
            "events.us",
            {**EVENTS_CONFIG, "message.timestamp.type": "LogAppendTime"},
            "has message.timestamp.type=LogAppendTime, message.timestamp.type=CreateTime needed",
        ),
        ("violations", {"cleanup.policy": "compact"}, "has cleanup.policy=compact, cleanup.policy=delete needed"),
    ],
)
async def test_a_setting_that_would_lose_records_is_named(
    admins: Mapping[str, LogAdmin], topic: str, config: Mapping[str, str], problem: str
) -> None:
    """A topic whose settings would drop, merge or re-date records is named with what was found and what is needed."""
    await admins["eu"].create_topic(f"test.{topic}", partitions=3, config=config)
    reports = await check_topics(admins, regions=("eu", "us"), partitions=3, prefix="test")
    [wrong] = [report for report in reports if report.outcome == "differs"]

    assert (wrong.region, wrong.topic, wrong.problems) == ("eu", f"test.{topic}", (problem,))


async def test_what_the_operator_may_choose_is_left_alone(admins: Mapping[str, LogAdmin]) -> None:
    """How long letters are kept, and settings the system does not rely on, are no fault."""
    config = {"cleanup.policy": "delete", "retention.ms": "86400000", "min.insync.replicas": "2"}
    await admins["eu"].create_topic("test.dead-letters", partitions=3, config=config)
    outcomes = await create(admins)

    assert outcomes["eu", "test.dead-letters"] == "exists"
