"""Spans arrive at a collector, and one that is away holds nobody up."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from dojopool.adapters import otel_export
from dojopool.adapters.otel_export import exporting, tracing_into
from support.collector import collector


@pytest.mark.parametrize("suffix", ["", "/", "/v1/traces"])
async def test_spans_arrive_by_the_end(suffix: str) -> None:
    """What was ended is at the collector when the context is left, under the name of the program and its region; the
    endpoint may be the base or the whole address.
    """
    with collector() as (server, url):
        async with exporting(url + suffix, service="dojo-replica", region="eu") as tracer:
            for number in range(3):
                tracer.start_span(f"span {number}").end()

    [path] = {path for path, _ in server.received}
    resources = [resource for _, request in server.received for resource in request.resource_spans]
    said = {item.key: item.value.string_value for item in resources[0].resource.attributes}
    assert path == "/v1/traces"
    assert (said["service.name"], said["dojo.region"]) == ("dojo-replica", "eu")
    assert [span.name for span in server.spans()] == ["span 0", "span 1", "span 2"]


class Stuck(SpanExporter):
    """A collector that takes a batch and never answers, until it is given up."""

    def __init__(self) -> None:
        self.given_up = threading.Event()
        self.batches = 0

    def export(self, spans: Any) -> SpanExportResult:
        """Wait for the end."""
        self.batches += 1
        assert self.given_up.wait(timeout=60)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """The end."""
        self.given_up.set()


async def test_a_collector_that_does_not_answer_is_given_up_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program ends although its spans cannot be sent: the wait is bounded."""
    monkeypatch.setattr(otel_export, "CLOSE_S_MAX", 0.05)
    stuck = Stuck()
    async with tracing_into(stuck, service="x", region="eu") as tracer:
        tracer.start_span("lost").end()

    assert (stuck.batches, stuck.given_up.is_set()) == (1, True)


async def test_what_cannot_be_sent_is_dropped_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """More spans than the queue holds take no more memory, and ending them never blocks."""
    monkeypatch.setattr(otel_export, "CLOSE_S_MAX", 0.0)
    monkeypatch.setattr(otel_export, "QUEUE_SPANS_MAX", 8)
    monkeypatch.setattr(otel_export, "BATCH_SPANS_MAX", 4)
    sent: list[ReadableSpan] = []

    class Counting(Stuck):
        """Counts what it was handed."""

        def export(self, spans: Any) -> SpanExportResult:
            """Count, then wait."""
            sent.extend(spans)
            return super().export(spans)

    async with tracing_into(Counting(), service="x", region="eu") as tracer:
        for number in range(100):
            tracer.start_span(f"span {number}").end()

    assert 0 < len(sent) <= 8 + 4
