"""The check of topics before a replica starts. The rest of the wiring is proven by running the program."""

from __future__ import annotations

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.errors import ConfigError
from dojopool.replica.config import ReplicaConfig
from dojopool.replica.wiring import check_topics

CONFIG = ReplicaConfig(region="eu", regions=("eu", "us"), partitions=4, prefix="dojo", owner="host/1/a")
TOPICS = ("dojo.events.eu", "dojo.events.us", "dojo.dead-letters")
NAMED = [("eu", TOPICS[0]), ("us", TOPICS[1]), ("dead_letters", TOPICS[2])]


def log_with(**partitions: int) -> MemoryLog:
    """A log with the topics of two regions, of 4 partitions unless told otherwise; 0 leaves a topic out."""
    log = MemoryLog(region="eu")
    for topic in TOPICS:
        count = partitions.get(topic.rpartition(".")[2].replace("-", "_"), 4)
        if count:
            log.create(topic, partitions=count, config={})
    return log


async def test_topics_that_fit_pass() -> None:
    """With every topic there and of the right size nothing is said."""
    await check_topics(log_with(), CONFIG, CONFIG.letters_topic)


@pytest.mark.parametrize(("missing", "topic"), NAMED)
async def test_a_topic_that_is_missing_is_named(missing: str, topic: str) -> None:
    """Any of them, the mirrored ones and that of the letters too; the error says what makes it."""
    with pytest.raises(ConfigError, match=f"topic {topic} does not exist in region eu: run `dojo topics create`"):
        await check_topics(log_with(**{missing: 0}), CONFIG, CONFIG.letters_topic)


@pytest.mark.parametrize(("other", "topic"), NAMED)
async def test_another_number_of_partitions_is_refused(other: str, topic: str) -> None:
    """A match would be looked for in the wrong partition: both numbers are told."""
    with pytest.raises(ConfigError, match=f"topic {topic} has 5 partitions, DOJO_PARTITIONS says 4"):
        await check_topics(log_with(**{other: 5}), CONFIG, CONFIG.letters_topic)
