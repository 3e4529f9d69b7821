"""Events of a file go as they are to the log of their node's region, in order, or are named."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from dojopool.adapters.memory_log import MemoryLog
from dojopool.core.partition import partition_of
from dojopool.errors import CallerError, Unavailable
from dojopool.games.loading import load_game
from dojopool.local.event_lines import Finding
from dojopool.local.line_player import CHUNK_EVENTS_MAX, GIVE_UP_S, LinePlay, LinePlayer
from dojopool.local.topics import create_topics
from support.virtual_time import run_in_virtual_time

POOL = load_game("pool")
PARTITIONS = 4


def foul(match: str, *, seq: int = 1, node: str = "eu/a#1") -> dict[str, Any]:
    """One event."""
    body = {"frame": 1, "player": "ana"}
    return {"match": match, "node": node, "seq": seq, "stamp": seq, "type": "foul_called", "body": body}


class Stage:
    """Two regions' logs, and what was reported."""

    def __init__(self) -> None:
        self.logs = {region: MemoryLog(region=region) for region in ("eu", "us")}
        self.findings: list[str] = []
        self.progress: list[int] = []

    async def play(self, lines: Iterable[Mapping[str, Any]], *, rate: float | None = None) -> LinePlay:
        """Play a file of these lines onto both logs."""
        async with AsyncExitStack() as stack:
            admins = {region: await stack.enter_async_context(log.admin()) for region, log in self.logs.items()}
            await create_topics(admins, regions=tuple(self.logs), partitions=PARTITIONS, prefix="test")
            writers = {region: await stack.enter_async_context(log.writer()) for region, log in self.logs.items()}
            player = LinePlayer(writers, codec=POOL.codec, partitions=PARTITIONS, prefix="test", report=self._report)
            file = io.BytesIO("\n".join(map(json.dumps, lines)).encode())
            return await player.play(file, rate=rate, sent=self.progress.append)

    def records(self, region: str, topic_region: str, match: str) -> list[tuple[bytes | None, bytes | None]]:
        """Key and value of every record in a match's partition of one region's log."""
        place = (f"test.events.{topic_region}", partition_of(match, PARTITIONS))
        return [(record.key, record.value) for record in self.logs[region].partition(place).read(0)]

    def _report(self, finding: Finding) -> None:
        self.findings.append(str(finding))


def encoded(event: Mapping[str, Any]) -> bytes:
    """An event's record value."""
    return POOL.codec.encode(**{"base": None, "context": None, **event})


def test_events_are_sent_as_they_are() -> None:
    """Each event is in its own region's topic, in its match's partition, byte for byte and in order."""
    stage = Stage()
    ours = [foul("m-1", seq=3), foul("m-1", seq=1), foul("m-1", seq=1)]
    theirs = foul("m-1", node="us/b#1")
    result = run_in_virtual_time(stage.play([ours[0], theirs, *ours[1:]]))

    assert (result.sent, result.refused, stage.findings) == (4, 0, [])
    assert stage.records("eu", "eu", "m-1") == [(b"m-1", encoded(event)) for event in ours]
    assert stage.records("us", "us", "m-1") == [(b"m-1", encoded(theirs))]
    assert stage.records("eu", "us", "m-1") == []


def test_what_cannot_be_sent_is_named() -> None:
    """Lines that are no event, have no bytes or belong to another region are reported; the others are sent."""
    stage = Stage()
    lines = [
        {"match": "m-1"},
        {**foul("m-1"), "type": "frame_juggled"},
        {**foul("m-1"), "body": {"frame": 1}},
        foul("m-1", node="ap/c#1"),
        {**foul("m-1"), "body": {"frame": 1, "player": "x" * 65536}},
        foul("m-1"),
    ]
    result = run_in_virtual_time(stage.play(lines))

    assert (result.sent, result.refused) == (1, 5)
    assert stage.findings[0] == "line 1: node is missing"
    assert stage.findings[1].startswith("line 2: type: 'frame_juggled' is not an event of this game")
    assert stage.findings[2] == "line 3: body.player: is missing"
    assert stage.findings[3] == "line 4: node ap/c#1 writes in region ap, this plays in eu,us only"
    assert stage.findings[4].startswith("line 5: the event takes ")


def test_many_events_are_sent_in_chunks() -> None:
    """Progress is told chunk by chunk, and order holds across chunks."""
    stage = Stage()
    events = [foul("m-1", seq=seq) for seq in range(1, 2 * CHUNK_EVENTS_MAX + 2)]
    result = run_in_virtual_time(stage.play(events))

    assert stage.progress == [CHUNK_EVENTS_MAX, CHUNK_EVENTS_MAX, 1]
    assert result.sent == len(events)
    assert stage.records("eu", "eu", "m-1") == [(b"m-1", encoded(event)) for event in events]


def test_a_rate_is_kept() -> None:
    """At 100 events a second, 201 events take two seconds."""
    stage = Stage()

    result = run_in_virtual_time(stage.play([foul(f"m-{number}") for number in range(201)], rate=100))

    assert result.seconds == pytest.approx(2.0)
    assert result.to_json() == {"sent": 201, "refused": 0, "seconds": 2.0, "events_per_second": 100}


def test_an_unknown_outcome_is_tried_again() -> None:
    """When no answer comes the same records are appended again; a repeat is harmless, a hole would not be."""
    stage = Stage()
    stage.logs["eu"].fail_next_append(stored=1, times=2)
    events = [foul("m-1", seq=seq) for seq in (1, 2, 3)]
    result = run_in_virtual_time(stage.play(events))

    assert result.sent == 3
    values = [value for _, value in stage.records("eu", "eu", "m-1")]
    assert values == [encoded(events[0])] * 2 + [encoded(event) for event in events]


def test_an_error_is_told_when_all_is_over() -> None:
    """When one partition refuses, what was under way to others has arrived before the error is told."""
    stage = Stage()
    stage.logs["us"].create("test.events.us", partitions=1, config={})
    stage.logs["eu"].fail_next_append(stored=False, times=2)
    match = next(f"m-{number}" for number in range(100) if partition_of(f"m-{number}", PARTITIONS) > 0)
    ours = foul(match)
    with pytest.raises(CallerError):
        run_in_virtual_time(stage.play([ours, foul(match, node="us/b#1")]))

    assert stage.records("eu", "eu", match) == [(match.encode(), encoded(ours))]


def test_a_silent_log_ends_the_play() -> None:
    """A log that does not answer for long enough is told, with the line up to which all is sent."""
    stage = Stage()
    first = [foul("m-1", seq=seq) for seq in range(1, CHUNK_EVENTS_MAX + 1)]

    async def silenced() -> float:
        stage.progress = SilenceAfter(stage.logs["us"])
        with pytest.raises(Unavailable, match=rf"All events up to line {CHUNK_EVENTS_MAX} are sent") as told:
            await stage.play([*first, foul("m-2", node="us/b#1")])
        assert "play the file again" in str(told.value)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(silenced()) >= GIVE_UP_S


class SilenceAfter(list[int]):
    """Silences a log as soon as anything is sent."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def append(self, sent: int) -> None:
        """Take note of progress."""
        super().append(sent)
        self._log.stop_answering()
