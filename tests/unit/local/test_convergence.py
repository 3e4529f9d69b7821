"""Measuring how long regions take to show the same."""

from __future__ import annotations

import pytest

from dojopool.local.convergence import p50_and_p99


def test_percentiles_lie_between_the_values() -> None:
    """The median of 1 to 101 is 51, and one in a hundred is above the 99th percentile."""
    assert p50_and_p99([float(number) for number in range(1, 102)]) == (51.0, 100.0)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_delays_have_no_percentile(count: int) -> None:
    """A percentile of nothing, or of one value, is not shown as a number."""
    assert p50_and_p99([0.5] * count) is None
