"""The metrics of a checker, as a scrape shows them."""

from __future__ import annotations

from dojopool.adapters.prometheus_checker import PrometheusCheckObserver
from dojopool.errors import Unavailable
from support.checking import check_facts
from support.pipeline import NOW_MS
from support.region import SetClock


def scraped(observer: PrometheusCheckObserver) -> dict[str, float]:
    """Sample -> value, those of the process left out."""
    lines = observer.expose()[1].decode().splitlines()
    samples = dict(line.rsplit(" ", 1) for line in lines if line.startswith("dojo_checker") and "_created" not in line)
    return {name: float(value) for name, value in samples.items()}


def test_a_batch_is_counted() -> None:
    """Matches, evaluations, records by rule and state, what was put off, and how long it took to tell."""
    observer = PrometheusCheckObserver(region="eu", clock=SetClock(NOW_MS + 30))
    observer.partition_claimed(3, epoch=0, matches=0, mark_time_ms={})
    observer.checked(check_facts(), publish_s=0.004)
    observer.checked(check_facts(published={}, suppressed={}, matches=1), publish_s=0.0)
    found = scraped(observer)

    assert found['dojo_checker_info{region="eu"}'] == 1
    assert found['dojo_checker_partition_owned{partition="3"}'] == 1
    assert found['dojo_checker_matches_total{partition="3"}'] == 5
    assert found['dojo_checker_evaluations_total{partition="3"}'] == 25
    assert found['dojo_checker_violations_total{rule="single-winner",state="suspected"}'] == 1
    assert found['dojo_checker_suppressed_total{rule="known-player"}'] == 7
    assert found['dojo_checker_open_violations{partition="3"}'] == 1
    assert found['dojo_checker_lag_records{partition="3",region="eu"}'] == 6
    assert (found["dojo_checker_detection_seconds_count"], found["dojo_checker_detection_seconds_sum"]) == (1, 0.03)
    assert found["dojo_checker_judge_seconds_count"] == 2


def test_what_was_let_go_is_no_longer_shown() -> None:
    """Another process tells of the partition now; failures stay counted."""
    observer = PrometheusCheckObserver(region="eu", clock=SetClock())
    observer.checked(check_facts(), publish_s=0.0)
    observer.partition_failed(3, error=Unavailable("gone"))
    observer.partition_released(3, reason="moved")
    found = scraped(observer)

    assert found['dojo_checker_partition_owned{partition="3"}'] == 0
    assert found['dojo_checker_failures_total{partition="3"}'] == 1
    assert 'dojo_checker_open_violations{partition="3"}' not in found
