"""Which servers the settings name."""

from __future__ import annotations

import pytest

from dojopool.errors import ConfigError
from dojopool.local.servers import event_log, reached_regions
from dojopool.settings import ClusterSettings


def test_pairs_reach_every_region() -> None:
    """With an address for each region, a command works on all of them."""
    settings = ClusterSettings.load(regions="eu,us", kafka="eu=a:1,us=b:2")

    assert reached_regions(settings) == ("eu", "us")


def test_one_address_reaches_one_region() -> None:
    """A single address stands for the own region, and a command works there only."""
    settings = ClusterSettings.load(regions="eu,us", region="us", kafka="b:2")

    assert reached_regions(settings) == ("us",)


def test_a_region_without_an_address_is_refused() -> None:
    """A command that has to reach a region nobody gave the address of says so, instead of doing half of its work."""
    settings = ClusterSettings.load(regions="eu,us", kafka="eu=a:1")

    assert reached_regions(settings) == ("eu", "us")
    with pytest.raises(ConfigError, match="region us needs one too"):
        event_log(settings, "us")
