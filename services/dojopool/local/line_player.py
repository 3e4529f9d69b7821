"""Playing events from a file as JSON lines: each exactly as it is written there, under its own node and number.

This replays what others recorded; nothing is numbered, stamped or checked against a game's rules anew. A line goes to
the topic of its node's own region, in the order of the file. To play a file twice is harmless: same dot, same bytes.

An event whose bytes no schema can say (an unknown type, a body of the wrong form) cannot be sent and is reported, like
a line that is no event, and one of a region that is not played in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Final

from dojopool.codec.event_codec import EventCodec
from dojopool.codec.json_form import JsonEvent, event_of
from dojopool.core.event import Event, RefusedBody
from dojopool.core.names import region_of
from dojopool.core.partition import partition_of
from dojopool.errors import InvalidEvent, Unavailable
from dojopool.local.event_lines import Complain, Finding, events_in
from dojopool.local.pace import Pace
from dojopool.ports import LogWriter, Outgoing

CHUNK_EVENTS_MAX: Final = 1000
"""Events on their way at once: many enough to fill batches, few enough to report progress."""

CHUNKS_PER_S_MIN: Final = 10
"""With a rate, chunks are made so small that this many fit in a second."""

APPEND_TIMEOUT_S: Final = 10.0
GIVE_UP_S: Final = 60.0
"""How long an append whose outcome is unknown is repeated: longer than a broker takes to come back."""

PAUSE_S: Final = 0.5
"""Between two tries."""


@dataclass(slots=True)
class LinePlay:
    """What became of a file."""

    sent: int = 0
    """Events that are in their region's log now."""
    refused: int = 0
    """Lines that were reported instead."""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The figures, as commands print them."""
        return {
            "sent": self.sent,
            "refused": self.refused,
            "seconds": round(self.seconds, 3),
            "events_per_second": round(self.sent / self.seconds) if self.seconds else 0,
        }


class LinePlayer:
    """Plays files through one writer per region."""

    def __init__(
        self, writers: Mapping[str, LogWriter], *, codec: EventCodec, partitions: int, prefix: str, report: Complain
    ) -> None:
        self._writers, self._codec, self._partitions, self._prefix = writers, codec, partitions, prefix
        self._report = report

    async def play(
        self, file: BinaryIO, *, rate: float | None = None, sent: Callable[[int], None] | None = None
    ) -> LinePlay:
        """Send every event of `file`, at most `rate` a second; `sent` is told how many more are, now and then.

        On return every event sent is acknowledged. Raises Unavailable when a log did not answer for GIVE_UP_S: the
        message says up to which line all is sent.
        """
        now = asyncio.get_running_loop().time
        started_s, result, pace = now(), LinePlay(), Pace(rate)
        chunk_size = CHUNK_EVENTS_MAX
        if rate is not None:
            chunk_size = max(1, min(chunk_size, int(rate / CHUNKS_PER_S_MIN)))
        events = self._events(file, result)
        line = 0
        while chunk := list(islice(events, chunk_size)):
            await pace.turn(len(chunk))
            try:
                await self._append([event for _, event in chunk])
            except Unavailable as error:
                raise Unavailable(
                    f"{error}. All events up to line {line} are sent, of later ones some may be:"
                    " play the file again, what is there already counts once"
                ) from error
            line = chunk[-1][0]
            result.sent += len(chunk)
            if sent is not None:
                sent(len(chunk))
        result.seconds = now() - started_s
        return result

    def _events(self, file: BinaryIO, result: LinePlay) -> Iterator[tuple[int, Event]]:
        """The events that can be sent, each with its line."""

        def refuse(finding: Finding) -> None:
            result.refused += 1
            self._report(finding)

        for number, said in events_in(file, refuse):
            event = self._sendable(said)
            if isinstance(event, Event):
                yield number, event
            else:
                refuse(Finding((number,), event))

    def _sendable(self, said: JsonEvent) -> Event | str:
        """The event, or why it cannot be sent."""
        region = region_of(said.node)
        if region not in self._writers:
            return f"node {said.node} writes in region {region}, this plays in {','.join(self._writers)} only"
        try:
            event = event_of(said, self._codec)
        except InvalidEvent as error:
            return str(error)
        return event.body.reason if isinstance(event.body, RefusedBody) else event

    async def _append(self, events: list[Event]) -> None:
        """Append a chunk, to all partitions at once and in order within each."""
        batches: dict[tuple[str, int], list[Outgoing]] = {}
        for event in events:
            place = (region_of(event.node), partition_of(event.match, self._partitions))
            batches.setdefault(place, []).append(Outgoing(event.match.encode(), event.data))
        results = await asyncio.gather(
            *(self._append_to(region, partition, batch) for (region, partition), batch in batches.items()),
            return_exceptions=True,  # the appends of other partitions end before an error is told
        )
        for error in results:
            if error is not None:
                raise error

    async def _append_to(self, region: str, partition: int, batch: list[Outgoing]) -> None:
        topic = f"{self._prefix}.events.{region}"
        now = asyncio.get_running_loop().time
        give_up_at_s = now() + GIVE_UP_S
        while True:
            try:
                await self._writers[region].append(topic, partition, batch, timeout_s=APPEND_TIMEOUT_S)
            except Unavailable:
                if now() >= give_up_at_s:
                    raise
                await asyncio.sleep(PAUSE_S)
            else:
                return
