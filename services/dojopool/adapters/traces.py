"""Whether a program is traced, and by what. OpenTelemetry is loaded only when it is.

Three cases. `DOJO_OTLP` is set: spans are made and sent there. It is not, and the application itself uses
OpenTelemetry, which shows in a tracer provider that it has set: its events carry the context of its own spans, and
nothing else is made. It does not either: there is no tracer to call, and nothing is loaded.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dojopool.check_facts import CheckObserver
from dojopool.errors import ConfigError
from dojopool.ports import Observer, SendTracer


@asynccontextmanager
async def traced_sends(endpoint: str | None, *, region: str, topic: str) -> AsyncIterator[SendTracer | None]:
    """What traces the events of a connection to `topic`; None when nothing does.

    Spans that wait to be sent are sent on exit, or given up after some seconds. Raises ConfigError when an endpoint is
    given and the extra is missing.
    """
    if endpoint is None:
        yield _passed_on()
        return
    _require_extra()
    from dojopool.adapters.otel import TracedSends  # noqa: PLC0415 - loads a package that need not be there
    from dojopool.adapters.otel_export import exporting  # noqa: PLC0415 - as above

    async with exporting(endpoint, service="dojo-client", region=region) as tracer:
        yield TracedSends(tracer, topic=topic)


@asynccontextmanager
async def traced_batches(
    endpoint: str | None, inner: Observer, *, region: str, prefix: str, group: str
) -> AsyncIterator[Observer]:
    """`inner`, and around it what makes a span of each batch when an endpoint is given. On exit and errors as
    `traced_sends`.
    """
    if endpoint is None:
        yield inner
        return
    _require_extra()
    from dojopool.adapters.otel import TracingObserver  # noqa: PLC0415 - loads a package that need not be there
    from dojopool.adapters.otel_export import exporting  # noqa: PLC0415 - as above

    async with exporting(endpoint, service="dojo-replica", region=region) as tracer:
        yield TracingObserver(inner, tracer, prefix=prefix, group=group)


@asynccontextmanager
async def traced_checks(endpoint: str | None, inner: CheckObserver, *, region: str) -> AsyncIterator[CheckObserver]:
    """The same for the batches of a checker."""
    if endpoint is None:
        yield inner
        return
    _require_extra()
    from dojopool.adapters.otel_checker import TracingCheckObserver  # noqa: PLC0415 - loads what need not be there
    from dojopool.adapters.otel_export import exporting  # noqa: PLC0415 - as above

    async with exporting(endpoint, service="dojo-checker", region=region) as tracer:
        yield TracingCheckObserver(inner, tracer)


def _passed_on() -> SendTracer | None:
    # Being loaded says little: redis loads OpenTelemetry wherever it is installed.
    if sys.modules.get("opentelemetry.trace") is None:
        return None
    from dojopool.adapters.otel import PassedOn, is_application_traced  # noqa: PLC0415 - as above

    return PassedOn() if is_application_traced() else None


def _require_extra() -> None:
    try:
        for name in ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter"):
            importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"DOJO_OTLP is set, but what sends traces is not installed ({error}): install dojopool[telemetry], or take"
            " DOJO_OTLP away"
        ) from error
