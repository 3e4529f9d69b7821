"""What only a real Kafka can provoke: restarts, silence, damage, refusals, and what lag tools see.

What concerns reading and membership is asked of both clients.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.records import append, outgoing, values_of
from contracts.waiting import DEADLINE_S, POLL_MS, bounds_of, drain, owned_by, read_until
from dojopool.adapters import kafka_reader, kafka_writer
from dojopool.adapters.confluent_log import ConfluentLog
from dojopool.adapters.kafka_log import KafkaLog
from dojopool.errors import CallerError, ConfigError, StreamBroken, Unavailable
from dojopool.local.stack import KafkaBroker
from dojopool.local.stack.ports import free_ports
from dojopool.ports import EventLog, LogReader, Outgoing
from support.offsets import committed_by
from support.servers import start_kafka

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

GIVE_UP_S = 1.0
"""For an append that is meant to run out of time."""


@pytest.fixture
def log(kafka: str) -> EventLog:
    """The run's broker."""
    return KafkaLog(kafka, client_id="edges")


@pytest.fixture(params=[KafkaLog, ConfluentLog])
def kind(request: pytest.FixtureRequest) -> type[KafkaLog]:
    """The clients that read and join."""
    found: type[KafkaLog] = request.param
    return found


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker of this module's own, to be stopped and started again."""
    own = start_kafka(tmp_path_factory)
    yield own
    asyncio.run(own.kill())


@asynccontextmanager
async def topic_in(log: EventLog, name: str, *, partitions: int = 2, **config: str) -> AsyncIterator[str]:
    """A new topic with settings of its own."""
    settings = {key.replace("_", "."): value for key, value in config.items()}
    async with log.admin() as admin:
        assert await admin.create_topic(name, partitions=partitions, config=settings)
    yield name


async def test_an_append_survives_the_death_of_the_broker(broker: KafkaBroker, unique_prefix: str) -> None:
    """While the broker is dead an append ends as unknown in its time; the same bytes again bring all, in order."""
    log = KafkaLog(broker.bootstrap)
    wanted = [str(number) for number in range(30)]
    async with topic_in(log, f"{unique_prefix}.events.eu") as topic, log.writer() as writer:
        start = await writer.append(topic, 0, outgoing(*wanted[:10]), timeout_s=DEADLINE_S)
        await broker.kill()
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"10 records to .*not acknowledged"):
            await writer.append(topic, 0, outgoing(*wanted[10:20]), timeout_s=GIVE_UP_S)
        waited = time.monotonic() - began
        await broker.start()
        await writer.append(topic, 0, outgoing(*wanted[10:20]), timeout_s=DEADLINE_S)
        await writer.append(topic, 0, outgoing(*wanted[20:], "end"), timeout_s=DEADLINE_S)
        found = await read_until(log, (topic, 0), b"end", start=start)

    assert waited < GIVE_UP_S + 1
    assert [(value or b"").decode() for value in dict.fromkeys(found)] == [*wanted, "end"]


async def test_a_writer_closes_in_time_though_its_broker_is_dead(
    broker: KafkaBroker, unique_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaving a writer with a batch of unknown outcome ends after the flush time and a few seconds, and nothing is
    printed of what became of the batch.
    """
    printed: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: printed.append(context["message"]))
    monkeypatch.setattr(kafka_writer, "FLUSH_TIMEOUT_S", 0.2)
    log = KafkaLog(broker.bootstrap)
    async with topic_in(log, f"{unique_prefix}.events.eu") as topic:
        try:
            async with log.writer() as writer:
                await writer.append(topic, 0, outgoing("a"), timeout_s=DEADLINE_S)
                await broker.kill()
                with pytest.raises(Unavailable):
                    await writer.append(topic, 0, outgoing("b"), timeout_s=GIVE_UP_S)
                began = time.monotonic()
            took = time.monotonic() - began
        finally:
            await broker.start()
        gc.collect()

    assert took < 5
    assert printed == []


async def test_a_reader_says_when_its_broker_falls_silent(
    kind: type[KafkaLog], broker: KafkaBroker, unique_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polling a dead broker raises Unavailable after the silence allowed, and reads on once the broker is back."""
    monkeypatch.setattr(kafka_reader, "SILENCE_S_MAX", 1.0)
    log = kind(broker.bootstrap)
    async with topic_in(log, f"{unique_prefix}.events.eu") as topic, log.reader() as reader:
        start = await append(log, topic, 0, "a")
        reader.assign({(topic, 0): start})
        seen = values_of((await drain(reader, 1))[topic, 0])
        await broker.kill()
        with pytest.raises(Unavailable, match="not answered a fetch"):
            await asyncio.wait_for(_poll_for_ever(reader), DEADLINE_S)
        await broker.start()
        await append(log, topic, 0, "b")
        async with asyncio.timeout(DEADLINE_S):
            while len(seen) < 2:
                try:
                    for records in (await reader.poll(timeout_ms=POLL_MS)).values():
                        seen += values_of(list(records))
                except Unavailable:
                    pass

    assert seen == ["a", "b"]


async def test_a_damaged_record_breaks_its_stream_and_takes_none_of_the_others(
    kind: type[KafkaLog], broker: KafkaBroker, unique_prefix: str
) -> None:
    """Bytes changed on the broker's disk are noticed by their checksum; a healthy partition gives all its records."""
    log = kind(broker.bootstrap)
    async with topic_in(log, f"{unique_prefix}.events.eu", partitions=8) as topic:
        for number in range(8):
            assert await append(log, topic, number, f"mark-of-{number}") == 0
        await broker.stop()
        _overwrite(broker.folder, f"{topic}-4", b"mark-of-4", b"MARK-OF-4")
        await broker.start()
        seen: list[str] = []
        errors: list[str] = []
        async with log.reader() as reader, asyncio.timeout(DEADLINE_S):
            reader.assign({(topic, number): 0 for number in range(8)})
            while len(errors) < 2 or len(seen) < 7:
                try:
                    for records in (await reader.poll(timeout_ms=POLL_MS)).values():
                        seen += values_of(list(records))
                except StreamBroken as error:
                    errors.append(str(error))

    assert sorted(seen) == [f"mark-of-{number}" for number in range(8) if number != 4]
    assert all(f"{topic}/4 at offset 0" in error for error in errors)


async def _poll_for_ever(reader: LogReader) -> None:
    while True:
        await reader.poll(timeout_ms=POLL_MS)


def _overwrite(folder: Path, partition: str, old: bytes, new: bytes) -> None:
    [segment] = (folder / "data" / partition).glob("*.log")
    data = segment.read_bytes()
    assert data.count(old) == 1
    segment.write_bytes(data.replace(old, new))


async def test_a_record_the_broker_refuses_is_the_callers_fault_and_the_writer_goes_on(
    log: EventLog, unique_prefix: str
) -> None:
    """What is below our limit and above the topic's is refused by the broker; the next append starts afresh."""
    async with topic_in(log, f"{unique_prefix}.small", max_message_bytes="1000") as topic, log.writer() as writer:
        before = await writer.append(topic, 0, outgoing("a"), timeout_s=DEADLINE_S)
        with pytest.raises(CallerError, match="MessageSizeTooLarge"):
            await writer.append(topic, 0, [Outgoing(b"m-1", bytes(5_000))], timeout_s=DEADLINE_S)
        after = [await writer.append(topic, 0, outgoing(value), timeout_s=DEADLINE_S) for value in ("b", "c")]

    assert [before, *after] == [0, 1, 2]


async def test_a_refusal_behind_records_that_arrived_is_unknown(log: EventLog, unique_prefix: str) -> None:
    """When the first batch of an append is in the log and the second is refused, the call may not say "none"."""
    async with topic_in(log, f"{unique_prefix}.small", max_message_bytes="300000") as topic, log.writer() as writer:
        with pytest.raises(Unavailable, match="arrived"):
            await writer.append(
                topic, 0, [Outgoing(None, bytes(200_000)), Outgoing(None, bytes(400_000))], timeout_s=DEADLINE_S
            )

        assert (await bounds_of(log, (topic, 0)))[1] == 1


async def test_a_refusal_ends_other_appends_as_unknown_at_worst(log: EventLog, unique_prefix: str) -> None:
    """Appends to other partitions that are on their way while a producer is given up arrive or end as unknown."""
    async with topic_in(log, f"{unique_prefix}.small", max_message_bytes="1000") as topic, log.writer() as writer:

        async def steady() -> None:
            for number in range(50):
                while True:
                    try:
                        await writer.append(topic, 1, outgoing(str(number)), timeout_s=DEADLINE_S)
                        break
                    except Unavailable:
                        continue

        async with asyncio.TaskGroup() as group:
            group.create_task(steady())
            for _ in range(3):
                with pytest.raises(CallerError):
                    await writer.append(topic, 0, [Outgoing(None, bytes(5_000))], timeout_s=DEADLINE_S)
        await writer.append(topic, 1, outgoing("end"), timeout_s=DEADLINE_S)
        found = await read_until(log, (topic, 1), b"end", start=0)

    assert [(value or b"").decode() for value in dict.fromkeys(found)] == [*map(str, range(50)), "end"]


async def test_a_missing_topic_is_refused_before_anything_is_asked_of_it(
    kind: type[KafkaLog], kafka: str, topic: str
) -> None:
    """A reader assigned to a topic or partition that does not exist is told so by the next poll, and can go on."""
    log = kind(kafka)
    start = await append(log, topic, 0, "a")
    async with log.reader() as reader:
        for missing in ((f"{topic}.missing", 0), (topic, 99)):
            reader.assign({missing: 0, (topic, 0): start})
            with pytest.raises(CallerError):
                await reader.poll(timeout_ms=POLL_MS)
            with pytest.raises(CallerError):
                await reader.bounds([missing])
        reader.assign({(topic, 0): start})

        assert values_of((await drain(reader, 1))[topic, 0]) == ["a"]


async def test_a_member_of_a_missing_topic_is_refused(kind: type[KafkaLog], kafka: str, unique_prefix: str) -> None:
    """Nobody can share the partitions of a topic that does not exist."""
    log = kind(kafka)
    with pytest.raises(CallerError, match="missing"):
        async with log.membership(group=unique_prefix, topic=f"{unique_prefix}.missing"):
            pass


async def test_a_session_timeout_the_broker_does_not_allow_names_the_setting(
    kind: type[KafkaLog], kafka: str, topic: str
) -> None:
    """A broker with other limits answers with the name of the setting to change."""
    log = kind(kafka, session_timeout_ms=3_600_000)
    async with log.membership(group=f"{topic}.group", topic=topic) as member, asyncio.timeout(DEADLINE_S):
        with pytest.raises(ConfigError, match="DOJO_SESSION_TIMEOUT_MS"):
            await member.changed()


async def test_a_member_neither_reads_nor_skips_records(kafka: str, log: EventLog, topic: str) -> None:
    """Through rebalances all partitions stay paused, and the group's offsets are the committed ones and no others."""
    group = f"{topic}.group"
    await append(log, topic, 0, *map(str, range(20)))
    async with log.membership(group=group, topic=topic) as member:
        await owned_by(member, frozenset(range(4)))
        await member.commit({0: 7})
        async with log.membership(group=group, topic=topic) as second, asyncio.timeout(DEADLINE_S):
            await second.changed()
            await append(log, topic, 0, "more")
            consumers = [each._consumer for each in (member, second)]  # type: ignore[attr-defined]  # its paused set
            await asyncio.sleep(1.2)  # longer than one of its polls, so that one falls into this state

            assert [consumer.paused() == consumer.assignment() for consumer in consumers] == [True, True]
        committed = await committed_by(group, kafka)

    assert committed == {(topic, 0): 7}


@pytest.mark.parametrize("what", ["writer", "reader", "membership", "admin"])
async def test_without_a_broker_nothing_opens(kind: type[KafkaLog], what: str) -> None:
    """Where nobody listens every client says so at once and leaves nothing open."""
    [port] = free_ports(1)
    log = kind(f"127.0.0.1:{port}")
    arguments = {"group": "g", "topic": "t"} if what == "membership" else {}
    with pytest.raises(Unavailable, match=str(port)):
        async with getattr(log, what)(**arguments):
            pass
