"""What one partition's events go through between `record` and the log: a bounded queue with one sender.

An event is numbered as it is put here, and from then on it is sent whatever becomes of its caller: a caller who gives
up would otherwise leave a hole behind which the match stands still. The sender takes everything that is queued, in
order, and has one append under way; so batches grow under load by themselves and a lone event leaves at once.

When an append ends without an answer, the same bytes are sent again until there is one. Nothing behind overtakes, so
"acknowledged" always means "and everything before". A record that the log can never take is the end of its node on its
match: what stands behind it is taken back too, and the author goes on as a new node.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from math import inf
from typing import Final

from dojopool.client.alarm import Alarm
from dojopool.client.author import Author
from dojopool.client.config import Limits
from dojopool.client.gate import Gate
from dojopool.client.receipts import LogPosition, Mode
from dojopool.client.shipment import Shipment
from dojopool.core.event import Dot
from dojopool.errors import CallerError, Unavailable
from dojopool.ports import LogWriter, TopicPartition

EXPIRY_GRAIN_S: Final = 0.005
"""Shortest time between two looks for deadlines that have passed; each look goes through the whole queue."""

LATE_MAX: Final = 10_000
"""Unknown receipts whose later answer is kept; of older ones the region's clock tells."""

LATE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Bytes of those events: a late answer is kept with the event itself, which may be 64 KiB."""


class Outbox:
    """The queue of one partition: `put` shipments while `gate` is open, and let `run` send them."""

    def __init__(
        self, where: TopicPartition, *, writer: LogWriter, limits: Limits, region: str, mode: Callable[[], Mode]
    ) -> None:
        self.gate = Gate(self._has_room)
        """To be passed before `put`."""
        self._topic, self.partition = where
        self._writer, self._limits, self._region, self._mode = writer, limits, region, mode
        self._queue: deque[Shipment] = deque()
        self._bytes = 0
        self._is_filled, self._is_empty = asyncio.Event(), asyncio.Event()
        self._is_empty.set()
        self._alarm = Alarm(self._expire)
        self._trouble = "no answer yet"
        self._late: dict[tuple[str, Dot], Shipment] = {}
        self._late_bytes = 0

    def put(self, shipment: Shipment) -> None:
        """Queue a shipment behind all others. It is sent until it is acknowledged or can never be."""
        if not self._queue:
            self._is_filled.set()
            self._is_empty.clear()
        self._queue.append(shipment)
        self._bytes += len(shipment.outgoing.value)
        self._alarm.at(shipment.deadline_s)

    def keep_late(self, shipment: Shipment) -> None:
        """Remember a shipment whose receipt said Unknown, for `late`."""
        key = (shipment.match, (shipment.node, shipment.seq))
        if key not in self._late:
            self._late_bytes += len(shipment.outgoing.value)
        self._late[key] = shipment
        while len(self._late) > LATE_MAX or self._late_bytes > LATE_BYTES_MAX:
            self._late_bytes -= len(self._late.pop(next(iter(self._late))).outgoing.value)

    def late(self, match: str, dot: Dot) -> Shipment | None:
        """The shipment of an Unknown receipt, whose `answer` has or gets what became of it."""
        return self._late.get((match, dot))

    @property
    def refusal(self) -> str:
        """Why the gate let nobody in, in words."""
        if self.gate.is_closed:
            return "the connection is being closed: it takes no more events"
        return (
            f"{len(self._queue)} events ({self._bytes} bytes) of partition {self.partition} wait for the log of"
            f" region {self._region}, and no more fit: {self._trouble}"
        )

    async def run(self) -> None:
        """Send what is put, until cancelled."""
        while True:
            await self._is_filled.wait()
            while self._queue:
                await self._send(self._next_batch())
            self._is_filled.clear()
            self._is_empty.set()

    async def drain(self) -> None:
        """Let nobody in, and wait until everything is acknowledged or given up."""
        self.gate.close()
        await self._is_empty.wait()

    def close(self) -> None:
        """Let nobody in, and answer Unknown for what is left. `run` must have ended."""
        self.gate.close()
        self._alarm.cancel()
        reason = f"the connection was closed before the log of region {self._region} answered: {self._trouble}"
        for shipment in self._queue:
            shipment.is_doubtful = True
            shipment.give_up(reason, region=self._region, mode=self._mode())
        self._queue.clear()

    def _has_room(self, coming: int) -> bool:
        limits = self._limits
        return len(self._queue) + coming < limits.queue_records_max and self._bytes < limits.queue_bytes_max

    def _next_batch(self) -> list[Shipment]:
        """The head of the queue, as much of it as one append may hold; it stays queued until it is acknowledged."""
        batch: list[Shipment] = []
        size = 0
        for shipment in islice(self._queue, self._limits.batch_records_max):
            size += len(shipment.outgoing.value)
            if batch and size > self._limits.batch_bytes_max:
                break
            batch.append(shipment)
        return batch

    async def _send(self, batch: Sequence[Shipment]) -> None:
        """Bring the head of the queue into the log. When something in it can never be taken, find out what by halves:
        an append does not say which.
        """
        try:
            offset = await self._append(batch)
        except CallerError as error:
            if len(batch) == 1:
                self._refuse(batch[0], str(error))
                return
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                if rest := [shipment for shipment in half if not shipment.is_given_up]:
                    await self._send(rest)
        else:
            self._acknowledge(batch, offset)

    async def _append(self, batch: Sequence[Shipment]) -> int:
        """Append the same bytes until the log answers, and return the first offset. Raises CallerError."""
        records = [shipment.outgoing for shipment in batch]
        pause_s = self._limits.pause_s_min
        while True:
            try:
                return await self._writer.append(
                    self._topic, self.partition, records, timeout_s=self._limits.attempt_timeout_s
                )
            except Unavailable as error:
                self._trouble = str(error)
                for shipment in batch:
                    shipment.is_doubtful = True
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._limits.pause_s_max)

    def _acknowledge(self, batch: Sequence[Shipment], offset: int) -> None:
        self._trouble = "no answer yet"
        mode = self._mode()
        for place, shipment in enumerate(batch, offset):
            head = self._queue.popleft()
            assert head is shipment, "what is acknowledged must be the head of the queue: order was lost"
            self._bytes -= len(shipment.outgoing.value)
            shipment.accept(LogPosition(self._topic, self.partition, place), region=self._region, mode=mode)
        self.gate.admit()

    def _refuse(self, refused: Shipment, reason: str) -> None:
        """Take back the shipment at the head, and what its node wrote behind it on the match: its number stays empty,
        so nothing behind it could ever be delivered.
        """
        author = refused.author
        lost = [refused]
        if author is not None:
            lost = [shipment for shipment in self._queue if shipment.author is author]
            author.renew(certain=refused.seq - 1)
        behind = f"event {refused.seq} of the same writer on match {refused.match} was refused: {reason}"
        for shipment in lost:
            self._bytes -= len(shipment.outgoing.value)
            shipment.give_up(reason if shipment is refused else behind, region=self._region, mode=self._mode())
        self._queue = deque(shipment for shipment in self._queue if not shipment.is_given_up)
        self.gate.admit()

    def _expire(self) -> None:
        """Answer Unknown for shipments whose deadline has passed, and for those behind them on the same match."""
        now = asyncio.get_running_loop().time()
        reason = f"the log of region {self._region} did not acknowledge it in time: {self._trouble}"
        doubtful: set[Author | None] = set()
        next_s = inf
        for shipment in self._queue:
            if shipment.has_expired:
                continue
            if shipment.deadline_s <= now:
                doubtful.add(shipment.author)
            elif shipment.author is None or shipment.author not in doubtful:
                next_s = min(next_s, shipment.deadline_s)
                continue
            if shipment.expire(reason, region=self._region, mode=self._mode()):
                self.keep_late(shipment)
        if next_s < inf:
            self._alarm.at(max(next_s, now + EXPIRY_GRAIN_S))
