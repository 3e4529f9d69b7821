"""Traces of a checker: one span `consistency-check` for each batch in which matches were judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Tracer

from dojopool.check_facts import CheckFacts, CheckObserver

LEVEL: Final = "local"
"""What is judged is what this region shows now; only a cut speaks for all."""


class TracingCheckObserver:
    """`CheckObserver` that makes a span of each batch, and passes everything on to `inner`."""

    def __init__(self, inner: CheckObserver, tracer: Tracer) -> None:
        self._inner, self._tracer = inner, tracer

    def checked(self, facts: CheckFacts, *, publish_s: float) -> None:
        """See `CheckObserver`. The span begins with the first record of the batch and ends now."""
        self._inner.checked(facts, publish_s=publish_s)
        if not facts.matches:
            return
        now_ns = time.time_ns()
        took_s = asyncio.get_running_loop().time() - facts.began_s
        self._tracer.start_span(
            "consistency-check",
            context=Context(),
            kind=SpanKind.CONSUMER,
            attributes={
                "latency": took_s,
                "consistency_level": LEVEL,
                "node_count": facts.nodes,
                "match_count": facts.matches,
                "rule_count": facts.rules,
                "messaging.destination.partition.id": str(facts.partition),
                "dojo.violations": sum(facts.published.values()),
                "dojo.suppressed": sum(facts.suppressed.values()),
                "dojo.judge_s": facts.judge_s,
                "dojo.publish_s": publish_s,
            },
            start_time=now_ns - int(took_s * 1e9),
        ).end(now_ns)

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """See `PartitionObserver`."""
        self._inner.partition_claimed(partition, epoch=epoch, matches=matches, mark_time_ms=mark_time_ms)

    def partition_released(self, partition: int, *, reason: str) -> None:
        """See `PartitionObserver`."""
        self._inner.partition_released(partition, reason=reason)

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        """See `PartitionObserver`."""
        self._inner.partition_failed(partition, error=error)
