"""The span of a check."""

from __future__ import annotations

from dojopool.adapters.otel_checker import TracingCheckObserver
from dojopool.errors import Unavailable
from support.checking import CheckedFacts, check_facts
from support.spans import Spans, attributes


async def test_a_batch_that_judged_is_one_span() -> None:
    """It says how long it took, at which level, over how many nodes, matches and rules; other facts are passed on."""
    spans, inner = Spans(), CheckedFacts()
    observer = TracingCheckObserver(inner, spans.tracer)
    observer.checked(check_facts(), publish_s=0.25)
    observer.checked(check_facts(matches=0), publish_s=0.0)
    observer.partition_claimed(3, epoch=0, matches=0, mark_time_ms={})
    observer.partition_failed(3, error=Unavailable("gone"))
    observer.partition_released(3, reason="moved")
    found = attributes(spans.only("consistency-check"))

    assert (found["node_count"], found["match_count"], found["rule_count"]) == (2, 4, 5)
    assert (found["consistency_level"], found["dojo.publish_s"], found["dojo.violations"]) == ("local", 0.25, 1)
    assert found["latency"] > 0
    assert len(inner.batches) == 2
    assert inner.failed == ["gone"]
