"""Traces: a span for each event that is recorded, and one for each batch that a replica stores, linked to those.

Only the interface of OpenTelemetry is used here; what exports spans is in `otel_export`. A batch is linked to its
writers' spans and is no child of theirs: it has many of them. Left out: spans per record, and of anything else.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer
from opentelemetry.util.types import AttributeValue

from dojopool.ports import BatchFacts, Ended, Headers, Observer

LINKS_MAX: Final = 128
"""Of one span; also the limit of OpenTelemetry's own SDK. A span with as many costs about 0.1 ms."""

CONTEXT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.DOTALL)
"""W3C Trace Context, of this version and of later ones."""


class TracedSends:
    """`ports.SendTracer`: a span for each event, from its number to its answer, inside the caller's current span."""

    def __init__(self, tracer: Tracer, *, topic: str) -> None:
        self._tracer = tracer
        self._name = f"send {topic}"
        self._fixed = _operation("send") | {"messaging.destination.name": topic}

    def begin(self, match: str, *, partition: int) -> tuple[Headers, Ended]:
        """See `ports.SendTracer`."""
        own = {"messaging.destination.partition.id": str(partition), "messaging.kafka.message.key": match}
        span = self._tracer.start_span(self._name, kind=SpanKind.PRODUCER, attributes=self._fixed | own)

        def ended(*, offset: int | None, error: str | None) -> None:
            if offset is not None:
                span.set_attribute("messaging.kafka.offset", offset)
            if error is not None:
                span.set_attribute("error.type", error)
                span.set_status(Status(StatusCode.ERROR, error))
            span.end()

        return _headers(span), ended


def is_application_traced() -> bool:
    """Whether the application has set a tracer provider of its own."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


class PassedOn:
    """`ports.SendTracer` that makes no spans: an event carries the context of the caller's current span, if any."""

    def begin(self, match: str, *, partition: int) -> tuple[Headers, None]:
        """See `ports.SendTracer`."""
        return _headers(trace.get_current_span()), None


class TracingObserver:
    """`ports.Observer` that makes a span of each batch, and passes everything on to `inner`."""

    links_max = LINKS_MAX

    def __init__(self, inner: Observer, tracer: Tracer, *, prefix: str, group: str) -> None:
        self._inner, self._tracer = inner, tracer
        self._name = f"process {prefix}.events"
        # A batch holds records of every region's topic, so no single topic can be named.
        self._fixed = _operation("process") | {
            "messaging.destination.template": f"{prefix}.events.{{region}}",
            "messaging.consumer.group.name": group,
        }

    def batch_applied(self, facts: BatchFacts, *, write_s: float) -> None:
        """See `ports.Observer`. The span begins with the first record of the batch and ends now."""
        self._inner.batch_applied(facts, write_s=write_s)
        now_ns = time.time_ns()
        took_s = asyncio.get_running_loop().time() - facts.began_s
        self._tracer.start_span(
            self._name,
            context=Context(),
            kind=SpanKind.CONSUMER,
            attributes=self._fixed | _counts(facts, write_s),
            links=[Link(context) for context in map(_context, facts.links) if context is not None],
            start_time=now_ns - int(took_s * 1e9),
        ).end(now_ns)

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """See `ports.Observer`."""
        self._inner.partition_claimed(partition, epoch=epoch, matches=matches, mark_time_ms=mark_time_ms)

    def partition_released(self, partition: int, *, reason: str) -> None:
        """See `ports.Observer`."""
        self._inner.partition_released(partition, reason=reason)

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        """See `ports.Observer`."""
        self._inner.partition_failed(partition, error=error)

    def mark_failed(self, partition: int, *, error: Exception) -> None:
        """See `ports.Observer`."""
        self._inner.mark_failed(partition, error=error)

    def letter_written(self, *, topic: str, partition: int, offset: int, kind: str, reason: str) -> None:
        """See `ports.Observer`."""
        self._inner.letter_written(topic=topic, partition=partition, offset=offset, kind=kind, reason=reason)


def _operation(name: str) -> dict[str, AttributeValue]:
    return {"messaging.system": "kafka", "messaging.operation.name": name, "messaging.operation.type": name}


def _counts(facts: BatchFacts, write_s: float) -> dict[str, AttributeValue]:
    return {
        "messaging.destination.partition.id": str(facts.partition),
        "messaging.batch.message_count": facts.records,
        "dojo.events": facts.events,
        "dojo.duplicates": facts.duplicates,
        "dojo.waiting": facts.waiting,
        "dojo.letters": facts.letters,
        "dojo.matches": facts.matches,
        "dojo.traced_records": facts.traced,
        "dojo.fold_s": facts.fold_s,
        "dojo.write_s": write_s,
    }


def _headers(span: Span) -> Headers:
    """The header that names `span` as where a record comes from; none outside of a trace."""
    context = span.get_span_context()
    if not context.is_valid:
        return ()
    value = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return (("traceparent", value.encode()),)


def _context(header: bytes) -> SpanContext | None:
    """The context that a header names; None when it is none. One of zeros is left out by the SDK."""
    found = CONTEXT.fullmatch(header)
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
