"""What a replica reports, as Prometheus metrics: `ports.Observer` on a registry of its own.

Called once a batch, never once an event. Labels are few and bounded: `partition`, `topic`, `kind` of letter, and
`region`, which is always the region whose *stream* is meant; the replica's own region is on `dojo_replica_info`. What
each metric means and what to do about it stands in docs/operating.md. Left out: exemplars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from dojopool.ports import BatchFacts, Clock

SECONDS_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""From the smallest batch to the time limit of a write."""

VISIBLE_BUCKETS: Final = (0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
"""From the best of an idle replica to an outage that a person notices; what is above is in no hurry any more."""

RECORDS_BUCKETS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000)
"""From a lone mark to full batches of several streams."""

PARTITION: Final = ("partition",)
STREAM: Final = ("region", "partition")


class PrometheusObserver:
    """`ports.Observer`; `expose` returns what a scrape gets. `regions` are those whose streams are read."""

    links_max = 0
    """Metrics have no use for traces."""

    def __init__(self, *, region: str, regions: Sequence[str], clock: Clock) -> None:
        self._registry = CollectorRegistry()
        self._clock = clock
        ProcessCollector(registry=self._registry)
        self._gauge("info", "Always 1; names the replica's own region.", ("region",)).labels(region).set(1)
        self._owned = self._gauge("partition_owned", "1 while this process owns the partition.", PARTITION)
        self._claims = self._counter("claims", "Times the partition was claimed.", PARTITION)
        self._failures = self._counter("failures", "Times work on the partition failed and was begun again.", PARTITION)
        self._mark_failures = self._counter("mark_failures", "Marks that could not be appended.", PARTITION)
        self._letters = self._counter("letters", "Dead letters written.", ("topic", "partition", "kind"))
        self._batches = self._counter("batches", "Batches applied to the store.", PARTITION)
        self._records = self._counter("records", "Records read.", PARTITION)
        self._events = self._counter("events", "Events delivered to state.", PARTITION)
        self._duplicates = self._counter("duplicates", "Events read again and dropped.", PARTITION)
        self._waited = self._counter("waited_events", "Events that came before what they had seen.", PARTITION)
        self._equivocations = self._counter("equivocations", "Known dots seen with another payload.", PARTITION)
        self._matches = self._counter("match_changes", "Matches changed, once a batch.", PARTITION)
        self._waiting = self._gauge("waiting_events", "Events that wait for causal predecessors.", PARTITION)
        self._gaps = self._gauge("gap_matches", "Matches in which events wait for missing ones.", PARTITION)
        self._lag = self._gauge("lag_records", "Records known to be in the log behind what was read.", STREAM)
        self._mark_time = self._gauge("mark_time_seconds", "Unix time of the newest mark read of the stream.", STREAM)
        self._fold_s = self._histogram("fold_seconds", "Time to decode and fold a batch.", SECONDS_BUCKETS)
        self._write_s = self._histogram("write_seconds", "Time for the store to apply a batch.", SECONDS_BUCKETS)
        self._size = self._histogram("batch_records", "Records of a batch.", RECORDS_BUCKETS)
        self._visible_s = self._histogram(
            "visibility_seconds",
            "From a record's time in the log to its state in the store, of the oldest record of a batch.",
            VISIBLE_BUCKETS,
            ("region",),
        )
        self._per_batch = (
            self._batches,
            self._records,
            self._events,
            self._duplicates,
            self._waited,
            self._equivocations,
            self._matches,
        )
        self._counted: dict[int, tuple[Counter, ...]] = {}
        """Of each partition, in the order of `_per_batch`: to look a label up costs more than to count."""
        self._shown: dict[int, dict[tuple[Any, ...], Gauge]] = {}
        """Of each partition that is held, by gauge and labels."""
        self._staleness = _Staleness(regions, clock)
        self._registry.register(self._staleness)

    def batch_applied(self, facts: BatchFacts, *, write_s: float) -> None:
        """See `ports.Observer`."""
        partition, now_ms = facts.partition, self._clock.now_ms()
        counted = self._counted.get(partition)
        if counted is None:
            counted = self._counted[partition] = tuple(counter.labels(partition) for counter in self._per_batch)
        amounts = (1, facts.records, facts.events, facts.duplicates, facts.waited, facts.equivocations, facts.matches)
        for counter, amount in zip(counted, amounts, strict=True):
            if amount:
                counter.inc(amount)
        self._fold_s.observe(facts.fold_s)
        self._write_s.observe(write_s)
        self._size.observe(facts.records)
        for region, oldest_ms in facts.oldest_ms.items():
            self._visible_s.labels(region).observe(max(0, now_ms - oldest_ms) / 1000)  # clocks of two machines
        if self._staleness.is_held(partition):
            self._show(facts)

    def _show(self, facts: BatchFacts) -> None:
        """Set what is true of a partition now; of one that was let go meanwhile it is another's to say."""
        shown = self._shown.setdefault(facts.partition, {})
        self._set(shown, self._waiting, facts.waiting, facts.partition)
        self._set(shown, self._gaps, facts.gaps, facts.partition)
        for region, lag in facts.lag_records.items():
            self._set(shown, self._lag, lag, region, facts.partition)
        for region, time_ms in facts.mark_time_ms.items():
            if time_ms:
                self._set(shown, self._mark_time, time_ms / 1000, region, facts.partition)
        self._staleness.marked(facts.partition, facts.mark_time_ms)

    @staticmethod
    def _set(shown: dict[tuple[Any, ...], Gauge], gauge: Gauge, value: float, *labels: Any) -> None:
        """Set one of a partition's gauges, found at once when it was set before."""
        found = shown.get((gauge, *labels))
        if found is None:
            found = shown[gauge, *labels] = gauge.labels(*labels)
        found.set(value)

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """See `ports.Observer`."""
        self._claims.labels(partition).inc()
        self._owned.labels(partition).set(1)
        self._staleness.held(partition, mark_time_ms)

    def partition_released(self, partition: int, *, reason: str) -> None:
        """See `ports.Observer`. What was measured of the partition is no longer ours to say, so it is dropped."""
        self._owned.labels(partition).set(0)
        self._shown.pop(partition, None)
        for gauge in (self._waiting, self._gaps, self._lag, self._mark_time):
            gauge.remove_by_labels({"partition": str(partition)})
        self._staleness.released(partition)

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        """See `ports.Observer`."""
        self._failures.labels(partition).inc()

    def mark_failed(self, partition: int, *, error: Exception) -> None:
        """See `ports.Observer`."""
        self._mark_failures.labels(partition).inc()

    def letter_written(self, *, topic: str, partition: int, offset: int, kind: str, reason: str) -> None:
        """See `ports.Observer`. The reason is free text and no label."""
        self._letters.labels(topic, partition, kind).inc()

    def expose(self) -> tuple[str, bytes]:
        """Content type and body of the answer to a scrape."""
        return CONTENT_TYPE_LATEST, generate_latest(self._registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"dojo_replica_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(f"dojo_replica_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], labels: tuple[str, ...] = ()) -> Histogram:
        return Histogram(f"dojo_replica_{name}", text, labels, buckets=buckets, registry=self._registry)


class _Staleness:
    """How old what is shown of each region may be, worked out when asked: of a stream that stands still nothing comes
    in, and that is when its age matters.

    A stream without a mark yet is counted from when it was taken over.
    """

    def __init__(self, regions: Sequence[str], clock: Clock) -> None:
        self._regions, self._clock = regions, clock
        self._marks: dict[int, dict[str, int]] = {}

    def held(self, partition: int, mark_time_ms: Mapping[str, int]) -> None:
        """A partition was taken over with these marks."""
        self._marks[partition] = dict.fromkeys(self._regions, self._clock.now_ms())
        self.marked(partition, mark_time_ms)

    def is_held(self, partition: int) -> bool:
        """Whether the partition was taken over and not let go."""
        return partition in self._marks

    def marked(self, partition: int, mark_time_ms: Mapping[str, int]) -> None:
        """These are the newest marks read of a partition; what came late, after its release, says nothing."""
        if (marks := self._marks.get(partition)) is not None:
            marks.update({region: time_ms for region, time_ms in mark_time_ms.items() if time_ms})

    def released(self, partition: int) -> None:
        """Somebody else knows of the partition now."""
        self._marks.pop(partition, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One sample a region while anything is held: of the partition whose newest mark is the oldest."""
        family = GaugeMetricFamily(
            "dojo_replica_staleness_seconds",
            "Age of the newest mark read of the region's stream, in the held partition where it is oldest.",
            labels=("region",),
        )
        now_ms = self._clock.now_ms()
        for region in self._regions:
            if times := [marks[region] for marks in self._marks.values()]:
                family.add_metric((region,), max(0, now_ms - min(times)) / 1000)
        yield family
