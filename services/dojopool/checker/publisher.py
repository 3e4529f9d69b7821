"""Publishing violations: in order, each at least once, and for as long as it takes.

While the topic does not take records the partition waits, whatever the reason: a violation that was skipped would be
missing for good. Repeats are harmless, because the same id, state and clock are the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from dojopool.codec.violation_codec import ViolationCodec
from dojopool.core.invariants.violation import Violation
from dojopool.errors import CallerError, Unavailable
from dojopool.ports import LogWriter, Outgoing
from dojopool.replica.patience import until_done

APPEND_TIMEOUT_S: Final = 10.0
RETRY_WAIT_S_MAX: Final = 2.0
RECORDS_PER_APPEND_MAX: Final = 200
"""Of up to 60 KB each, though usually below one: an append stays far below what a broker takes in its time."""

SUPPRESSED_HEADER: Final = "dojo-suppressed"
"""How many findings of the record's rule were put off since the last one; absent when none."""


class Publisher:
    """Writes to one region's violations topic."""

    def __init__(self, writer: LogWriter, codec: ViolationCodec, *, topic: str, source: str) -> None:
        self._writer, self._codec, self._topic, self._source = writer, codec, topic, source

    async def write(
        self,
        partition: int,
        violations: Sequence[Violation],
        *,
        suppressed: Mapping[str, int],
        failed: Callable[[Exception], None],
    ) -> None:
        """Append `violations` to a partition, in order; on return all are acknowledged. Retries for as long as it takes
        and tells `failed` why.
        """
        for chunk in self._chunks(violations, Counter(suppressed)):
            await self._append(partition, chunk, failed)

    async def _append(self, partition: int, chunk: Sequence[Outgoing], failed: Callable[[Exception], None]) -> None:
        await until_done(
            lambda: self._writer.append(self._topic, partition, chunk, timeout_s=APPEND_TIMEOUT_S),
            doing=f"publishing violations to {self._topic}/{partition}",
            on=(Unavailable, CallerError),
            wait_s_max=RETRY_WAIT_S_MAX,
            failed=failed,
        )

    def _chunks(self, violations: Sequence[Violation], suppressed: Counter[str]) -> Iterator[list[Outgoing]]:
        for start in range(0, len(violations), RECORDS_PER_APPEND_MAX):
            some = violations[start : start + RECORDS_PER_APPEND_MAX]
            yield [self._outgoing(violation, suppressed.pop(violation.rule, 0)) for violation in some]

    def _outgoing(self, violation: Violation, suppressed: int) -> Outgoing:
        headers = self._codec.headers(violation, source=self._source)
        if suppressed:
            headers = (*headers, (SUPPRESSED_HEADER, b"%d" % suppressed))
        key = None if violation.match is None else violation.match.encode()
        return Outgoing(key, self._codec.encode(violation), headers)
