"""The proof that a stack works says no when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dojopool.errors import Unavailable
from dojopool.local.stack import MirrorMaker, Stack, create_topic
from dojopool.local.stack.mirror import probe_topic
from dojopool.local.stack.readiness import record_arrives

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


@pytest.fixture
async def unmirrored_topic(real_stack: Stack, unique_prefix: str) -> str:
    """A topic that both regions have and no flow of the mirror names."""
    for broker in real_stack.brokers.values():
        await create_topic(broker.bootstrap, unique_prefix, partitions=1)
    return unique_prefix


async def test_a_record_arrives_through_the_mirror(real_stack: Stack) -> None:
    """While the mirror runs, a record of a mirrored topic arrives, and the call returns."""
    eu, us = real_stack.brokers["eu"], real_stack.brokers["us"]

    await record_arrives(topic=probe_topic("us"), origin=us, target=eu, mirror=real_stack.mirror)


async def test_a_record_that_never_arrives_is_told(
    real_stack: Stack, unmirrored_topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nothing arrives in time, the error names the way and shows the mirror's log."""
    monkeypatch.setattr("dojopool.local.stack.readiness.MIRROR_SECONDS", 1.0)
    eu, us = real_stack.brokers["eu"], real_stack.brokers["us"]
    with pytest.raises(Unavailable, match=r"from kafka eu to kafka us did not arrive within 1 s; the end of .*mirror"):
        await record_arrives(topic=unmirrored_topic, origin=eu, target=us, mirror=real_stack.mirror)


async def test_a_dead_mirror_is_not_waited_for(real_stack: Stack, unmirrored_topic: str, tmp_path: Path) -> None:
    """When the mirror has ended, the two minutes are not spent."""
    ended = MirrorMaker(folder=tmp_path, bootstraps={}, prefixes=())
    eu, us = real_stack.brokers["eu"], real_stack.brokers["us"]
    with pytest.raises(Unavailable, match="the mirror ended while a record was on its way"):
        await record_arrives(topic=unmirrored_topic, origin=eu, target=us, mirror=ended)
