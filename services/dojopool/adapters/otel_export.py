"""Where spans go: an OpenTelemetry SDK of our own with an OTLP exporter, both from the extra `telemetry`.

The program's global tracer provider is neither used nor set: an application that has one keeps it. What is exported
waits in a queue of 2,048 spans, beyond which spans are dropped: traces never hold up an event. Sampling, headers and
certificates follow OpenTelemetry's own variables, such as `OTEL_TRACES_SAMPLER` and `OTEL_EXPORTER_OTLP_HEADERS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Tracer

PATH: Final = "/v1/traces"
QUEUE_SPANS_MAX: Final = 2048
BATCH_SPANS_MAX: Final = 512
DELAY_MS: Final = 1000
"""Longest wait of a span before it is sent."""

EXPORT_S_MAX: Final = 2.0
"""For one batch, tries included."""

CLOSE_S_MAX: Final = 3.0
"""For what is on its way when a program ends; then it is given up. Less than a replica may take to drain."""


@asynccontextmanager
async def exporting(endpoint: str, *, service: str, region: str) -> AsyncIterator[Tracer]:
    """A tracer whose spans go to the collector at `endpoint`, a base URL; those on the way are sent on exit.

    A collector that does not answer is logged by OpenTelemetry and holds up nothing.
    """
    url = endpoint.rstrip("/").removesuffix(PATH) + PATH
    async with tracing_into(OTLPSpanExporter(url, timeout=EXPORT_S_MAX), service=service, region=region) as tracer:
        yield tracer


@asynccontextmanager
async def tracing_into(exporter: SpanExporter, *, service: str, region: str) -> AsyncIterator[Tracer]:
    """A tracer whose spans go to `exporter`, in batches from a thread; those on the way are sent on exit."""
    resource = Resource.create({"service.name": service, "dojo.region": region})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=QUEUE_SPANS_MAX,
            max_export_batch_size=BATCH_SPANS_MAX,
            schedule_delay_millis=DELAY_MS,
        )
    )
    try:
        yield provider.get_tracer("dojopool")
    finally:
        giving_up = asyncio.get_running_loop().call_later(CLOSE_S_MAX, exporter.shutdown)
        try:
            await asyncio.to_thread(provider.shutdown)
        finally:
            giving_up.cancel()
