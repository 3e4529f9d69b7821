"""The log lines of a replica."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from dojopool.errors import Refused
from dojopool.ports import BatchFacts
from dojopool.replica.logged import LoggingObserver
from support.pipeline import Facts

QUIET = BatchFacts(0, 10, 10, 0, 0, 0, 1, 0, 0, 0.0, {}, {}, 0, 0.0, {}, 0, ())


@pytest.fixture
def facts() -> Facts:
    """What arrives behind the log."""
    return Facts()


def test_ownership_and_failures_are_told(facts: Facts) -> None:
    """Claims, releases and failures are a line each, with their facts as fields, and are passed on."""
    observer = LoggingObserver(facts)
    with capture_logs() as lines:
        observer.partition_claimed(3, epoch=7, matches=12, mark_time_ms={})
        observer.partition_failed(3, error=Refused("fenced"))
        observer.partition_released(3, reason="fenced")

    assert lines == [
        {"event": "partition claimed", "log_level": "info", "partition": 3, "epoch": 7, "matches": 12},
        {"event": "partition failed", "log_level": "warning", "partition": 3, "error": "fenced", "kind": "Refused"},
        {"event": "partition released", "log_level": "info", "partition": 3, "reason": "fenced"},
    ]
    assert (facts.claimed, facts.failed, facts.released) == ([(3, 7, 12)], [(3, "fenced")], [(3, "fenced")])


def test_a_batch_that_is_well_says_nothing(facts: Facts) -> None:
    """The usual case is for the metrics alone."""
    with capture_logs() as lines:
        LoggingObserver(facts).batch_applied(QUIET, write_s=0.1)

    assert (lines, facts.batches) == ([], [QUIET])


def test_letters_are_one_line_a_batch(facts: Facts) -> None:
    """However many letters a batch has, one line tells their number and the first of them."""
    observer = LoggingObserver(facts)
    with capture_logs() as lines:
        for offset in range(100, 1100):
            observer.letter_written(
                topic="dojo.events.eu", partition=0, offset=offset, kind="undecodable", reason=f"reason {offset}"
            )
        for _ in range(2):
            observer.batch_applied(QUIET, write_s=0.1)

    assert lines == [
        {
            "event": "dead letters written",
            "log_level": "warning",
            "partition": 0,
            "letters": 1000,
            "first_topic": "dojo.events.eu",
            "first_offset": 100,
            "first_reason": "reason 100",
        }
    ]
    assert len(facts.letters) == 1000


def test_letters_of_a_partition_that_is_let_go_are_told(facts: Facts) -> None:
    """Letters whose batch was never stored are not kept to oneself."""
    observer = LoggingObserver(facts)
    with capture_logs() as lines:
        observer.letter_written(topic="dojo.events.eu", partition=0, offset=1, kind="undecodable", reason="damaged")
        observer.partition_released(0, reason="fenced")

    assert [line["event"] for line in lines] == ["dead letters written", "partition released"]


def test_equivocation_is_told(facts: Facts) -> None:
    """Rival payloads under one dot mean that a writer is broken or lies: a line of its own."""
    with capture_logs() as lines:
        LoggingObserver(facts).batch_applied(replace(QUIET, equivocations=2), write_s=0.1)

    assert lines == [{"event": "equivocation", "log_level": "warning", "partition": 0, "records": 2}]
