"""When there are traces and when there are none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dojopool.adapters.otel import TracedSends, TracingObserver
from dojopool.adapters.otel_checker import TracingCheckObserver
from dojopool.adapters.traces import traced_batches, traced_checks, traced_sends
from dojopool.errors import ConfigError
from support.checking import CheckedFacts
from support.pipeline import Facts

NOWHERE = "http://127.0.0.1:9"
"""Discards what is sent; nothing is, in these tests."""
MISSING = r"DOJO_OTLP is set, but .* not installed .*: install dojopool\[telemetry\], or take DOJO_OTLP away"


async def test_without_an_endpoint_a_replica_is_not_traced() -> None:
    """The observer is the very one that was given, so nothing can cost anything."""
    facts = Facts()
    async with traced_batches(None, facts, region="eu", prefix="dojo", group="g") as observer:
        assert observer is facts


async def test_with_an_endpoint_both_sides_are_traced() -> None:
    """Batches bring their links, and events get spans."""
    async with traced_batches(NOWHERE, Facts(), region="eu", prefix="dojo", group="g") as observer:
        assert isinstance(observer, TracingObserver)
    async with traced_sends(NOWHERE, region="eu", topic="dojo.events.eu") as tracer:
        assert isinstance(tracer, TracedSends)
    async with traced_checks(NOWHERE, CheckedFacts(), region="eu") as checks:
        assert isinstance(checks, TracingCheckObserver)


async def test_without_an_endpoint_a_checker_is_not_traced() -> None:
    """The observer is the very one that was given."""
    facts = CheckedFacts()
    async with traced_checks(None, facts, region="eu") as observer:
        assert observer is facts


SCRIPT = """
import asyncio, sys
import dojopool.client.wiring, dojopool.replica.wiring
from dojopool.adapters.traces import traced_sends
async def main():
    async with traced_sends(None, region="eu", topic="t") as tracer:
        print(type(tracer).__name__)
{setup}
asyncio.run(main())
print([name for name in sys.modules if name.startswith(("dojopool.adapters.otel_export", "opentelemetry.exporter"))])
"""
"""A provider is set once in the life of a process, so each of these tests has a process of its own."""


def answer(setup: str) -> list[str]:
    """What traces a connection of an application that did this before, and what was loaded for it."""
    script = SCRIPT.format(setup=setup)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


def test_an_application_that_is_traced_itself_is_followed() -> None:
    """It has a tracer provider, and no endpoint is set: contexts travel, spans are not made."""
    provider = "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider"

    assert answer(f"{provider}; trace.set_tracer_provider(TracerProvider())") == ["PassedOn", "[]"]


@pytest.mark.parametrize(
    "setup",
    ["", "import opentelemetry.trace", "sys.modules['opentelemetry.trace'] = None"],
    ids=["as it comes", "loaded", "not installed"],
)
def test_an_application_that_is_not_traced_pays_nothing(setup: str) -> None:
    """There is no tracer to call, whether OpenTelemetry is there or not, and no exporter is loaded."""
    assert answer(setup) == ["NoneType", "[]"]


@pytest.mark.parametrize(
    "missing", ["opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter"]
)
async def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Whichever part is missing, both programs say what to install."""
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ConfigError, match=MISSING):
        async with traced_batches(NOWHERE, Facts(), region="eu", prefix="dojo", group="g"):
            pass
    with pytest.raises(ConfigError, match=MISSING):
        async with traced_sends(NOWHERE, region="eu", topic="t"):
            pass
