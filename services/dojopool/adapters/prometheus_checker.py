"""What a checker reports, as Prometheus metrics: `check_facts.CheckObserver` on a registry of its own.

Called once a batch. Labels are bounded: `partition`, `region` of a stream, `rule` and `state`; never a match. What each
metric means stands in docs/operating.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from dojopool.adapters.prometheus import PARTITION, SECONDS_BUCKETS, STREAM, VISIBLE_BUCKETS
from dojopool.check_facts import CheckFacts
from dojopool.ports import Clock

NAMESPACE: Final = "dojo_checker"


class PrometheusCheckObserver:
    """`CheckObserver`; `expose` returns what a scrape gets."""

    def __init__(self, *, region: str, clock: Clock) -> None:
        self._registry = registry = CollectorRegistry()
        self._clock = clock
        ProcessCollector(registry=registry)
        Gauge(f"{NAMESPACE}_info", "Always 1; names the checker's region.", ("region",), registry=registry).labels(
            region
        ).set(1)
        self._owned = self._gauge("partition_owned", "1 while this process owns the partition.")
        self._failures = self._counter("failures", "Times work on the partition failed and was begun again.", PARTITION)
        self._matches = self._counter("matches", "Matches judged, once a batch.", PARTITION)
        self._evaluations = self._counter("evaluations", "Rules evaluated on a match.", PARTITION)
        self._violations = self._counter("violations", "Records published.", ("rule", "state"))
        self._suppressed = self._counter("suppressed", "Findings put off, each time they were found.", ("rule",))
        self._open = self._gauge("open_violations", "Violations that are suspected or confirmed now.")
        self._catching_up = self._gauge("catching_up", "1 while the partition is read from its beginning.")
        self._lag = self._gauge("lag_records", "Records known to be in the log behind what was read.", STREAM)
        self._judge_s = self._histogram("judge_seconds", "Time to judge the matches of a batch.", SECONDS_BUCKETS)
        self._publish_s = self._histogram("publish_seconds", "Time to publish what a batch gave.", SECONDS_BUCKETS)
        self._detect_s = self._histogram(
            "detection_seconds",
            "From a record's time in the log to its violations being published, of the oldest record of a batch.",
            VISIBLE_BUCKETS,
        )

    def checked(self, facts: CheckFacts, *, publish_s: float) -> None:
        """See `CheckObserver`."""
        partition = facts.partition
        self._matches.labels(partition).inc(facts.matches)
        self._evaluations.labels(partition).inc(facts.matches * facts.rules)
        for (rule, state), count in facts.published.items():
            self._violations.labels(rule, state).inc(count)
        for rule, count in facts.suppressed.items():
            self._suppressed.labels(rule).inc(count)
        self._open.labels(partition).set(facts.open_count)
        self._catching_up.labels(partition).set(facts.is_catching_up)
        for region, lag in facts.lag_records.items():
            self._lag.labels(region, partition).set(lag)
        self._judge_s.observe(facts.judge_s)
        if facts.published:
            self._publish_s.observe(publish_s)
            if facts.oldest_ms is not None:
                self._detect_s.observe(max(0, self._clock.now_ms() - facts.oldest_ms) / 1000)

    def partition_claimed(self, partition: int, *, epoch: int, matches: int, mark_time_ms: Mapping[str, int]) -> None:
        """See `PartitionObserver`."""
        self._owned.labels(partition).set(1)

    def partition_released(self, partition: int, *, reason: str) -> None:
        """See `PartitionObserver`. What was measured of the partition is no longer ours to say."""
        self._owned.labels(partition).set(0)
        for gauge in (self._open, self._catching_up, self._lag):
            gauge.remove_by_labels({"partition": str(partition)})

    def partition_failed(self, partition: int, *, error: Exception) -> None:
        """See `PartitionObserver`."""
        self._failures.labels(partition).inc()

    def expose(self) -> tuple[str, bytes]:
        """Content type and body of the answer to a scrape."""
        return CONTENT_TYPE_LATEST, generate_latest(self._registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"{NAMESPACE}_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = PARTITION) -> Gauge:
        return Gauge(f"{NAMESPACE}_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"{NAMESPACE}_{name}", text, buckets=buckets, registry=self._registry)
