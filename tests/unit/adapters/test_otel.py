"""What spans say of events and batches, and how contexts travel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from dojopool.adapters.otel import PassedOn, TracedSends, TracingObserver
from dojopool.ports import BatchFacts
from support.pipeline import Facts
from support.spans import Spans, attributes, header

SEND, PROCESS = "send dojo.events.eu", "process dojo.events"
CONTEXT = f"00-{7:032x}-{9:016x}-01".encode()
FACTS = BatchFacts(3, 10, 7, 2, 1, 0, 5, 1, 6, 0.01, {}, {}, 0, 0.0, {}, 0, ())


@pytest.fixture
def spans() -> Spans:
    """Where spans end up."""
    return Spans()


def sends(spans: Spans) -> TracedSends:
    """What follows events to eu's topic."""
    return TracedSends(spans.tracer, topic="dojo.events.eu")


def test_an_accepted_event_is_a_span_with_its_place(spans: Spans) -> None:
    """Topic, partition, match and offset are on it by the names of the conventions, and the record carries it."""
    headers, ended = sends(spans).begin("m-1", partition=3)
    assert spans.named(SEND) == []
    ended(offset=41, error=None)
    span = spans.only(SEND)

    assert span.kind is SpanKind.PRODUCER
    assert attributes(span) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "dojo.events.eu",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.message.key": "m-1",
        "messaging.kafka.offset": 41,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.context is not None
    assert headers == (("traceparent", header(span.context)),)


def test_an_event_that_failed_says_how(spans: Spans) -> None:
    """The span is an error with a word of few as its type."""
    _, ended = sends(spans).begin("m-1", partition=3)
    ended(offset=None, error="unknown")
    span = spans.only(SEND)

    assert (span.status.status_code, attributes(span)["error.type"]) == (StatusCode.ERROR, "unknown")
    assert "messaging.kafka.offset" not in attributes(span)


def test_an_event_belongs_to_the_span_of_its_caller(spans: Spans) -> None:
    """What the application does when it records is the parent."""
    with spans.tracer.start_as_current_span("turn") as turn:
        _, ended = sends(spans).begin("m-1", partition=3)
    ended(offset=1, error=None)
    parent = spans.only(SEND).parent

    assert parent == turn.get_span_context()


def test_what_is_not_sampled_travels_as_not_sampled() -> None:
    """The header says so, so that nobody links to a span that was never kept."""
    headers, ended = sends(Spans(ALWAYS_OFF)).begin("m-1", partition=3)
    ended(offset=1, error=None)

    assert int(headers[0][1][-2:], 16) & 1 == 0


def test_without_spans_the_callers_context_travels(spans: Spans) -> None:
    """Inside a span of the application its context is the header, outside there is none, and no span is made."""
    outside = PassedOn().begin("m-1", partition=3)
    with spans.tracer.start_as_current_span("turn") as turn:
        inside = PassedOn().begin("m-1", partition=3)

    assert outside == ((), None)
    assert inside == ((("traceparent", header(turn.get_span_context())),), None)
    assert trace.get_current_span().get_span_context().is_valid is False


async def test_a_batch_is_a_span_of_its_own(spans: Spans) -> None:
    """It belongs to no caller, says what was in the batch, and links to the writers' spans."""
    observer = TracingObserver(Facts(), spans.tracer, prefix="dojo", group="dojo.replica.eu")
    with spans.tracer.start_as_current_span("around"):
        observer.batch_applied(replace(FACTS, traced=2, links=(CONTEXT,)), write_s=0.002)
    span = spans.only(PROCESS)
    [link] = span.links

    assert (span.kind, span.parent) == (SpanKind.CONSUMER, None)
    assert (link.context.trace_id, link.context.span_id) == (7, 9)
    assert attributes(span) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.template": "dojo.events.{region}",
        "messaging.destination.partition.id": "3",
        "messaging.consumer.group.name": "dojo.replica.eu",
        "messaging.batch.message_count": 10,
        "dojo.events": 7,
        "dojo.duplicates": 2,
        "dojo.waiting": 6,
        "dojo.letters": 1,
        "dojo.matches": 5,
        "dojo.traced_records": 2,
        "dojo.fold_s": 0.01,
        "dojo.write_s": 0.002,
    }


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xff" * 55,
        b"ff" + CONTEXT[2:],
        f"00-{0:032x}-{9:016x}-01".encode(),
        f"00-{7:032x}-{0:016x}-01".encode(),
        CONTEXT.replace(b"-", b"_"),
        CONTEXT + b"more",
    ],
    ids=["empty", "bytes", "no version", "no trace", "no span", "no dashes", "longer"],
)
async def test_a_context_that_is_none_is_no_link(spans: Spans, junk: bytes) -> None:
    """Headers are foreign bytes: what does not parse is left out, and the rest is linked."""
    observer = TracingObserver(Facts(), spans.tracer, prefix="dojo", group="g")
    observer.batch_applied(replace(FACTS, links=(junk, CONTEXT)), write_s=0.0)

    assert [link.context.span_id for link in spans.only(PROCESS).links] == [9]


async def test_a_later_version_of_the_header_is_understood(spans: Spans) -> None:
    """More may follow behind the flags then."""
    observer = TracingObserver(Facts(), spans.tracer, prefix="dojo", group="g")
    observer.batch_applied(replace(FACTS, links=(b"01" + CONTEXT[2:] + b"-more",)), write_s=0.0)

    assert len(spans.only(PROCESS).links) == 1


async def test_what_is_not_traced_is_passed_on(spans: Spans) -> None:
    """Metrics hear of everything, batches too."""
    facts = Facts()
    observer = TracingObserver(facts, spans.tracer, prefix="dojo", group="g")
    observer.batch_applied(FACTS, write_s=0.0)
    observer.partition_claimed(3, epoch=7, matches=1, mark_time_ms={})
    observer.partition_failed(3, error=RuntimeError("x"))
    observer.partition_released(3, reason="y")
    observer.letter_written(topic="t", partition=3, offset=1, kind="misplaced", reason="z")

    assert (facts.batches, facts.claimed, facts.failed) == ([FACTS], [(3, 7, 1)], [(3, "x")])
    assert (facts.released, facts.letters) == ([(3, "y")], [("t", 3, 1, "z")])
