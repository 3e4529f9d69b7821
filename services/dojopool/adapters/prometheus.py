"""What a replica reports, as Prometheus metrics: `ports.Observer` on a registry of its own.

A call a batch, never one an event: about 20 microseconds. Labels are few and bounded: `partition`, `topic`, and
`region`, which is always the region whose *stream* is meant; the replica's own region is on `dojo_replica_info`. Left
out: exemplars and traces.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from dojopool.ports import BatchFacts

SECONDS_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""From the smallest batch to the time limit of a write."""

PARTITION: Final = ("partition",)
STREAM: Final = ("region", "partition")


class PrometheusObserver:
    """`ports.Observer`; `expose` returns what a scrape gets."""

    def __init__(self, *, region: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._gauge("info", "Always 1; names the replica's own region.", ("region",)).labels(region).set(1)
        self._owned = self._gauge("partition_owned", "1 while this process owns the partition.", PARTITION)
        self._claims = self._counter("claims", "Times the partition was claimed.", PARTITION)
        self._failures = self._counter("failures", "Times work on the partition failed and was begun again.", PARTITION)
        self._letters = self._counter("letters", "Dead letters written.", ("topic", "partition"))
        self._batches = self._counter("batches", "Batches applied to the store.", PARTITION)
        self._records = self._counter("records", "Records read.", PARTITION)
        self._events = self._counter("events", "Events delivered to state.", PARTITION)
        self._duplicates = self._counter("duplicates", "Events read again and dropped.", PARTITION)
        self._waited = self._counter("waited_events", "Events that came before what they had seen.", PARTITION)
        self._equivocations = self._counter("equivocations", "Known dots seen with another payload.", PARTITION)
        self._matches = self._counter("match_changes", "Matches changed, once a batch.", PARTITION)
        self._waiting = self._gauge("waiting_events", "Events that wait for causal predecessors.", PARTITION)
        self._lag = self._gauge("lag_records", "Records known to be in the log behind what was read.", STREAM)
        self._mark_time = self._gauge("mark_time_seconds", "Unix time of the newest mark read of the stream.", STREAM)
        self._fold_s = self._histogram("fold_seconds", "Time to decode and fold a batch.")
        self._write_s = self._histogram("write_seconds", "Time for the store to apply a batch.")

    def batch_applied(self, facts: BatchFacts, *, write_s: float) -> None:
        """See `ports.Observer`."""
        partition = facts.partition
        self._batches.labels(partition).inc()
        self._records.labels(partition).inc(facts.records)
        self._events.labels(partition).inc(facts.events)
        self._duplicates.labels(partition).inc(facts.duplicates)
        self._waited.labels(partition).inc(facts.waited)
        self._equivocations.labels(partition).inc(facts.equivocations)
        self._matches.labels(partition).inc(facts.matches)
        self._waiting.labels(partition).set(facts.waiting)
        self._fold_s.observe(facts.fold_s)
        self._write_s.observe(write_s)
        for region, lag in facts.lag_records.items():
            self._lag.labels(region, partition).set(lag)
        for region, time_ms in facts.mark_time_ms.items():
            self._mark_time.labels(region, partition).set(time_ms / 1000)

    def partition_claimed(self, partition: int, *, epoch: int, matches: int) -> None:
        """See `ports.Observer`."""
        self._claims.labels(partition).inc()
        self._owned.labels(partition).set(1)

    def partition_released(self, partition: int, *, reason: str) -> None:
        """See `ports.Observer`. What was measured of the partition is no longer ours to say, so it is dropped."""
        self._owned.labels(partition).set(0)
        for gauge in (self._waiting, self._lag, self._mark_time):
            gauge.remove_by_labels({"partition": str(partition)})

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        """See `ports.Observer`."""
        self._failures.labels(partition).inc()

    def letter_written(self, *, topic: str, partition: int, offset: int, reason: str) -> None:
        """See `ports.Observer`."""
        self._letters.labels(topic, partition).inc()

    def expose(self) -> tuple[str, bytes]:
        """Content type and body of the answer to a scrape."""
        return CONTENT_TYPE_LATEST, generate_latest(self._registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"dojo_replica_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(f"dojo_replica_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"dojo_replica_{name}", text, buckets=SECONDS_BUCKETS, registry=self._registry)
