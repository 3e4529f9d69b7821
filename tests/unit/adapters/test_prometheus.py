"""What a scrape of a replica finds."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from dojopool.adapters.prometheus import PrometheusObserver
from dojopool.core.streams import LetterKind
from dojopool.ports import BatchFacts
from support.region import NOW_MS, SetClock

FACTS = BatchFacts(
    partition=3,
    records=10,
    events=7,
    duplicates=2,
    waited=1,
    equivocations=4,
    matches=5,
    letters=1,
    waiting=6,
    fold_s=0.01,
    lag_records={"eu": 0, "us": 12},
    mark_time_ms={"eu": NOW_MS - 500, "us": 0},
    gaps=2,
    began_s=0.0,
    oldest_ms={"eu": NOW_MS - 4, "us": NOW_MS + 7_000},
    traced=0,
    links=(),
)


def new_observer(clock: SetClock | None = None) -> PrometheusObserver:
    """An observer of a replica of eu that reads eu and us."""
    return PrometheusObserver(region="eu", regions=("eu", "us"), clock=clock or SetClock())


def scraped(observer: PrometheusObserver) -> dict[str, float]:
    """Samples of the replica's own metrics: name with labels -> value."""
    content_type, body = observer.expose()
    assert content_type.startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(body.decode()) for sample in family.samples]
    return {
        f"{sample.name.removeprefix('dojo_replica_')}{sorted(sample.labels.items())}": sample.value
        for sample in samples
        if sample.name.startswith("dojo_replica_") and not sample.name.endswith("_created")
    }


def test_a_batch_counts() -> None:
    """Two batches add up, and gauges show the last."""
    observer = new_observer()
    observer.partition_claimed(3, epoch=7, matches=1, mark_time_ms={})
    observer.batch_applied(FACTS, write_s=0.002)
    observer.batch_applied(FACTS, write_s=0.004)
    found = scraped(observer)
    partition, us = [("partition", "3")], [("partition", "3"), ("region", "us")]
    eu = [("partition", "3"), ("region", "eu")]

    assert {name: found[f"{name}{partition}"] for name in ("batches_total", "records_total", "events_total")} == {
        "batches_total": 2,
        "records_total": 20,
        "events_total": 14,
    }
    assert found[f"duplicates_total{partition}"] == 4
    assert found[f"waited_events_total{partition}"] == 2
    assert found[f"equivocations_total{partition}"] == 8
    assert found[f"match_changes_total{partition}"] == 10
    assert found[f"waiting_events{partition}"] == 6
    assert found[f"gap_matches{partition}"] == 2
    assert (found[f"lag_records{eu}"], found[f"lag_records{us}"]) == (0, 12)
    assert found[f"mark_time_seconds{eu}"] == (NOW_MS - 500) / 1000
    assert f"mark_time_seconds{us}" not in found
    assert (found["fold_seconds_count[]"], found["fold_seconds_sum[]"]) == (2, 0.02)
    assert (found["write_seconds_count[]"], found["write_seconds_sum[]"]) == (2, 0.006)
    assert (found["batch_records_count[]"], found["batch_records_sum[]"]) == (2, 20)
    assert found["info[('region', 'eu')]"] == 1


def test_a_released_partition_is_no_longer_spoken_of() -> None:
    """After a release its lag and waiting events are not shown, since another process knows them; counters stay."""
    observer = new_observer()
    observer.partition_claimed(3, epoch=7, matches=1, mark_time_ms={})
    observer.batch_applied(FACTS, write_s=0.002)
    assert scraped(observer)["partition_owned[('partition', '3')]"] == 1
    observer.partition_released(3, reason="the group gave it to another")
    found = scraped(observer)

    assert found["partition_owned[('partition', '3')]"] == 0
    assert not [
        name
        for name in found
        if name.startswith(("lag_records", "mark_time", "waiting_events", "gap_matches", "staleness"))
    ]
    assert found["batches_total[('partition', '3')]"] == 1


def test_a_partition_that_comes_back_is_shown_again() -> None:
    """What was dropped at a release is made anew, not written to where no scrape looks."""
    observer = new_observer()
    for _ in range(2):
        observer.partition_claimed(3, epoch=7, matches=1, mark_time_ms={})
        observer.batch_applied(FACTS, write_s=0.002)
        assert scraped(observer)["waiting_events[('partition', '3')]"] == 6
        observer.partition_released(3, reason="the group gave it to another")


def test_a_batch_that_reports_late_brings_nothing_back() -> None:
    """A write that was on its way when its partition was let go counts, and shows nothing of what is another's now."""
    observer = new_observer()
    observer.partition_claimed(3, epoch=7, matches=1, mark_time_ms={})
    observer.partition_released(3, reason="the group gave it to another")
    observer.batch_applied(FACTS, write_s=0.002)
    found = scraped(observer)

    assert found["batches_total[('partition', '3')]"] == 1
    assert not [
        name for name in found if name.startswith(("lag_records", "mark_time", "waiting_events", "gap_matches"))
    ]


def test_releasing_what_was_never_measured_is_allowed() -> None:
    """A partition may be given up before its first batch."""
    observer = new_observer()
    observer.partition_released(5, reason="stopped")

    assert scraped(observer)["partition_owned[('partition', '5')]"] == 0


def test_failures_and_letters_count() -> None:
    """Each claim, failure and dead letter is one more."""
    observer = new_observer()
    observer.partition_claimed(1, epoch=1, matches=0, mark_time_ms={})
    observer.partition_failed(1, error=RuntimeError("x"))
    observer.mark_failed(1, error=RuntimeError("x"))
    for offset in range(3):
        observer.letter_written(
            topic="dojo.events.us", partition=1, offset=offset, kind="undecodable", reason="damaged"
        )
    found = scraped(observer)

    assert found["claims_total[('partition', '1')]"] == 1
    assert found["mark_failures_total[('partition', '1')]"] == 1
    assert found["failures_total[('partition', '1')]"] == 1
    assert found["letters_total[('kind', 'undecodable'), ('partition', '1'), ('topic', 'dojo.events.us')]"] == 3


def test_two_observers_do_not_share_anything() -> None:
    """Each replica of one process has its own registry."""
    one, other = new_observer(), new_observer()
    one.batch_applied(FACTS, write_s=0.1)

    assert not [name for name in scraped(other) if name.startswith("batches")]


def test_visibility_is_the_age_of_the_oldest_record_per_region() -> None:
    """From the time in the log to now; a log whose clock is ahead of ours counts as nothing, not as less."""
    observer = new_observer()
    observer.batch_applied(FACTS, write_s=0.002)
    found = scraped(observer)

    assert found["visibility_seconds_sum[('region', 'eu')]"] == 0.004
    assert found["visibility_seconds_sum[('region', 'us')]"] == 0
    assert found["visibility_seconds_bucket[('le', '0.003'), ('region', 'eu')]"] == 0
    assert found["visibility_seconds_bucket[('le', '0.005'), ('region', 'eu')]"] == 1


def test_staleness_grows_while_nothing_comes() -> None:
    """It is worked out at the scrape, for the worst partition; without a mark it counts from the claim."""
    clock = SetClock()
    observer = new_observer(clock)
    observer.partition_claimed(3, epoch=1, matches=0, mark_time_ms={"eu": NOW_MS - 2_000, "us": 0})
    observer.partition_claimed(4, epoch=1, matches=0, mark_time_ms={"eu": NOW_MS - 100, "us": NOW_MS - 100})
    stale = "staleness_seconds[('region', '%s')]"
    before = scraped(observer)
    observer.batch_applied(FACTS, write_s=0.002)
    clock.at_ms += 60_000
    after = scraped(observer)

    assert (before[stale % "eu"], before[stale % "us"]) == (2.0, 0.1)
    assert (after[stale % "eu"], after[stale % "us"]) == (60.5, 60.1)


def test_a_region_whose_partitions_are_held_by_others_is_not_spoken_of() -> None:
    """Nothing held is no staleness, not one of zero; and a batch that was stored after the release does not bring the
    partition back.
    """
    observer = new_observer()
    observer.partition_claimed(3, epoch=1, matches=0, mark_time_ms={})
    observer.partition_released(3, reason="the group gave it to another")
    observer.batch_applied(FACTS, write_s=0.002)

    assert not [name for name in scraped(observer) if name.startswith("staleness")]


def test_labels_are_bounded() -> None:
    """Whatever is said of a letter in words, it adds no time series: only its kind does."""
    observer = new_observer()
    for kind in LetterKind:
        for number in range(20):
            observer.letter_written(topic="t", partition=0, offset=number, kind=kind.value, reason=f"reason {number}")

    assert len([name for name in scraped(observer) if name.startswith("letters_total")]) == len(LetterKind)
