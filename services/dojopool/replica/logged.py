"""What a replica does, as structured log lines: the rare and telling facts, while every fact goes on to the metrics.

One line at most per batch, whatever is in it: a producer gone wrong can make every record a letter. Left out on
purpose: a line per batch that is well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from dojopool.ports import BatchFacts, Observer

log = structlog.get_logger("dojopool.replica")


@dataclass(slots=True)
class _Letters:
    """The letters of a partition that no line has told of yet: how many, and the first of them."""

    count: int
    topic: str
    offset: int
    reason: str


class LoggingObserver:
    """`ports.Observer` that logs, and passes everything on to `inner`."""

    def __init__(self, inner: Observer) -> None:
        self._inner = inner
        self._letters: dict[int, _Letters] = {}

    @property
    def links_max(self) -> int:
        """See `ports.Observer`."""
        return self._inner.links_max

    def batch_applied(self, facts: BatchFacts, *, write_s: float) -> None:
        """See `ports.Observer`."""
        self._inner.batch_applied(facts, write_s=write_s)
        self._tell_of_letters(facts.partition)
        if facts.equivocations:
            log.warning("equivocation", partition=facts.partition, records=facts.equivocations)

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """See `ports.Observer`."""
        self._inner.partition_claimed(partition, epoch=epoch, matches=matches, mark_time_ms=mark_time_ms)
        log.info("partition claimed", partition=partition, epoch=epoch, matches=matches)

    def partition_released(self, partition: int, *, reason: str) -> None:
        """See `ports.Observer`."""
        self._inner.partition_released(partition, reason=reason)
        self._tell_of_letters(partition)
        log.info("partition released", partition=partition, reason=reason)

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        """See `ports.Observer`."""
        self._inner.partition_failed(partition, error=error)
        log.warning("partition failed", partition=partition, error=str(error), kind=type(error).__name__)

    def mark_failed(self, partition: int, *, error: Exception) -> None:
        """See `ports.Observer`."""
        self._inner.mark_failed(partition, error=error)
        log.warning("mark failed", partition=partition, error=str(error))

    def letter_written(self, *, topic: str, partition: int, offset: int, kind: str, reason: str) -> None:
        """See `ports.Observer`."""
        self._inner.letter_written(topic=topic, partition=partition, offset=offset, kind=kind, reason=reason)
        self._letters.setdefault(partition, _Letters(0, topic, offset, reason)).count += 1

    def _tell_of_letters(self, partition: int) -> None:
        letters = self._letters.pop(partition, None)
        if letters is not None:
            log.warning(
                "dead letters written",
                partition=partition,
                letters=letters.count,
                first_topic=letters.topic,
                first_offset=letters.offset,
                first_reason=letters.reason,
            )
