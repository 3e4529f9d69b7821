"""The local stack itself: it comes up, mirrors, shows what died, repairs itself, and ends what it started only."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

from dojopool.local.stack import Stack
from support.servers import need_java, need_redis

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

DOJO = (sys.executable, "-c", "from dojopool.cli.main import main; main()", "stack")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of one stack for this file, down when the file is done."""
    need_java()
    need_redis()
    folder = tmp_path_factory.mktemp("cli")
    yield folder
    stack = Stack.open(folder / "stack")
    if stack is not None:
        asyncio.run(stack.down())


def dojo_stack(
    *arguments: str, data_dir: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `dojo stack` as its own process, as a user does: what it starts must outlive it."""
    return subprocess.run(
        [*DOJO, *arguments],
        env={**environment_for(data_dir), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def environment_for(data_dir: Path) -> dict[str, str]:
    """The environment of this run without its own settings, with another data folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DOJO_")}
    return {**inherited, "DOJO_DATA_DIR": str(data_dir)}


def command_line(process: psutil.Process) -> str:
    """The command line of a process, empty when it ended or is not ours to see."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def pids(data_dir: Path) -> dict[str, int]:
    """Server name -> pid, as `status --json` says."""
    shown = json.loads(dojo_stack("status", "--json", data_dir=data_dir).stdout)
    return {server["name"]: server["pid"] for server in shown["servers"]}


def conditions(data_dir: Path) -> dict[str, str]:
    """Server name -> condition, as `status --json` says."""
    shown = json.loads(dojo_stack("status", "--json", data_dir=data_dir).stdout)
    return {server["name"]: server["condition"] for server in shown["servers"]}


async def test_what_is_produced_in_one_region_is_read_in_the_other(real_stack: Stack, stack_prefix: str) -> None:
    """A record keeps key, value, headers, timestamp and partition on its way through the mirror."""
    topic = f"{stack_prefix}.events.eu"
    sent = {"value": b"points", "key": b"m-1", "timestamp_ms": 1_700_000_000_000, "headers": [("h", b"1"), ("h", b"")]}

    async with AIOKafkaProducer(bootstrap_servers=real_stack.brokers["eu"].bootstrap) as producer:
        await producer.send_and_wait(topic, partition=3, **sent)
    async with AIOKafkaConsumer(bootstrap_servers=real_stack.brokers["us"].bootstrap) as consumer:
        consumer.assign([TopicPartition(topic, 3)])
        await consumer.seek_to_beginning()
        read = await consumer.getone()

    assert (read.value, read.key, read.partition) == (b"points", b"m-1", 3)
    assert (read.timestamp, read.headers) == (1_700_000_000_000, (("h", b"1"), ("h", b"")))


async def test_each_region_has_a_redis_of_its_own(real_stack: Stack, unique_prefix: str) -> None:
    """A key written in one region's Redis is not in the other's."""
    async with (
        Redis.from_url(real_stack.redis["eu"].url) as eu,
        Redis.from_url(real_stack.redis["us"].url) as us,
    ):
        await eu.set(unique_prefix, "here")

        assert await eu.get(unique_prefix) == b"here"
        assert await us.get(unique_prefix) is None


async def test_a_killed_mirror_loses_nothing(real_stack: Stack, stack_prefix: str) -> None:
    """Records written while the mirror is dead, and before, are in the other region after its restart."""
    topic = f"{stack_prefix}.events.us"
    written = [str(number).encode() for number in range(200)]

    async with AIOKafkaProducer(bootstrap_servers=real_stack.brokers["us"].bootstrap) as producer:
        for value in written[:100]:
            await producer.send_and_wait(topic, value, partition=0)
        await real_stack.kill("mirror")
        for value in written[100:]:
            await producer.send_and_wait(topic, value, partition=0)
    await real_stack.start("mirror")
    read: list[bytes] = []
    async with AIOKafkaConsumer(bootstrap_servers=real_stack.brokers["eu"].bootstrap) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        while not read or read[-1] != written[-1]:
            read.append((await consumer.getone()).value)

    assert written == list(dict.fromkeys(read))


async def test_a_killed_broker_comes_back_with_its_records(real_stack: Stack, stack_prefix: str) -> None:
    """What a broker acknowledged is there after SIGKILL and a restart on the same address."""
    topic = f"{stack_prefix}.events.eu"
    bootstrap = real_stack.brokers["eu"].bootstrap
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, b"kept", partition=1)

    await real_stack.kill("kafka eu")
    await real_stack.start("kafka eu")

    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        consumer.assign([TopicPartition(topic, 1)])
        await consumer.seek_to_beginning()
        assert (await consumer.getone()).value == b"kept"


def test_a_stack_from_up_to_wipe(data_dir: Path) -> None:
    """`up` survives its command, a second one changes nothing, a crash is shown and repaired, `down` ends it all."""
    first = dojo_stack("up", "--regions", "eu", "--partitions", "2", "--json", data_dir=data_dir)
    assert first.returncode == 0, first.stderr
    assert re.fullmatch(
        r'\{"regions": \{"eu": \{"kafka": "127\.0\.0\.1:\d+", "redis": "redis://127\.0\.0\.1:\d+"\}\}\}\n', first.stdout
    )
    started = pids(data_dir)
    assert {"kafka eu", "redis eu"} == started.keys()

    second = dojo_stack("up", "--regions", "eu", "--partitions", "2", "--json", data_dir=data_dir)
    assert (0, first.stdout) == (second.returncode, second.stdout)
    assert "already up" in second.stderr
    assert started == pids(data_dir)

    other = dojo_stack("up", "--regions", "eu", "--partitions", "3", data_dir=data_dir)
    assert other.returncode == 1
    assert "the regions eu with 2 partitions, not the regions eu with 3" in " ".join(other.stderr.split())

    os.kill(started["kafka eu"], signal.SIGKILL)
    psutil.wait_procs([psutil.Process(started["kafka eu"])], timeout=10)
    assert conditions(data_dir) == {"kafka eu": "ended", "redis eu": "running"}
    assert dojo_stack("status", data_dir=data_dir).returncode == 1

    repaired = dojo_stack("up", "--regions", "eu", "--partitions", "2", "--json", data_dir=data_dir)
    assert (0, first.stdout) == (repaired.returncode, repaired.stdout)
    assert conditions(data_dir) == {"kafka eu": "running", "redis eu": "running"}

    running = [psutil.Process(pid) for pid in pids(data_dir).values()]
    with subprocess.Popen(["sleep", "600"]) as bystander:
        down = dojo_stack("down", "--wipe", data_dir=data_dir)
        assert bystander.poll() is None
        bystander.kill()
    assert (down.returncode, down.stderr.strip()) == (0, "ended kafka eu, redis eu")
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in running)
    assert not (data_dir / "stack").exists()


def test_an_interrupted_up_leaves_nothing_running(tmp_path: Path) -> None:
    """Ctrl-C half way ends what was started, and whoever comes next meanwhile is told to wait."""
    need_java()
    need_redis()
    with subprocess.Popen(
        [*DOJO, "up"], env=environment_for(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as up:
        assert up.stderr is not None
        for line in up.stderr:
            if "kafka eu answers" in line:
                break
        meanwhile = dojo_stack("down", data_dir=tmp_path)
        up.send_signal(signal.SIGINT)
        up.wait(timeout=60)

    assert meanwhile.returncode == 4
    assert "another `dojo stack` command is at work" in meanwhile.stderr
    assert up.returncode != 0
    assert set(conditions(tmp_path).values()) == {"ended"}
    assert [process for process in psutil.process_iter() if str(tmp_path) in command_line(process)] == []


def test_up_without_java_says_what_to_install(tmp_path: Path) -> None:
    """Without Java the exit code is 4, nothing is left running, and the message names the place looked at."""
    run = dojo_stack("up", data_dir=tmp_path, environment={"PATH": str(tmp_path / "empty"), "JAVA_HOME": ""})

    assert run.returncode == 4
    assert "Java 17 or newer" in run.stderr
    assert str(tmp_path / "empty") in run.stderr
    assert run.stdout == ""
    assert dojo_stack("status", data_dir=tmp_path).returncode == 1
