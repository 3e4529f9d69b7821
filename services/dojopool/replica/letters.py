"""Dead letters: records that cannot be used, written where somebody can look at them, before the stream goes on.

At least once: a letter is acknowledged before the batch that skips its record is stored, so a crash in between writes
it again. Its key `topic/partition/offset` makes the repeats one. While letters cannot be written the partition waits,
whatever the reason: one that is too large, or a topic that may not be written to, is for an operator to mend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from dojopool.core.streams import Letter
from dojopool.errors import CallerError, Unavailable
from dojopool.ports import LogWriter, Observer, Outgoing
from dojopool.replica.patience import until_done

APPEND_TIMEOUT_S: Final = 10.0
RETRY_WAIT_S_MAX: Final = 5.0
LETTERS_PER_APPEND_MAX: Final = 100
"""A producer of an unknown schema makes every record a letter: a round trip for each would stop the partition."""

RECORD_BYTES_MAX: Final = 500_000
"""Of value and headers of a record that is written as it is; of a larger one the beginning is written, its headers are
left out, and `dojo-cut` says how many bytes it had."""

BYTES_PER_APPEND_MAX: Final = 4_000_000
"""Of the records in one append, but for a single longer one. What is too long for an event, and so a letter, may be as
long as its topic takes: a hundred of those would not be acknowledged within the time of one append.
"""


class DeadLetters:
    """Writes letters to one region's dead-letter topic."""

    def __init__(self, writer: LogWriter, observer: Observer, *, topic: str) -> None:
        self._writer, self._observer, self._topic = writer, observer, topic

    async def write(
        self, source: str, partition: int, letters: Sequence[Letter], *, failed: Callable[[Exception], None]
    ) -> None:
        """Append `letters` of `source`'s `partition` to the same partition here, in order; on return all are
        acknowledged.

        Retries for as long as it takes, and tells `failed` why.
        """
        for chunk in appends(letters):
            await self._append(partition, [_outgoing(source, partition, letter) for letter in chunk], failed)
            for letter in chunk:
                self._observer.letter_written(
                    topic=source,
                    partition=partition,
                    offset=letter.record.offset,
                    kind=letter.kind.value,
                    reason=letter.reason,
                )

    async def _append(self, partition: int, records: Sequence[Outgoing], failed: Callable[[Exception], None]) -> None:
        await until_done(
            lambda: self._writer.append(self._topic, partition, records, timeout_s=APPEND_TIMEOUT_S),
            doing=f"writing dead letters to {self._topic}/{partition}",
            on=(Unavailable, CallerError),
            wait_s_max=RETRY_WAIT_S_MAX,
            failed=failed,
        )


def appends(letters: Iterable[Letter]) -> Iterator[Sequence[Letter]]:
    """The letters in order, in pieces that fit one append."""
    chunk: list[Letter] = []
    size = 0
    for letter in letters:
        here = len(letter.record.value or b"")
        if chunk and (len(chunk) == LETTERS_PER_APPEND_MAX or size + here > BYTES_PER_APPEND_MAX):
            yield chunk
            chunk, size = [], 0
        chunk.append(letter)
        size += here
    if chunk:
        yield chunk


def _outgoing(source: str, partition: int, letter: Letter) -> Outgoing:
    record = letter.record
    own = (
        ("dojo-topic", source.encode()),
        ("dojo-partition", b"%d" % partition),
        ("dojo-offset", b"%d" % record.offset),
        ("dojo-reason", letter.reason.encode()),
    )
    key, value = f"{source}/{partition}/{record.offset}".encode(), record.value or b""
    theirs = tuple((name, bytes(content or b"")) for name, content in record.headers)
    if len(value) + sum(len(name) + len(content) for name, content in theirs) > RECORD_BYTES_MAX:
        # Compressed it passed the broker; no topic takes it as it is, and its place in the log is in the key.
        return Outgoing(key, value[:RECORD_BYTES_MAX], (*own, ("dojo-cut", b"%d" % len(value))))
    return Outgoing(key, value, (*theirs, *own))
