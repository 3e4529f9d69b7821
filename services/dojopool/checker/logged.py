"""What a checker does, as structured log lines, while every fact goes on to the metrics.

A line per batch that found something, at most, with the ids of the first violations: what is in them is on the topic.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from dojopool.check_facts import CheckFacts, CheckObserver

log = structlog.get_logger("dojopool.checker")


class LoggingCheckObserver:
    """`CheckObserver` that logs, and passes everything on to `inner`."""

    def __init__(self, inner: CheckObserver) -> None:
        self._inner = inner

    def checked(self, facts: CheckFacts, *, publish_s: float) -> None:
        """See `CheckObserver`."""
        self._inner.checked(facts, publish_s=publish_s)
        if facts.published:
            counts = {f"{rule} {state}": count for (rule, state), count in sorted(facts.published.items())}
            log.info("violations published", partition=facts.partition, counts=counts, ids=facts.ids)
        if facts.suppressed:
            log.warning("violations put off", partition=facts.partition, counts=dict(facts.suppressed))

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """See `PartitionObserver`."""
        self._inner.partition_claimed(partition, epoch=epoch, matches=matches, mark_time_ms=mark_time_ms)
        log.info("partition taken over", partition=partition)

    def partition_released(self, partition: int, *, reason: str) -> None:
        """See `PartitionObserver`."""
        self._inner.partition_released(partition, reason=reason)
        log.info("partition released", partition=partition, reason=reason)

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        """See `PartitionObserver`."""
        self._inner.partition_failed(partition, error=error)
        log.warning("partition failed", partition=partition, error=str(error), kind=type(error).__name__)
