"""Proving again, while running, that the logs are still those that the state came from.

Clients know a topic by its name. One that is deleted, made anew and filled beyond a reader's place before that asks
again looks like the old one: the reader goes on in the middle of another log. So a mark that was read some time ago is
looked up again now and then: if the record at its offset is another, the stream must not be read further.

It is the mark that was newest when the stream was looked at *last*, never the newest of now, which may have been
written into the new log already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dojopool.core.cut import Position
from dojopool.core.record import Record
from dojopool.errors import CallerError, OffsetGone, StreamBroken
from dojopool.ports import LogReader, TopicPartition
from dojopool.replica.intake import Intake
from dojopool.replica.partition import OwnedPartition

PROVE_PERIOD_S: Final = 2.0

STREAMS_MAX: Final = 4
"""Streams looked at in one period, in turn: a fetch may bring a mebibyte of each for the one record that is wanted."""

WAIT_S_MAX: Final = 2.0
"""How long one look may take; what was not answered then is asked again in the next period."""

POLL_MS: Final = 100

Stream = tuple[int, str]
"""Partition number and region."""


class Prover:
    """Looks old marks up again with a reader of its own. Used by one task."""

    def __init__(self, topics: Mapping[str, str], lanes: Callable[[], Mapping[int, Intake]]) -> None:
        """`topics` by region; `lanes` returns what is held now, by partition number."""
        self._topics, self._lanes = topics, lanes
        self._marks: dict[Stream, tuple[OwnedPartition, Position]] = {}
        """What to look up, longest not looked at first; with the object under which the mark was read."""

    async def look(self, reader: LogReader) -> list[tuple[OwnedPartition, str, StreamBroken]]:
        """Look some marks up; returns the streams that have another record there, by partition and region.

        Raises what the reader raises but OffsetGone: a mark that was trimmed proves nothing, and where the log became
        shorter whoever reads it notices.
        """
        self._note_marks()
        asked = dict(list(self._marks.items())[:STREAMS_MAX])
        try:
            found = await self._records(reader, asked)
        finally:
            reader.assign({})
        broken = []
        for stream, record in found.items():
            partition, mark = self._marks.pop(stream)  # it goes to the end of the turn, with its newest mark
            fault = None if record is None else partition.proof_fault(stream[1], mark, record)
            if fault is not None:
                broken.append((partition, stream[1], fault))
        self._note_marks()
        return broken

    def _note_marks(self) -> None:
        """Take up the newest marks of streams that have none noted, and drop those of streams that are not read."""
        read = {(lane.partition.number, region): lane.partition for lane, region in self._streams()}
        self._marks = {key: held for key, held in self._marks.items() if read.get(key) is held[0]}
        for stream, partition in read.items():
            position = partition.streams.positions[stream[1]]
            if stream not in self._marks and position.tick:
                self._marks[stream] = (partition, position)

    def _streams(self) -> Iterator[tuple[Intake, str]]:
        for lane in self._lanes().values():
            for region in self._topics:
                if region not in lane.partition.broken:
                    yield lane, region

    async def _records(
        self, reader: LogReader, asked: Mapping[Stream, tuple[OwnedPartition, Position]]
    ) -> dict[Stream, Record | None]:
        """The record at each mark's offset, or the next behind it; None where the log begins behind the mark."""
        wanted: dict[TopicPartition, Stream] = {(self._topics[region], n): (n, region) for n, region in asked}
        offsets = {place: asked[stream][1].mark_offset for place, stream in wanted.items()}
        found: dict[Stream, Record | None] = {}
        now = asyncio.get_running_loop().time
        deadline_s = now() + WAIT_S_MAX
        reader.assign(offsets)
        while offsets and now() < deadline_s:
            try:
                polled = await reader.poll(timeout_ms=POLL_MS)
            except OffsetGone as gone:
                place = (gone.topic, gone.partition)
                offset = offsets.pop(place, None)
                if offset is not None and offset < gone.first:
                    found[wanted[place]] = None
                reader.assign(offsets)
                continue
            for place, records in polled.items():
                if offsets.pop(place, None) is not None:
                    found[wanted[place]] = records[0]
                    reader.pause(place)
        return found


async def keep_proving(
    prover: Prover, reader: LogReader, *, disproved: Callable[[OwnedPartition, str, StreamBroken], None]
) -> None:
    """Look marks up for ever, and tell `disproved` of each stream that is not the one it was.

    Raises Unavailable when the reader needs to be replaced.
    """
    while True:
        await asyncio.sleep(PROVE_PERIOD_S)
        try:
            broken = await prover.look(reader)
        except (CallerError, StreamBroken):
            continue  # a topic that is being made anew, a record that no client can read: whoever reads them says so
        for fault in broken:
            disproved(*fault)
