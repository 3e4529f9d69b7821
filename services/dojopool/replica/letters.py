"""Dead letters: records that cannot be used, written where somebody can look at them, before the stream goes on.

At least once: a letter is acknowledged before the batch that skips its record is stored, so a crash in between writes
it again. Its key `topic/partition/offset` makes the repeats one. While letters cannot be written the partition waits.
"""

from __future__ import annotations

from collections.abc import Sequence

import stamina

from dojopool.core.streams import Letter
from dojopool.errors import Unavailable
from dojopool.ports import LogWriter, Observer, Outgoing

APPEND_TIMEOUT_S = 10.0
RETRY_WAIT_S_MAX = 5.0


class DeadLetters:
    """Writes letters to one region's dead-letter topic."""

    def __init__(self, writer: LogWriter, observer: Observer, *, topic: str) -> None:
        self._writer, self._observer, self._topic = writer, observer, topic

    async def write(self, source: str, partition: int, letters: Sequence[Letter]) -> None:
        """Append `letters` of `source`'s `partition` to the same partition here; on return all are acknowledged.

        Retries for as long as it takes.
        """
        for letter in letters:
            key = f"{source}/{partition}/{letter.record.offset}"
            outgoing = Outgoing(key.encode(), letter.record.value or b"", self._headers(source, partition, letter))
            async for attempt in stamina.retry_context(
                on=Unavailable, attempts=None, timeout=None, wait_max=RETRY_WAIT_S_MAX
            ):
                with attempt:
                    await self._writer.append(self._topic, partition, [outgoing], timeout_s=APPEND_TIMEOUT_S)
            self._observer.letter_written(
                topic=source, partition=partition, offset=letter.record.offset, reason=letter.reason
            )

    def _headers(self, source: str, partition: int, letter: Letter) -> tuple[tuple[str, bytes], ...]:
        return (
            *((name, bytes(value or b"")) for name, value in letter.record.headers),
            ("dojo-topic", source.encode()),
            ("dojo-partition", b"%d" % partition),
            ("dojo-offset", b"%d" % letter.record.offset),
            ("dojo-reason", letter.reason.encode()),
        )
