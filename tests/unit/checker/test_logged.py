"""The log lines of a checker."""

from __future__ import annotations

from structlog.testing import capture_logs

from dojopool.checker.logged import LoggingCheckObserver
from dojopool.errors import Unavailable
from support.checking import CheckedFacts, check_facts


def test_a_line_tells_of_what_was_published_and_put_off() -> None:
    """With counts and the first ids; a batch that found nothing has no line; everything is passed on."""
    inner = CheckedFacts()
    observer = LoggingCheckObserver(inner)
    with capture_logs() as lines:
        observer.checked(check_facts(), publish_s=0.0)
        observer.checked(check_facts(published={}, suppressed={}), publish_s=0.0)
        observer.partition_claimed(3, epoch=0, matches=0, mark_time_ms={})
        observer.partition_failed(3, error=Unavailable("gone"))
        observer.partition_released(3, reason="moved")

    assert [line["event"] for line in lines] == [
        "violations published",
        "violations put off",
        "partition taken over",
        "partition failed",
        "partition released",
    ]
    assert (lines[0]["counts"], lines[0]["ids"]) == ({"single-winner suspected": 1}, ("a1",))
    assert lines[1]["counts"] == {"known-player": 7}
    assert len(inner.batches) == 2
