"""Topics, faults in their order, and requests that are not answered."""

from __future__ import annotations

import asyncio

import pytest

from dojopool.adapters.memory_broker import AppendFault, MemoryBroker
from dojopool.adapters.memory_partition import StoredRecord
from dojopool.errors import CallerError, OffsetGone, Unavailable
from support.virtual_time import run_in_virtual_time


def broker_with(topic: str, **config: str) -> MemoryBroker:
    """A broker with one topic of two partitions; `_` in names of settings stands for a dot."""
    broker = MemoryBroker(region="eu")
    settings = {name.replace("_", "."): value for name, value in config.items()}
    broker.create(topic, partitions=2, config=settings)
    return broker


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "x" * 250])
def test_a_name_kafka_would_refuse_is_refused(name: str) -> None:
    """A topic that could not exist on Kafka cannot exist in memory."""
    with pytest.raises(CallerError, match=r"1 to 249"):
        MemoryBroker(region="eu").create(name, partitions=1, config={})


def test_the_longest_name_is_taken() -> None:
    """Of 249 characters a name is good."""
    assert MemoryBroker(region="eu").create("x" * 249, partitions=1, config={})


def test_a_topic_made_again_is_empty() -> None:
    """A recreated topic has its partitions and settings, and offsets from 0."""
    broker = broker_with("t", retention_ms="-1")
    broker.partition(("t", 1)).append([StoredRecord(-1, None, b"a", (), 0)])
    broker.recreate("t")

    topic = broker.topic("t")
    assert topic is not None
    assert topic.config == {"retention.ms": "-1"}
    assert [(log.first, log.end) for log in topic.partitions] == [(0, 0), (0, 0)]


@pytest.mark.parametrize("partition", [("t", 2), ("t", -1), ("missing", 0)])
def test_what_does_not_exist_is_named(partition: tuple[str, int]) -> None:
    """Asking for an unknown topic or partition is the caller's fault, and the error names the region."""
    with pytest.raises(CallerError, match="region eu"):
        broker_with("t").partition(partition)


@pytest.mark.parametrize(("offset", "is_gone"), [(0, True), (1, False), (2, False), (3, True)])
def test_reading_starts_inside_the_log(offset: int, is_gone: bool) -> None:
    """From the first offset to the end a position is good; one beside it is gone."""
    broker = broker_with("t")
    log = broker.partition(("t", 0))
    log.append([StoredRecord(-1, None, b"a", (), 0)] * 2)
    log.trim(1)

    if is_gone:
        with pytest.raises(OffsetGone):
            broker.readable(("t", 0), offset)
    else:
        assert broker.readable(("t", 0), offset) is log


def test_a_topic_may_take_less_or_more() -> None:
    """`max.message.bytes` bounds key, value and headers together; without it a mebibyte and a little is taken."""
    record = StoredRecord(-1, b"kk", b"vvv", (("h", b"1234"),), 0)
    broker_with("t", max_message_bytes="10").check_size("t", [record])
    broker_with("t").check_size("t", [StoredRecord(-1, None, bytes(1 << 20), (), 0)])
    with pytest.raises(CallerError, match=r"10 bytes.*at most 9"):
        broker_with("t", max_message_bytes="9").check_size("t", [record])
    with pytest.raises(CallerError):
        broker_with("t").check_size("t", [StoredRecord(-1, None, bytes((1 << 20) + 13), (), 0)])


def test_faults_happen_in_order_and_where_they_were_ordered() -> None:
    """A fault waits for its topic, and is used up."""
    broker = broker_with("t")
    anywhere, here = AppendFault(None, 0, is_retried=False), AppendFault("letters", 1, is_retried=False)
    broker.order_fault(here)
    broker.order_fault(anywhere)

    assert [broker.take_fault(name) for name in ("t", "t", "letters", "letters")] == [anywhere, None, here, None]


async def test_a_request_gives_way() -> None:
    """Every request lets the other tasks have their turn, as one over a wire would."""
    ran: list[str] = []
    asyncio.get_running_loop().call_soon(ran.append, "other")
    await MemoryBroker(region="eu").reached(timeout_s=1.0, doing="asking")

    assert ran == ["other"]


def test_a_request_waits_for_an_answer_until_its_deadline() -> None:
    """While nothing is answered a request waits, goes on when answers come, and gives up at its deadline."""

    async def requests() -> list[float]:
        broker, loop = MemoryBroker(region="eu"), asyncio.get_running_loop()
        ended = []
        await broker.reached(timeout_s=5.0, doing="asking")
        ended.append(loop.time())
        broker.set_answers(answers=False)
        with pytest.raises(Unavailable, match=r"asking.*eu.*5\.0 s"):
            await broker.reached(timeout_s=5.0, doing="asking")
        ended.append(loop.time())
        loop.call_later(2.0, lambda: broker.set_answers(answers=True))
        await broker.reached(timeout_s=5.0, doing="asking")
        return [*ended, loop.time()]

    assert run_in_virtual_time(requests()) == [0.0, 5.0, 7.0]
