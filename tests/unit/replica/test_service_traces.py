"""An event can be followed from the code that recorded it to the batch that stored it."""

from __future__ import annotations

from functools import partial

from dojopool.adapters.otel import PassedOn, TracedSends, TracingObserver
from dojopool.client import Accepted, open_dojo
from dojopool.ports import SendTracer
from support.pipeline import POOL, LoopClock, Pipeline, Scorer
from support.region import NODE, points
from support.spans import Spans, attributes

SEND, PROCESS = "send dojo.events.eu", "process dojo.events"


async def record(pipeline: Pipeline, tracer: SendTracer | None, *matches: str) -> None:
    """Record an event on each match with the SDK, and wait until all are stored."""
    connection = open_dojo(
        log=pipeline.log,
        views=pipeline.store,
        clock=LoopClock(),
        loaded=POOL,
        region="eu",
        regions=pipeline.regions,
        partitions=pipeline.partitions,
        prefix=pipeline.prefix,
        node=NODE,
        tracer=tracer,
    )
    async with connection as dojo:
        for match in matches:
            assert isinstance(await (await dojo.match(match)).record(points()), Accepted)
    await pipeline.settled()


def traced(spans: Spans) -> partial[TracingObserver]:
    """What is put around a replica's observer."""
    return partial(TracingObserver, tracer=spans.tracer, prefix="dojo", group="dojo.replica.eu")


async def test_a_batch_links_to_the_spans_of_its_events() -> None:
    """The span of each recorded event is a link of the span of a batch, and names the record's place in the log."""
    pipeline, spans = Pipeline(), Spans()
    async with pipeline.replica(around=traced(spans)):
        await record(pipeline, TracedSends(spans.tracer, topic=pipeline.config.own_topic), "m-1", "m-2")
    sent = spans.named(SEND)
    linked = [link.context for batch in spans.named(PROCESS) for link in batch.links]

    assert [attributes(span)["messaging.kafka.message.key"] for span in sent] == ["m-1", "m-2"]
    assert sorted((at.trace_id, at.span_id) for at in linked) == sorted(
        (span.context.trace_id, span.context.span_id) for span in sent if span.context is not None
    )
    places = [attributes(span)["messaging.kafka.offset"] for span in sent]
    log = pipeline.log.partition((pipeline.config.own_topic, 0)).read(0)
    assert [record.key for record in log if record.offset in places] == [b"m-1", b"m-2"]


async def test_an_untraced_writer_inside_a_span_is_linked_too() -> None:
    """An application that has spans of its own finds them at the batch, although nothing else is traced."""
    pipeline, spans = Pipeline(), Spans()
    async with pipeline.replica(around=traced(spans)):
        with spans.tracer.start_as_current_span("turn") as turn:
            await record(pipeline, PassedOn(), "m-1")
    [link] = [link for batch in spans.named(PROCESS) for link in batch.links]

    assert link.context.span_id == turn.get_span_context().span_id


async def test_more_than_the_bound_is_counted() -> None:
    """Of 200 traced records of one batch 128 are links, and the span says that there were 200."""
    pipeline, spans, eu = Pipeline(), Spans(), Scorer()
    for number in range(200):
        header = f"00-{7:032x}-{number + 1:016x}-01".encode()
        pipeline.append_raw((b"m-1", eu.points("m-1")), headers=(("traceparent", header),))
    async with pipeline.replica(around=traced(spans)):
        await pipeline.settled()
    [batch] = [span for span in spans.named(PROCESS) if span.links]

    assert [link.context.span_id for link in batch.links] == list(range(1, 129))
    assert attributes(batch)["dojo.traced_records"] == 200


async def test_without_traces_headers_stay_as_they_are() -> None:
    """No header is added to a record and none is looked at."""
    pipeline = Pipeline()
    async with pipeline.replica() as running:
        await record(pipeline, None, "m-1")

    assert {record.headers for record in pipeline.log.partition((pipeline.config.own_topic, 0)).read(0)} == {()}
    assert {(facts.traced, facts.links) for facts in running.facts.batches} == {(0, ())}
