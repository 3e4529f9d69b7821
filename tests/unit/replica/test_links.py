"""Trace contexts found in the headers of records."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dojopool.adapters.memory_partition import StoredRecord
from dojopool.replica.links import sampled


def context(span: int, *, flags: str = "01") -> bytes:
    """A `traceparent` of trace 1."""
    return f"00-{1:032x}-{span:016x}-{flags}".encode()


def record(*headers: tuple[str, bytes]) -> StoredRecord:
    """A record with these headers."""
    return StoredRecord(0, b"m-1", b"", headers, 0)


def traced(*values: bytes) -> Sequence[StoredRecord]:
    """Records with these contexts."""
    return [record(("other", b"x"), ("traceparent", value)) for value in values]


def test_sampled_contexts_are_given_in_the_order_read() -> None:
    """Records without a header do not count, and a context that several share is one link."""
    found = sampled([*traced(context(2), context(1)), record(), *traced(context(2))], most=10)

    assert found == (3, (context(2), context(1)))


def test_links_are_bounded_and_the_rest_is_counted() -> None:
    """Of five contexts with room for two, the first two are links."""
    assert sampled(traced(*map(context, range(1, 6))), most=2) == (5, (context(1), context(2)))


@pytest.mark.parametrize(
    "value",
    [context(1, flags="00"), context(1, flags="02"), context(1)[:-1], b"", context(1, flags="0z"), b"\xff" * 55],
    ids=["not sampled", "another flag", "short", "empty", "no digit", "bytes"],
)
def test_what_was_not_sampled_is_no_link(value: bytes) -> None:
    """A context without the flag, or that is none, is passed over."""
    assert sampled(traced(value), most=10) == (0, ())


def test_a_header_without_a_value_is_passed_over() -> None:
    """Kafka allows a header to be null."""
    assert sampled([record(("traceparent", None))], most=1) == (0, ())  # type: ignore[arg-type]  # as the client gives it


def test_only_the_first_header_of_the_name_counts() -> None:
    """Who repeats the header cannot make a record count twice."""
    twice = record(("traceparent", context(1)), ("traceparent", context(2)))

    assert sampled([twice], most=10) == (1, (context(1),))
